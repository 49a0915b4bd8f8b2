import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../../../src/app/context.js';
import type { Outcome } from '../../../../src/app/fan-out.js';
import {
  planUpgrade,
  type UpgradedNode,
  type UpgradeInput,
  upgradeNodes,
} from '../../../../src/swarm/upgrade/upgrade-nodes.js';
import { UpgradeRecord } from '../../../../src/swarm/upgrade/upgrade-record.js';
import { recordFault } from '../../../lab/record-fault.js';
import type { Node, Swarm } from '../../support/engine.js';
import { openTestBed, type TestBed } from '../../support/test-bed.js';

const names = ['mg1', 'mg2', 'mg3', 'node1', 'node2'];

let bed: TestBed;
let swarm: Swarm;

/** Three managers: mg1 is the leader, mg3 is drained. Two workers: node2 is paused. */
async function openSwarm(): Promise<void> {
  bed = await openTestBed();
  await bed.running(...names);
  const [first, ...others] = await Promise.all(names.map((name) => bed.engine(name)));
  if (!first) throw new Error('no engine');
  swarm = first.newSwarm('s1');
  for (const engine of others) engine.beIn(swarm, engine.name.startsWith('mg') ? 'manager' : 'worker');
  node('mg3').availability = 'drain';
  node('node2').availability = 'pause';
  await bed.cluster.setActiveMachine('mg1');
}

beforeEach(openSwarm);
afterEach(() => bed.close());

function node(name: string): Node {
  const found = swarm.nodes.find(({ engine }) => engine.name === name);
  if (!found) throw new Error(`no node ${name}`);
  return found;
}

function input(change: Partial<UpgradeInput> = {}): UpgradeInput {
  return {
    nodes: [],
    all: true,
    size: '1gb',
    engine: false,
    force: false,
    maxUnavailable: 1,
    drainMs: 500,
    ...change,
  };
}

function upgrade(change: Partial<UpgradeInput> = {}, context?: Context): Promise<Outcome<UpgradedNode>[]> {
  return upgradeNodes(input(change), context ?? bed.context);
}

function nodeStates(): string[] {
  return swarm.nodes.map(({ engine, role, availability }) => `${engine.name} ${role} ${availability}`);
}

const before = [
  'mg1 manager active',
  'mg2 manager active',
  'mg3 manager drain',
  'node1 worker active',
  'node2 worker pause',
];

async function recorded(): Promise<boolean> {
  return (await bed.files()).some((path) => path.endsWith('/upgrade.json'));
}

function warnings(): string[] {
  return bed.reporter.lines.filter((line) => line.startsWith('warning: '));
}

describe('upgrade', () => {
  test('upgrade resizes managers one at a time, leader last, then workers, and restores all of them', async () => {
    const outcomes = await upgrade();
    expect(outcomes.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'mg2 ok',
      'mg3 ok',
      'mg1 ok',
      'node1 ok',
      'node2 ok',
    ]);
    expect(nodeStates()).toEqual(before);
    const sizes = await Promise.all(names.map(async (name) => (await bed.onDisk(name)).size));
    expect(sizes).toEqual(names.map(() => '1gb'));
    expect(bed.driver.calls.filter((call) => /^(stop|resize|start)/.test(call))).toEqual(
      ['mg2', 'mg3', 'mg1', 'node1', 'node2'].flatMap((name) => [
        `stop ${name}`,
        `resize ${name}`,
        `start ${name}`,
      ]),
    );
    expect(await recorded()).toBe(false);
    expect(await bed.claims()).toEqual([]);
    expect(warnings()).toContain(
      'warning: while one of the 3 managers is upgraded, the other 2 tolerate no failure',
    );
  });

  test('upgrade stops a machine only while its node is a drained worker', async () => {
    const seen: string[] = [];
    bed.driver.onMoment = (moment, name) => {
      const { role, availability } = node(name);
      if (moment === 'begun') seen.push(`${name} ${role} ${availability}`);
    };
    await upgrade();
    expect(new Set(seen)).toEqual(new Set(names.map((name) => `${name} worker drain`)));
  });

  test('a second upgrade has nothing to do', async () => {
    await upgrade();
    bed.driver.calls.length = 0;
    const outcomes = await upgrade({ size: '1024MB' });
    expect(outcomes.map((outcome) => outcome.status === 'ok' && outcome.value.steps)).toEqual(
      names.map(() => []),
    );
    expect(bed.driver.calls.filter((call) => !/^(check|list)/.test(call))).toEqual([]);
  });

  test('planUpgrade returns the steps and changes nothing', async () => {
    const plan = await planUpgrade(input({ nodes: ['mg1', 'node2'], all: false }), bed.context);
    expect(plan).toMatchObject([
      { name: 'mg1', role: 'manager', steps: expect.arrayContaining(['demote', 'resize', 'promote']) },
      { name: 'node2', role: 'worker', availability: 'pause' },
    ]);
    expect(nodeStates()).toEqual(before);
    expect(await recorded()).toBe(false);
    expect(bed.driver.calls.filter((call) => !/^(check|list)/.test(call))).toEqual([]);
  });

  test('upgrade stops at the first node that does not come back, and the next run resumes', async () => {
    bed.driver.onMoment = (moment, name) => {
      if (moment === 'begun' && name === 'mg2' && bed.driver.calls.at(-1) === 'start mg2')
        bed.driver.failures.set('mg2', new Error('the disk is gone'));
    };
    const outcomes = await upgrade();
    expect(outcomes.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'mg2 failed',
      'mg3 skipped',
      'mg1 skipped',
      'node1 skipped',
      'node2 skipped',
    ]);
    expect(outcomes[0]).toMatchObject({
      error: {
        message: 'the upgrade of mg2 failed at "start": the disk is gone',
        hint: 'fix it and rerun the command, which makes it a manager with availability "active" again; or belt rm --force mg2',
      },
    });
    expect(nodeStates()).toContain('mg2 worker drain');
    bed.driver.onMoment = () => {};

    await upgrade({ all: false, nodes: ['node1'] });
    expect(warnings()).toContain(
      'warning: an earlier upgrade of mg2 is unfinished; to resume it, add mg2 to NODES',
    );

    expect((await upgrade()).every(({ status }) => status === 'ok')).toBe(true);
    expect(nodeStates()).toEqual(before);
    expect(await recorded()).toBe(false);
  });

  test('upgrade runs as many workers at a time as may be unavailable', async () => {
    // Each stop waits for the other: sequential upgrades would never end.
    const arrived: (() => void)[] = [];
    bed.driver.onMoment = async (moment, name) => {
      if (moment !== 'begun' || bed.driver.calls.includes(`resize ${name}`)) return;
      await new Promise<void>((go) => {
        arrived.push(go);
        if (arrived.length === 2) for (const each of arrived) each();
      });
    };
    const outcomes = await upgrade({ all: false, nodes: ['node[1:2]'], maxUnavailable: 2 });
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'ok']);
    expect(nodeStates()).toEqual(before);
  });

  test('upgrade of the only manager requires force and does not demote it', async () => {
    for (const name of ['mg2', 'mg3']) node(name).role = 'worker';
    const [refused] = await upgrade({ all: false, nodes: ['mg1'] });
    expect(refused).toMatchObject({
      status: 'failed',
      error: {
        message:
          "mg1 is the swarm's only manager: the swarm cannot be changed until it is back; running tasks continue",
      },
    });
    expect(await recorded()).toBe(false);
    const [done] = await upgrade({ all: false, nodes: ['mg1'], force: true });
    expect(done).toMatchObject({
      status: 'ok',
      value: { steps: ['drain', 'stop', 'resize', 'start', 'wait until ready', 'restore availability'] },
    });
    expect(nodeStates()).toContain('mg1 manager active');
  });

  test('upgrade refuses a manager that the quorum needs', async () => {
    node('mg3').reachability = 'unreachable';
    const [refused] = await upgrade({ all: false, nodes: ['mg2'] });
    expect(refused).toMatchObject({
      status: 'failed',
      error: {
        message:
          'upgrading mg2 would leave the swarm without a quorum: 1 of 2 managers can be reached, and 2 are needed (now 2 of 3 managers): the swarm cannot be changed until it is back; running tasks continue',
      },
    });
    expect(bed.driver.calls).not.toContain('stop mg2');
  });

  test('upgrade restores a node when a service cannot run on another node', async () => {
    swarm.services.push({ id: 'db', name: 'db', mode: 'Replicated' });
    swarm.tasks.push(
      { service: 'db', node: node('node1'), slot: 1, state: 'shutdown', desired: 'shutdown' },
      {
        service: 'db',
        node: node('node1'),
        slot: 1,
        state: 'pending',
        desired: 'running',
        problem: 'no suitable node (1 node not available for new tasks)',
      },
    );
    const nodes = { all: false, nodes: ['node1'] };
    expect(await upgrade(nodes)).toMatchObject([
      {
        status: 'failed',
        error: {
          message:
            'node1 is not upgraded: db cannot run on another node: no suitable node (1 node not available for new tasks)',
        },
      },
    ]);
    expect(nodeStates()).toEqual(before);
    expect(await recorded()).toBe(false);
    expect(await upgrade({ ...nodes, force: true })).toMatchObject([{ status: 'ok' }]);
  });

  test('upgrade refuses an invalid size and an unknown node before it changes anything', async () => {
    bed.driver.onCheck = () => {
      throw new Error('"huge" is not a size');
    };
    await expect(upgrade({ size: 'huge' })).rejects.toThrow('"huge" is not a size');
    expect(nodeStates()).toEqual(before);
    await bed.running('other');
    await expect(upgrade({ all: false, nodes: ['other'] })).rejects.toThrow(
      'other is not a node of the swarm',
    );
  });

  describe('the record of an earlier upgrade', () => {
    const nothingToDo = { size: '512mb' };
    const record = async (name: string, role: Node['role'], availability: string): Promise<void> => {
      const kept = await UpgradeRecord.open(bed.cluster);
      await kept.begin({ id: node(name).id, name }, { role, availability });
    };

    test('the record is dropped for a node in its previous state, and later changes stay', async () => {
      await record('mg2', 'manager', 'active');
      await upgrade({ ...nothingToDo, all: false, nodes: ['node1'] });
      expect(await recorded()).toBe(false);
      expect(warnings()).toEqual([]);
      Object.assign(node('mg2'), { role: 'worker', availability: 'drain' });
      const outcomes = await upgrade(nothingToDo);
      expect(outcomes.every((outcome) => outcome.status === 'ok' && outcome.value.steps.length === 0)).toBe(
        true,
      );
      expect(nodeStates()).toContain('mg2 worker drain');
    });

    test('the record is not applied to a node that was changed since', async () => {
      await record('mg2', 'manager', 'active');
      Object.assign(node('mg2'), { role: 'worker', availability: 'active' });
      const goal = input({ ...nothingToDo, all: false, nodes: ['mg2'] });
      const [planned] = await planUpgrade(goal, bed.context);
      expect(planned).toMatchObject({ role: 'worker', availability: 'active', resumed: false, steps: [] });
      expect(await recorded()).toBe(true);
      await upgrade(nothingToDo);
      expect(nodeStates()).toContain('mg2 worker active');
      expect(await recorded()).toBe(false);
      expect(warnings()).toEqual([
        'warning: mg2 was a manager with availability "active" before an interrupted upgrade and has been changed since; it stays a worker with availability "active"',
      ]);
    });

    test('a stopped node that was changed since keeps its new state and is started', async () => {
      await record('node1', 'worker', 'active');
      node('node1').availability = 'pause';
      Object.assign(bed.driver.machines.get('node1') ?? {}, { state: 'stopped' });
      const [done] = await upgrade({ ...nothingToDo, all: false, nodes: ['node1'] });
      expect(done).toMatchObject({ status: 'ok', value: { steps: ['start', 'wait until ready'] } });
      expect(nodeStates()).toContain('node1 worker pause');
      expect(await recorded()).toBe(false);
    });

    test('the record is applied to a node that is still as the upgrade left it', async () => {
      await record('mg2', 'manager', 'active');
      Object.assign(node('mg2'), { role: 'worker', availability: 'drain' });
      await upgrade(nothingToDo);
      expect(nodeStates()).toContain('mg2 manager active');
      expect(await recorded()).toBe(false);
    });
  });

  test('upgrade is refused while another belt upgrades', async () => {
    const claim = await bed.cluster.claim(['the swarm'], 'upgraded');
    await expect(upgrade()).rejects.toThrow(/^the swarm is being upgraded by another belt/);
    await claim.release();
  });

  test('upgrade reports a damaged record', async () => {
    await writeFile(join(bed.folder, 'upgrade.json'), '{');
    await expect(upgrade()).rejects.toThrow(/upgrade\.json is damaged/);
  });
});

test('upgrade interrupted at any moment is completed by the same command', async () => {
  let tried = 0;
  for (let cut = 1, ended = false; !ended; cut++) {
    tried++;
    let moments = 0;
    const pass = (): void => {
      if (++moments === cut) bed.interrupt();
    };
    bed.engines.onRequest = ({ method }) => {
      if (method !== 'GET') pass();
    };
    bed.driver.onMoment = pass;
    const nodes = { all: false, nodes: ['mg1', 'node2'] };
    const first = await upgrade(nodes).catch(() => []);
    ended = moments < cut;
    if (ended) expect(first.every(({ status }) => status === 'ok')).toBe(true);
    const again = await upgrade(nodes, await bed.nextRun());
    expect(again.map(({ status }) => status)).toEqual(['ok', 'ok']);
    expect(nodeStates()).toEqual(before);
    expect(await recorded()).toBe(false);
    for (const name of ['mg1', 'node2'])
      expect(bed.driver.machines.get(name)).toMatchObject({ size: '1gb', state: 'running' });
    expect(await bed.claims()).toEqual([]);
    await bed.close();
    await openSwarm();
  }
  recordFault({
    kind: 'Killed and interrupted',
    fault: '`swarm upgrade` is interrupted at any request or event',
    tried: tried - 1,
  });
}, 120_000);
