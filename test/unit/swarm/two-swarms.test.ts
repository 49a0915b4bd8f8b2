import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { killMachines, restartMachines, startMachines } from '../../../src/machines/lifecycle.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { initSwarm } from '../../../src/swarm/init-swarm.js';
import { joinSwarm } from '../../../src/swarm/join-swarm.js';
import { leaveSwarm } from '../../../src/swarm/leave-swarm.js';
import { planRecovery } from '../../../src/swarm/recovery/plan-recovery.js';
import { recoverSwarm } from '../../../src/swarm/recovery/recover-swarm.js';
import { swarmStatus } from '../../../src/swarm/swarm-status.js';
import { type Engine, hasQuorum, type Swarm } from '../support/engine.js';
import { segment } from '../support/swarm-folder.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

/**
 * Managers that fail, come back and are recovered, in random order, on fake engines: two swarms with
 * one ID may exist only after a command with --force that warned, or after a boot without belt, and
 * then `swarm status` reports them.
 */

// Waiting costs no time: only commands change the engines.
vi.mock('node:timers/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:timers/promises')>();
  const setTimeout: typeof original.setTimeout = async (delay = 0, value, options) => {
    options?.signal?.throwIfAborted();
    vi.setSystemTime(Date.now() + delay);
    return original.setTimeout(0, value, options);
  };
  return { ...original, default: { ...original, setTimeout }, setTimeout };
});
vi.mock('../../../src/swarm/recovery/write-manager-address.js', () => ({
  writeManagerAddress: async () => {},
}));
vi.mock('../../../src/swarm/model/node-key.js', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  readIdentity: (text: string) => (text === '' ? undefined : JSON.parse(text)),
}));

beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());

const names = ['mg1', 'mg2', 'mg3'] as const;
const verbs = [
  'kill',
  'start',
  'restart',
  'recover',
  'init --force-new-cluster',
  'init --force-new-cluster --force',
  'join',
  'leave --force',
  'active',
  'loses power',
  'boots without belt',
] as const;

interface Step {
  does: (typeof verbs)[number];
  whom: (typeof names)[number];
}

const step: fc.Arbitrary<Step> = fc.record({
  does: fc.constantFrom(...verbs),
  whom: fc.constantFrom(...names),
});

class Model {
  /** What explains two swarms: belt has warned of it, or was not used. */
  private isExplained = false;

  private constructor(
    private readonly bed: TestBed,
    private readonly engines: ReadonlyMap<string, Engine>,
  ) {}

  static async open(bed: TestBed): Promise<Model> {
    await bed.running(...names, 'node1');
    const engines = new Map<string, Engine>();
    for (const name of [...names, 'node1']) engines.set(name, await bed.engine(name));
    const model = new Model(bed, engines);
    const swarm = model.engine('mg1').newSwarm('s1');
    for (const name of ['mg2', 'mg3']) model.engine(name).beIn(swarm, 'manager');
    model.engine('node1').beIn(swarm, 'worker');
    bed.engines.isUp = (name) => bed.driver.machines.get(name)?.state === 'running';
    bed.ssh.command = (name, command, streams) => model.runScript(name, command, streams as Streams);
    await bed.cluster.setActiveMachine('mg1');
    return model;
  }

  async run({ does, whom }: Step): Promise<void> {
    const { context, reporter } = this.bed;
    const before = reporter.lines.length;
    await this.command(does, await context.cluster.machine(whom)).catch((error: Error) => {
      // Refusals are expected, bugs are not.
      if (
        !/^(UserError|ExternalError|EngineError|ConnectError|NoLeaderError|NoQuorumError)$/.test(error.name)
      )
        throw error;
    });
    if (does === 'init --force-new-cluster --force')
      this.isExplained ||= reporter.lines
        .slice(before)
        .some((line) => line.includes('remain a second swarm'));
    if (does === 'boots without belt') this.isExplained = true;
  }

  /** Swarms with a quorum and one ID. */
  private get twoSwarms(): Swarm[] {
    const swarms = this.bed.engines.swarms.filter(hasQuorum);
    return swarms.filter(({ id }) => swarms.filter((other) => other.id === id).length > 1);
  }

  async check(done: readonly Step[]): Promise<void> {
    if (this.twoSwarms.length === 0) return;
    const steps = [
      ...done.map(({ does, whom }) => `${does} ${whom}`),
      ...this.bed.engines.swarms.map(describeSwarm),
    ];
    expect({ steps, isExplained: this.isExplained }).toEqual({ steps, isExplained: true });
    const { asked = '', splitManagers, warnings } = await swarmStatus(undefined, this.bed.context);
    const shown = [asked, ...splitManagers];
    const unseen = this.twoSwarms.filter(
      ({ nodes }) => !nodes.some(({ engine, left }) => !left && shown.includes(engine.name)),
    );
    expect({ steps, shown, warnings, unseen: unseen.map(describeSwarm) }).toMatchObject({
      warnings: expect.arrayContaining([expect.stringMatching(/with the (same ID|ID of this swarm)/)]),
      unseen: [],
    });
  }

  private async command(does: Step['does'], machine: Machine): Promise<unknown> {
    const { context } = this.bed;
    switch (does) {
      case 'kill':
        return killMachines([machine], context);
      case 'start':
        return startMachines([machine], context);
      case 'restart':
        return restartMachines([machine], { force: true }, context);
      case 'recover':
        return recoverSwarm(await planRecovery({ force: false }, context), undefined, context);
      case 'init --force-new-cluster':
      case 'init --force-new-cluster --force':
        return initSwarm(machine, { forceNewCluster: true, force: does.endsWith('--force') }, context);
      case 'join':
        return joinSwarm({ machines: [machine], role: 'manager' }, context);
      case 'leave --force':
        return leaveSwarm([machine.name], { force: true, confirm: async () => {} }, context);
      case 'active':
        return context.cluster.setActiveMachine(machine.name);
      case 'loses power':
        return this.power(machine.name, 'stopped');
      case 'boots without belt':
        return this.power(machine.name, 'running');
    }
  }

  private power(name: string, state: 'running' | 'stopped'): void {
    const machine = this.bed.driver.machines.get(name);
    if (machine) machine.state = state;
  }

  private engine(name: string): Engine {
    return this.engines.get(name) as Engine;
  }

  /** Answers like the scripts in templates/swarm. */
  private async runScript(
    name: string,
    command: string,
    { stdin, stdout, stderr }: Streams,
  ): Promise<number> {
    const [mark = ''] = /belt-[0-9a-f]{24}/.exec(command) ?? [];
    const tell = (word: string, text: string): void =>
      void stderr.write(`\n${mark} ${word} ${Buffer.from(text).toString('base64')}\n`);
    const { swarm, node } = this.engine(name);
    if (command.includes('tell certificate')) {
      if (swarm && node) {
        const manager = node.role === 'manager';
        tell('certificate', JSON.stringify({ swarmId: swarm.id, nodeId: node.id, manager }));
        if (manager) tell('segment', `/log-of-${name}`);
      }
    } else if (command.includes('gzip -1')) {
      stdout.write(gzipSync(segment({ term: 2, index: 5, commit: 5 })));
    } else {
      if (stdin) await buffer(stdin);
      this.engine(name).standAside();
      tell('copy', '/var/lib/docker/swarm.before-recover');
    }
    tell('done', '');
    return 0;
  }
}

function describeSwarm(swarm: Swarm): string {
  const nodes = swarm.nodes.map(
    ({ engine, role, left, status, reachability }) =>
      `${engine.name} ${role} ${status} ${reachability}${left ? ' left' : ''}${engine.isUp ? '' : ' off'}`,
  );
  return `${hasQuorum(swarm) ? 'quorum' : 'no quorum'}: ${nodes.join(', ')}`;
}

interface Streams {
  stdin?: Readable;
  stdout: Writable;
  stderr: Writable;
}

async function runSteps(
  steps: readonly Step[],
  afterwards = async (_bed: TestBed, _model: Model): Promise<void> => {},
): Promise<void> {
  const bed = await openTestBed();
  try {
    const model = await Model.open(bed);
    for (const [index, one] of steps.entries()) {
      await model.run(one);
      await model.check(steps.slice(0, index + 1));
    }
    await afterwards(bed, model);
  } finally {
    await bed.close();
  }
}

function stepsOf(text: string): Step[] {
  return text.split(', ').map((line): Step => {
    const [, does, whom] = /^(.*) (mg\d)$/.exec(line) ?? [];
    return { does, whom } as Step;
  });
}

const known: [string, string][] = [
  [
    'both halves boot without belt',
    'loses power mg2, loses power mg3, recover mg1, boots without belt mg2, boots without belt mg3',
  ],
  ['belt starts what was given up', 'kill mg2, kill mg3, recover mg1, start mg2, start mg3, join mg2'],
  ['the user forces a new cluster', 'init --force-new-cluster --force mg1, active mg2, start mg2'],
];

test.each(known)('two swarms with one ID are reported when %s', async (_, text) => {
  await runSteps(stepsOf(text));
});

const recovered = 'kill mg2, kill mg3, recover mg1';

test('managers that a recovery gave up keep their swarm when the recovered manager was removed', async () => {
  await runSteps(stepsOf(`${recovered}, loses power mg1`), async (bed, model) => {
    await bed.cluster.remove('mg1');
    await model.run({ does: 'start', whom: 'mg2' });
    await model.run({ does: 'start', whom: 'mg3' });
    expect(bed.engines.swarms.filter(hasQuorum).map(describeSwarm)).toEqual([
      expect.stringMatching(/^quorum: .*mg2 manager .*mg3 manager /),
    ]);
    expect(bed.reporter.lines.join('\n')).toContain(
      'mg2 stays in its old swarm: mg1, which continued it, no longer exists',
    );
  });
});

test('a manager that a recovery gave up does not leave its swarm while the recovered manager is off', async () => {
  await runSteps(stepsOf(`${recovered}, loses power mg1`), async (bed, model) => {
    const [outcome] = await startMachines([await bed.context.cluster.machine('mg2')], bed.context);
    expect(outcome).toMatchObject({
      status: 'failed',
      error: expect.objectContaining({
        message:
          'mg2 is still in its old swarm, and no manager of the swarm that continues without it responds',
        hint: 'belt start mg1',
      }),
    });
    await model.run({ does: 'boots without belt', whom: 'mg1' });
    await model.run({ does: 'start', whom: 'mg2' });
    expect(bed.reporter.lines.join('\n')).toContain('mg2 has left its old swarm');
  });
});

test('no sequence of commands makes two swarms with one ID that belt does not report', {
  timeout: 120_000,
}, async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 8 }), (steps) =>
    runSteps(steps),
  );
  await fc.assert(property, { numRuns: 15, endOnFailure: true });
});
