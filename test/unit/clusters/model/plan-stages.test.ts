import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/base/errors.js';
import {
  type ClusterState,
  compare,
  type Present,
  type PresentNode,
  type Wanted,
} from '../../../../src/clusters/model/compare.js';
import { type PlanStage, type PlanStep, planStages } from '../../../../src/clusters/model/plan-stages.js';
import { changedEngine, type EngineChangeRequest } from '../../../../src/engine/model/engine-changes.js';
import {
  type EngineOptionKey,
  type EngineOptionValues,
  engineSettings,
} from '../../../../src/engine/model/engine-options.js';
import { defaultEngineSettings } from '../../../../src/engine/model/engine-settings.js';

/** The engine settings of a group. */
function groupEngine(words: EngineOptionValues): EngineChangeRequest {
  const settings = engineSettings(words, (word, reason) => new UserError(`${word} ${reason}`));
  return { settings, keys: Object.keys(words) as EngineOptionKey[] };
}

/** A simulated cluster on which steps have their visible effects. */
class Model {
  private readonly present: Map<string, Present>;
  private swarm: ClusterState['swarm'];
  private made = 0;

  constructor(
    private readonly wanted: readonly Wanted[],
    cluster: ClusterState,
  ) {
    this.present = new Map(cluster.present.map((each) => [each.name, each]));
    this.swarm = cluster.swarm;
  }

  get cluster(): ClusterState {
    return { swarm: this.swarm, present: [...this.present.values()] };
  }

  get managers(): string[] {
    return [...this.present.values()].flatMap(({ name, node }) =>
      node?.role === 'manager' && node.ready ? [name] : [],
    );
  }

  do(step: PlanStep): void {
    if (step.does === 'remove') this.present.delete(step.name);
    else this.present.set(step.name, { ...this.of(step.name), ...this.changeBy(step) });
  }

  /** Applies a step to a name. @throws Error if the step is not possible */
  private changeBy(step: PlanStep): Partial<Present> {
    const { name } = step;
    const { machine, node, stale } = this.of(name);
    const wanted = this.wanted.find((each) => each.name === name);
    if (!wanted) throw new Error(`${step.does} of ${name}, which no group names`);
    if (step.does === 'forget') return { stale: stale.filter(({ id }) => id !== step.nodeId) };
    if (step.does === 'create') {
      if (machine?.finished && machine.state !== 'missing') throw new Error(`${name} is made already`);
      expect([step.recreate, node]).toEqual([machine?.state === 'missing', undefined]);
      const size = wanted.size === undefined ? {} : { size: wanted.size };
      const engine = wanted.engine?.settings ?? defaultEngineSettings;
      return { machine: { state: 'running', finished: true, engine, ...size } };
    }
    if (!machine?.finished || machine.state === 'missing')
      throw new Error(`${step.does} of ${name}, which is not made`);
    if (step.does === 'start')
      return { machine: { ...machine, state: 'running' }, ...(node && { node: { ...node, ready: false } }) };
    if (machine.state !== 'running') throw new Error(`${step.does} of ${name}, which does not run`);
    if (step.does === 'resize') return { machine: { ...machine, size: step.size } };
    if (step.does === 'engine') {
      const engine = changedEngine(machine.engine ?? defaultEngineSettings, wanted.engine ?? groupEngine({}));
      return { machine: { ...machine, engine } };
    }
    return { node: this.nodeBy(step, wanted, node) };
  }

  private nodeBy(step: PlanStep, wanted: Wanted, node: PresentNode | undefined): PresentNode {
    if (step.does === 'init') {
      expect([this.swarm, node]).toEqual(['none', undefined]);
      this.swarm = 'present';
      return this.newNode('manager');
    }
    if (step.does === 'join') {
      expect(this.managers).not.toEqual([]);
      expect(node).toBeUndefined();
      return this.newNode(step.role);
    }
    if (!node) throw new Error(`${step.does} of ${step.name}, which is not a node`);
    if (step.does === 'await') return { ...node, ready: true };
    if (!node.ready) throw new Error(`${step.does} of ${step.name}, which is not ready`);
    if (step.does === 'promote') return { ...node, role: 'manager' };
    if (step.does === 'demote') {
      expect(this.managers.length).toBeGreaterThan(1);
      return { ...node, role: 'worker' };
    }
    return { ...node, availability: wanted.availability, labels: { ...node.labels, ...wanted.labels } };
  }

  private of(name: string): Present {
    return this.present.get(name) ?? { name, stale: [] };
  }

  private newNode(role: Wanted['role']): PresentNode {
    return { id: `new-${++this.made}`, role, ready: true, availability: 'active', labels: {} };
  }
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const role = fc.constantFrom('manager' as const, 'worker' as const);
const labels = fc.dictionary(fc.constantFrom('zone', 'disk'), fc.constantFrom('1', '2'), { maxKeys: 2 });
const size = fc.constantFrom('512mb', '1gb', '1024mb');

const engineWish = fc.constantFrom(
  groupEngine({}),
  groupEngine({ label: ['a=b'] }),
  groupEngine({ access: 'local', opt: [] }),
);
const engine = fc.constantFrom(
  defaultEngineSettings,
  groupEngine({ label: ['a=b'], access: 'insecure' }).settings,
  groupEngine({ label: ['a=c'], access: 'local', opt: ['mtu=1400'] }).settings,
);

const wantedNodes: fc.Arbitrary<Wanted[]> = fc
  .uniqueArray(
    fc.record(
      {
        name: fc.constantFrom(...names),
        role,
        availability: fc.constantFrom('active' as const, 'pause' as const, 'drain' as const),
        labels,
        size,
        engine: engineWish,
      },
      { requiredKeys: ['name', 'role', 'availability', 'labels'] },
    ),
    { selector: ({ name }) => name, minLength: 1 },
  )
  .filter((nodes) => nodes.some((node) => node.role === 'manager'))
  .map((nodes) => nodes.map((node) => ({ ...node, group: `${node.role}s` })));

const presentNode: fc.Arbitrary<Omit<PresentNode, 'id'>> = fc.record({
  role,
  ready: fc.boolean(),
  availability: fc.constantFrom('active', 'drain'),
  labels,
});
const presentMachine = fc.record(
  {
    state: fc.constantFrom('running' as const, 'stopped' as const, 'missing' as const),
    finished: fc.boolean(),
    size,
    engine,
  },
  { requiredKeys: ['state', 'finished'] },
);

/** Any state with a responding manager, or without a swarm. */
const clusters: fc.Arbitrary<ClusterState> = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom(...names, 'x', 'y'),
      machine: presentMachine,
      node: fc.option(presentNode),
      left: fc.nat(2),
    }),
    { selector: ({ name }) => name },
  )
  .map((found) =>
    found.map(({ name, machine, node, left }): Present => {
      const canBeNode = node && machine.finished && machine.state !== 'missing';
      const stale = Array.from(
        { length: left },
        (_, index): PresentNode => ({
          id: `${name}-old${index}`,
          role: 'worker',
          ready: false,
          availability: 'active',
          labels: {},
        }),
      );
      return { name, machine, ...(canBeNode && { node: { ...node, id: `${name}-id` } }), stale };
    }),
  )
  .map((present) => {
    const answers = present.some(
      ({ machine, node }) => node?.role === 'manager' && node.ready && machine?.state === 'running',
    );
    return answers
      ? { swarm: 'present' as const, present }
      : { swarm: 'none' as const, present: present.map(({ node: _, ...rest }) => ({ ...rest, stale: [] })) };
  });

function doAll(stages: readonly PlanStage[], wanted: readonly Wanted[], cluster: ClusterState): ClusterState {
  const model = new Model(wanted, cluster);
  for (const step of stages.flatMap(({ steps }) => steps)) model.do(step);
  return model.cluster;
}

describe('property: for any current and wanted state', () => {
  test('the steps of the plan leave nothing to do', () => {
    fc.assert(
      fc.property(wantedNodes, clusters, fc.boolean(), (wanted, cluster, prune) => {
        const after = doAll(planStages(wanted, cluster, { prune }), wanted, cluster);
        expect(compare(wanted, after).filter(({ status }) => prune || status !== 'extra')).toEqual([]);
        expect(planStages(wanted, after, { prune })).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
  });

  test('planning again after each stage, as after an interruption, gives the same result', () => {
    fc.assert(
      fc.property(wantedNodes, clusters, fc.nat(5), (wanted, cluster, part) => {
        let now = cluster;
        let rounds = 0;
        for (
          let stages = planStages(wanted, now, { prune: true });
          stages[0];
          stages = planStages(wanted, now, { prune: true })
        ) {
          expect(++rounds).toBeLessThan(100);
          const [{ order, steps }] = stages as [PlanStage];
          // A parallel stage may be done in part, but at least one step is, so that the loop ends.
          const done = steps.slice(0, Math.max(1, steps.length - part));
          now = doAll([{ order, steps: done }], wanted, now);
        }
        expect(compare(wanted, now)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('managers come before workers, and machines before their nodes', () => {
    fc.assert(
      fc.property(wantedNodes, clusters, (wanted, cluster) => {
        const steps = planStages(wanted, cluster, { prune: true }).flatMap((stage) => stage.steps);
        const rank = (step: PlanStep): number => {
          if (step.does === 'join') return step.role === 'manager' ? 4 : 6;
          return {
            create: 1,
            start: 1,
            forget: 2,
            await: 3,
            init: 4,
            promote: 4,
            demote: 5,
            set: 7,
            engine: 8,
            resize: 9,
            remove: 10,
          }[step.does];
        };
        const ranks = steps.map(rank);
        expect(ranks).toEqual(ranks.toSorted((one, other) => one - other));
      }),
    );
  });

  test('managers change one at a time', () => {
    fc.assert(
      fc.property(wantedNodes, clusters, (wanted, cluster) => {
        const isManager = (name: string): boolean =>
          wanted.some((each) => each.name === name && each.role === 'manager');
        for (const { order, steps } of planStages(wanted, cluster, { prune: true })) {
          const critical = steps.some(
            (step) =>
              ['init', 'promote', 'demote', 'forget', 'remove'].includes(step.does) ||
              (step.does === 'join' && step.role === 'manager') ||
              (step.does === 'engine' && isManager(step.name)),
          );
          if (critical) expect(order).toBe('one by one');
        }
      }),
    );
  });
});

describe('compare', () => {
  const mg0: Wanted = {
    name: 'mg0',
    group: 'managers',
    role: 'manager',
    availability: 'drain',
    labels: {},
    size: '1gb',
  };
  const node1: Wanted = {
    name: 'node1',
    group: 'workers',
    role: 'worker',
    availability: 'active',
    labels: { zone: 'a' },
  };
  const is = (name: string, rest: Partial<Present>): Present => ({
    name,
    machine: { state: 'running', finished: true, size: '1gb', memory: 1024 },
    stale: [],
    ...rest,
  });
  const node = (change: Partial<PresentNode> = {}): PresentNode => ({
    id: 'id',
    role: 'worker',
    ready: true,
    availability: 'active',
    labels: { zone: 'a' },
    ...change,
  });
  const of = (wanted: Wanted, present?: Present) =>
    compare([wanted], { swarm: 'present', present: present ? [present] : [] });

  test('compare lists everything as missing in an empty cluster', () => {
    expect(of(mg0)).toEqual([
      {
        name: 'mg0',
        group: 'managers',
        status: 'missing',
        differences: [
          { what: 'machine', is: 'missing', wanted: 'running' },
          { what: 'role', is: 'none', wanted: 'manager' },
          { what: 'availability', is: 'active', wanted: 'drain' },
        ],
      },
    ]);
  });

  test.each<[string, Wanted, Present, object]>([
    [
      'off',
      node1,
      is('node1', { machine: { state: 'stopped', finished: true }, node: node() }),
      { what: 'machine', is: 'stopped', wanted: 'running' },
    ],
    [
      'another role',
      node1,
      is('node1', { node: node({ role: 'manager' }) }),
      { what: 'role', is: 'manager', wanted: 'worker' },
    ],
    [
      'drained by hand',
      node1,
      is('node1', { node: node({ availability: 'drain' }) }),
      { what: 'availability', is: 'drain', wanted: 'active' },
    ],
    [
      'a label changed',
      node1,
      is('node1', { node: node({ labels: { zone: 'b', other: 'x' } }) }),
      { what: 'label', key: 'zone', is: 'b', wanted: 'a' },
    ],
    [
      'a label removed',
      node1,
      is('node1', { node: node({ labels: {} }) }),
      { what: 'label', key: 'zone', wanted: 'a' },
    ],
    [
      'not ready',
      node1,
      is('node1', { node: node({ ready: false }) }),
      { what: 'node', is: 'not ready', wanted: 'ready' },
    ],
    [
      'another size',
      { ...node1, size: '2gb' },
      is('node1', { node: node() }),
      { what: 'size', is: '1gb', wanted: '2gb' },
    ],
    [
      'a node left behind',
      node1,
      is('node1', { node: node(), stale: [node({ id: 'old' })] }),
      { what: 'left-over node', is: 'old', wanted: 'removed' },
    ],
  ])('compare finds differences: %s', (_, wanted, present, difference) => {
    expect(of(wanted, present)).toEqual([
      { name: 'node1', group: 'workers', status: 'different', differences: [difference] },
    ]);
  });

  test('compare ignores an equal size in other units, an unknown size, and labels outside the groups', () => {
    expect(of({ ...node1, size: '1024mb' }, is('node1', { node: node() }))).toEqual([]);
    const roundedUp = { state: 'running', finished: true, size: '3072mb', memory: 4096 } as const;
    expect(of({ ...node1, size: '3gb' }, is('node1', { machine: roundedUp, node: node() }))).toEqual([]);
    const unknown = { state: 'running', finished: true } as const;
    expect(of({ ...node1, size: '2gb' }, is('node1', { machine: unknown, node: node() }))).toEqual([]);
    expect(of(node1, is('node1', { node: node({ labels: { zone: 'a', mine: 'b' } }) }))).toEqual([]);
  });

  describe('engine settings', () => {
    const differences = (words: EngineOptionValues): object[] => {
      const engine = groupEngine({ access: 'local', label: ['disk=hdd'], tune_swarm: true }).settings;
      const machine = { state: 'running', finished: true, engine } as const;
      const found = of({ ...node1, engine: groupEngine(words) }, is('node1', { machine, node: node() }));
      return found.flatMap(({ differences }) => differences);
    };

    test('only the settings of the group are compared', () => {
      expect(differences({})).toEqual([]);
      expect(differences({ access: 'local' })).toEqual([]);
      expect(differences({ access: 'secure', label: ['disk=ssd', 'a=b'], opt: ['mtu=1400'] })).toEqual([
        { what: 'engine', key: 'access', is: 'local', wanted: 'secure' },
        { what: 'engine', key: 'opt', wanted: 'mtu=1400' },
        { what: 'engine', key: 'label', is: 'disk=hdd', wanted: 'disk=ssd,a=b' },
      ]);
      expect(differences({ label: [] })).toEqual([
        { what: 'engine', key: 'label', is: 'disk=hdd', wanted: 'none' },
      ]);
    });

    test('settings that belt does not change on existing engines are not differences', () => {
      expect(differences({ install_url: 'https://x', storage_driver: 'btrfs', tune_swarm: false })).toEqual(
        [],
      );
    });

    test('a change keeps undeclared settings, and the port while the access stays', () => {
      const before = { ...groupEngine({ label: ['a=b'], opt: ['mtu=1400'] }).settings, port: 2476 };
      expect(changedEngine(before, groupEngine({ label: [], access: 'secure' }))).toEqual({
        ...before,
        labels: [],
      });
      expect(changedEngine(before, groupEngine({ access: 'insecure' }))).toEqual({
        ...before,
        access: 'insecure',
        port: 2375,
      });
    });

    test('machines without a provisioned engine have no engine differences', () => {
      const machine = { state: 'running', finished: true } as const;
      const wanted = { ...node1, engine: groupEngine({ label: ['a=b'] }) };
      expect(of(wanted, is('node1', { machine, node: node() }))).toEqual([]);
    });
  });

  test('while the swarm is unknown, only machines are inspected and created', () => {
    const cluster: ClusterState = {
      swarm: 'unknown',
      present: [is('mg0', { machine: { state: 'stopped', finished: true } }), is('node1', {})],
    };
    expect(compare([mg0, node1], cluster)).toEqual([
      expect.objectContaining({
        name: 'mg0',
        differences: [{ what: 'machine', is: 'stopped', wanted: 'running' }],
      }),
    ]);
    expect(planStages([mg0, node1], cluster, { prune: true })).toEqual([
      { order: 'together', steps: [{ does: 'start', name: 'mg0' }] },
    ]);
  });

  test('machines and nodes of no group are extra', () => {
    expect(of(node1, is('old1', {}))).toEqual([
      expect.objectContaining({ name: 'node1', status: 'missing' }),
      { name: 'old1', status: 'extra', differences: [] },
    ]);
  });
});
