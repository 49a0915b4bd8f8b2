import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../../src/app/context.js';
import { isAbort } from '../../../src/base/errors.js';
import type { Group } from '../../../src/clusters/model/group.js';
import { planCluster } from '../../../src/clusters/plan-cluster.js';
import {
  type ProvisionInput,
  type ProvisionReport,
  provisionCluster,
} from '../../../src/clusters/provision-cluster.js';
import { wantedGroups } from '../../../src/clusters/requested-groups.js';
import type { Driver } from '../../../src/drivers/driver.js';
import { recordFault } from '../../lab/record-fault.js';
import { settingsOf } from '../support/facts.js';
import { MemoryDriver } from '../support/memory-driver.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
  bed.groups.push(managers, workers);
});
afterEach(async () => {
  const claims = await bed.claims();
  await bed.close();
  expect(claims).toEqual([]);
});

const group: Omit<Group, 'name' | 'role' | 'nodes'> = {
  origin: '/p/config.yml line 1',
  availability: 'active',
  labels: {},
  driver: 'memory',
  settings: {},
  // Reached over SSH only: these machines have no real address.
  engine: settingsOf({ access: 'local' }),
  ownEngineKeys: ['access'],
};
const managers: Group = {
  ...group,
  name: 'managers',
  role: 'manager',
  nodes: ['mg0', 'mg1', 'mg2'],
  availability: 'drain',
};
const workers: Group = {
  ...group,
  name: 'workers',
  role: 'worker',
  nodes: ['node1', 'node2'],
  labels: { zone: 'a' },
  size: '1gb',
};

async function provision(
  more: Partial<ProvisionInput> = {},
  context: Context = bed.context,
): Promise<ProvisionReport> {
  const groups = await wantedGroups({ managers: [], workers: [] }, context);
  return provisionCluster(
    { groups, prune: false, force: false, timeoutMs: 5_000, onStage: () => {}, ...more },
    context,
  );
}

const done = ({ done: steps }: ProvisionReport): string[] => steps.map(({ does, name }) => `${does} ${name}`);

/** The nodes as the engines report them. */
function swarm(): string[] {
  expect(bed.engines.swarms).toHaveLength(1);
  return (bed.engines.swarms[0]?.nodes ?? [])
    .map(
      ({ engine, role, availability, labels }) =>
        `${engine.name} ${role} ${availability} ${JSON.stringify(labels)}`,
    )
    .sort();
}

const expectedNodes = [
  'mg0 manager drain {}',
  'mg1 manager drain {}',
  'mg2 manager drain {}',
  'node1 worker active {"zone":"a"}',
  'node2 worker active {"zone":"a"}',
];

describe('provision of a new cluster', () => {
  test('provision creates all machines in one batch and joins managers one at a time', async () => {
    const report = await provision();
    expect(report).toMatchObject({ failed: [], left: [] });
    expect(swarm()).toEqual(expectedNodes);
    expect(bed.driver.calls.filter((call) => call.startsWith('create'))).toEqual([
      'create mg0 mg1 mg2 node1 node2',
    ]);
    expect(bed.driver.createRequests.map(({ name, size }) => [name, size])).toEqual([
      ['mg0', undefined],
      ['mg1', undefined],
      ['mg2', undefined],
      ['node1', '1gb'],
      ['node2', '1gb'],
    ]);
    expect(done(report).filter((step) => /^(init|join)/.test(step))).toEqual([
      'init mg0',
      'join mg1',
      'join mg2',
      'join node1',
      'join node2',
    ]);
    expect(await bed.cluster.activeMachine()).toBe('mg0');
  });

  test('a second provision changes nothing', async () => {
    await provision();
    const requests = async (): Promise<number> =>
      (await bed.engine('mg0')).requests.filter(({ method }) => method !== 'GET').length;
    const before = await requests();
    const report = await provision();
    expect(report).toEqual({ done: [], failed: [], left: [], fixed: [] });
    expect(await requests()).toBe(before);
  });

  test('workers are spread over all managers when they join', async () => {
    bed.groups[1] = { ...workers, nodes: ['node1', 'node2', 'node3'] };
    await provision();
    const first = await Promise.all(
      ['node1', 'node2', 'node3'].map(async (name) => {
        const { requests } = await bed.engine(name);
        const { body } = requests.find(({ path }) => path === '/swarm/join') as {
          body: { RemoteAddrs: string[] };
        };
        return body.RemoteAddrs[0];
      }),
    );
    expect(new Set(first).size).toBe(3);
  });

  test('each driver creates its own machines', async () => {
    const other = new MemoryDriver('10.7.0');
    bed.drivers.set('other', other);
    bed.groups[1] = { ...workers, driver: 'other' };
    await provision();
    expect(other.calls.filter((call) => call.startsWith('create'))).toEqual(['create node1 node2']);
    expect(swarm()).toEqual(expectedNodes);
  });
});

describe('an interrupted provision is completed by the next run', () => {
  /** Interrupts at the given moment. @returns whether the moment was reached */
  async function interruptedAt(count: number): Promise<boolean> {
    let left = count;
    const tick = (): void => {
      if (--left === 0) bed.interrupt();
    };
    const context = await bed.nextRun();
    const connect = bed.ssh.connect.bind(bed.ssh);
    bed.ssh.connect = (...args) => {
      tick();
      return connect(...args);
    };
    bed.driver.onMoment = tick;
    try {
      await provision({}, context);
    } catch (error) {
      if (!isAbort(error)) throw error;
    }
    bed.ssh.connect = connect;
    bed.driver.onMoment = () => {};
    return left <= 0;
  }

  test.each([1, 2, 3, 5, 8, 11, 14, 17, 20, 23, 26, 29, 32, 35, 38])(
    'provision completes a run that was interrupted at moment %i',
    async (moment) => {
      await interruptedAt(moment);
      const report = await provision({}, await bed.nextRun());
      expect(report).toMatchObject({ failed: [], left: [] });
      expect(swarm()).toEqual(expectedNodes);
      expect(bed.driver.machines.size).toBe(5);
      expect(await bed.cluster.activeMachine()).toBe('mg0');
      recordFault({ kind: 'Killed and interrupted', fault: '`cluster provision` is interrupted' });
    },
  );

  test('the last of these moments is reached', async () => {
    expect(await interruptedAt(38)).toBe(true);
  });
});

describe('provision of a cluster that has drifted', () => {
  beforeEach(() => provision());

  test('roles, availability and labels are corrected', async () => {
    const node = async (name: string): Promise<object> => (await bed.engine(name)).node ?? {};
    Object.assign(await node('mg2'), { role: 'worker' });
    Object.assign(await node('node1'), { availability: 'drain', labels: { zone: 'b', mine: 'x' } });
    Object.assign(await node('node2'), { role: 'manager' });
    const plan = await planCluster({ groups: bed.groups, prune: false }, bed.context);
    expect(plan.differences.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'mg2 different',
      'node1 different',
      'node2 different',
    ]);
    expect(done(await provision())).toEqual(['promote mg2', 'demote node2', 'set node1']);
    expect(swarm()).toEqual(expectedNodes.with(3, 'node1 worker active {"zone":"a","mine":"x"}'));
  });

  test('plan names engines that do not run what is recorded, and omits unreachable ones', async () => {
    const engines = async () =>
      (await planCluster({ groups: bed.groups, prune: false }, bed.context)).engines.map(({ name }) => name);
    expect(await engines()).toEqual([]);
    for (const name of ['mg2', 'node1']) bed.ssh.system(name).files.clear();
    expect(await engines()).toEqual(['mg2', 'node1']);
    bed.ssh.refused.add('node1');
    expect(await engines()).toEqual(['mg2']);
    expect(bed.ssh.system('mg2').files.size).toBe(0);
  });

  test('a stopped machine is started', async () => {
    Object.assign(bed.driver.machines.get('node1') ?? {}, { state: 'stopped' });
    expect(done(await provision())).toEqual(['start node1']);
    expect(bed.driver.machines.get('node1')?.state).toBe('running');
  });

  test('a machine that its provider has lost is recreated, and its old node is removed', async () => {
    bed.driver.machines.delete('mg1');
    Object.assign((await bed.engine('mg1')).node ?? {}, {
      status: 'down',
      reachability: 'unreachable',
      left: true,
    });
    (await bed.engine('mg1')).state = 'inactive';
    expect(done(await provision())).toEqual(['create mg1', 'forget mg1', 'join mg1']);
    expect(swarm()).toEqual(expectedNodes);
  });

  test('a machine recreated by hand is not matched to its stale node', async () => {
    Object.assign((await bed.engine('node1')).node ?? {}, { status: 'down', left: true });
    (await bed.engine('node1')).state = 'inactive';
    expect(done(await provision())).toEqual(['forget node1', 'join node1', 'set node1']);
    expect(swarm()).toEqual(expectedNodes);
  });

  test('a different size is changed', async () => {
    bed.groups[1] = { ...workers, size: '2gb' };
    expect(done(await provision())).toEqual(['resize node1', 'resize node2']);
    expect([...bed.driver.machines.values()].map(({ size }) => size).slice(3)).toEqual(['2gb', '2gb']);
  });

  test('the record of an interrupted resize is removed once the nodes match their groups', async () => {
    bed.groups[0] = { ...managers, size: '2gb' };
    const context = await bed.nextRun();
    bed.driver.onMoment = (moment) => {
      if (moment === 'ended' && bed.driver.calls.at(-1) === 'resize mg1') bed.interrupt();
    };
    await expect(provision({}, context)).rejects.toSatisfy(isAbort);
    bed.driver.onMoment = () => {};
    const isRecorded = async (): Promise<boolean> =>
      (await bed.files()).some((path) => path.endsWith('/upgrade.json'));
    expect(await isRecorded()).toBe(true);
    const next = await bed.nextRun();
    const claim = await bed.cluster.claim(['the swarm'], 'upgraded');
    bed.groups[0] = managers;
    await provision({}, next);
    expect(swarm()).toEqual(expectedNodes);
    expect(await isRecorded()).toBe(true);
    await claim.release();
    expect(await provision({}, next)).toEqual({ done: [], failed: [], left: [], fixed: [] });
    expect(await isRecorded()).toBe(false);
  });

  test('only changed engine settings are applied, managers one at a time', async () => {
    const own = await bed.onDisk('node2');
    await bed.cluster.save({ ...own, engine: settingsOf({ access: 'local', options: ['mtu=1400'] }) });
    const engine = settingsOf({ access: 'local', labels: ['disk=ssd'] });
    const ownEngineKeys: Group['ownEngineKeys'] = ['label'];
    bed.groups[0] = { ...managers, engine, ownEngineKeys };
    bed.groups[1] = { ...workers, engine, ownEngineKeys };
    const plan = await planCluster({ groups: bed.groups, prune: false }, bed.context);
    expect(plan.differences.map(({ differences }) => differences)).toEqual(
      expectedNodes.map(() => [{ what: 'engine', key: 'label', wanted: 'disk=ssd' }]),
    );
    expect(plan.stages.map(({ order, steps }) => [order, ...steps.map(({ name }) => name)])).toEqual([
      ['one by one', 'mg0', 'mg1', 'mg2'],
      ['together', 'node1', 'node2'],
    ]);
    const report = await provision();
    expect(done(report)).toEqual(['mg0', 'mg1', 'mg2', 'node1', 'node2'].map((name) => `engine ${name}`));
    expect((await bed.onDisk('node2')).engine).toEqual({ ...engine, options: ['mtu=1400'] });
    expect(await provision()).toEqual({ done: [], failed: [], left: [], fixed: [] });
  });

  test('the engine of a manager that the quorum needs is not restarted, unless forced', async () => {
    Object.assign((await bed.engine('mg2')).node ?? {}, { reachability: 'unreachable' });
    const engine = settingsOf({ access: 'local', labels: ['disk=ssd'] });
    bed.groups[0] = { ...managers, nodes: ['mg0', 'mg1'], engine, ownEngineKeys: ['label'] };
    bed.groups[1] = { ...workers, size: '2gb' };
    const refused = await provision();
    expect(refused.failed.map(({ step, error }) => [step.name, error])).toEqual([
      [expect.stringMatching(/^mg[01]$/), expect.stringContaining('without a quorum')],
    ]);
    expect(done(refused)).toEqual([]);
    expect((await bed.onDisk('mg0')).engine?.labels).toEqual([]);
    const forced = await provision({ force: true });
    expect(done(forced).sort()).toEqual(['engine mg0', 'engine mg1', 'resize node1', 'resize node2']);
  });

  test('settings fixed at creation are reported and do not fail the run', async () => {
    const own = await bed.onDisk('node1');
    await bed.cluster.save({ ...own, driverData: { region: 'nyc1' } });
    const createdWith: Driver['createdWith'] = ({ driverData }) => ({
      region: String(driverData['region'] ?? 'nyc3'),
    });
    Object.assign(bed.driver, { createdWith });
    const plan = (groups = bed.groups) => planCluster({ groups, prune: false }, bed.context);
    expect((await plan()).fixed).toEqual([]);
    const region = { region: { value: 'nyc3', origin: '' }, tags: { value: ['x'], origin: '' } };
    const engine = settingsOf({ access: 'local', storageDriver: 'btrfs' });
    bed.groups[1] = { ...workers, settings: region };
    expect(await plan()).toMatchObject({
      differences: [],
      stages: [],
      fixed: [{ name: 'node1', group: 'workers', key: 'region', is: 'nyc1', wanted: 'nyc3' }],
    });
    bed.groups[1] = { ...workers, engine, ownEngineKeys: ['storage_driver'] };
    bed.reporter.lines.length = 0;
    expect(await provision()).toMatchObject({ done: [], failed: [], left: [] });
    expect(bed.reporter.lines.filter((line) => line.startsWith('warning: node'))).toEqual([
      'warning: node[1:2]: storage_driver of the engine is none, but group workers wants btrfs; to recreate the machines: belt rm node[1:2], then belt cluster provision',
    ]);
    bed.driver.machines.delete('node1');
    Object.assign((await bed.engine('node1')).node ?? {}, { status: 'down', left: true });
    expect((await plan()).fixed.map(({ name }) => name)).toEqual(['node2']);
  });

  test('machines of no group stay, and are removed with prune', async () => {
    bed.groups[1] = { ...workers, nodes: ['node1'] };
    const plan = await planCluster({ groups: bed.groups, prune: false }, bed.context);
    expect(plan.differences).toEqual([{ name: 'node2', status: 'extra', differences: [] }]);
    expect(await provision()).toEqual({ done: [], failed: [], left: [], fixed: [] });
    expect(done(await provision({ prune: true }))).toEqual(['remove node2']);
    expect(swarm()).toEqual(expectedNodes.slice(0, 4));
    expect([...bed.driver.machines.keys()]).not.toContain('node2');
  });

  test('managers that the quorum needs are not demoted, unless forced', async () => {
    bed.groups[0] = { ...managers, nodes: ['mg0'] };
    bed.groups[1] = { ...workers, nodes: ['mg1', 'mg2', 'node1', 'node2'] };
    const report = await provision();
    expect(report.failed.map(({ step, error }) => [step.name, error])).toEqual([
      ['mg1', expect.stringContaining('would leave 1 manager, not enough to tolerate a failure')],
      ['mg2', expect.stringContaining('would leave 1 manager, not enough to tolerate a failure')],
    ]);
    expect(swarm()).toEqual(expectedNodes);
    await provision({ force: true });
    expect(swarm().map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'mg0 manager',
      'mg1 worker',
      'mg2 worker',
      'node1 worker',
      'node2 worker',
    ]);
  });

  test('a step that does not last is reported, not repeated forever', async () => {
    const engine = await bed.engine('node1');
    const node = engine.node;
    Object.defineProperty(node, 'availability', { get: () => 'drain', set() {}, enumerable: true });
    const report = await provision();
    expect(report.failed).toEqual([
      {
        step: { does: 'set', name: 'node1' },
        code: 'external',
        error: expect.stringContaining('"set" was performed but has no lasting effect'),
      },
    ]);
  });
});

describe('failures', () => {
  test('a worker that cannot be created does not stop the others', async () => {
    bed.driver.failures.set('node1', new Error('no room'));
    const report = await provision();
    expect(report.failed).toEqual([
      { step: expect.objectContaining({ does: 'create', name: 'node1' }), code: 'bug', error: 'no room' },
    ]);
    expect(report.left.map(({ name }) => name)).toEqual(['node1']);
    expect(swarm()).toEqual(expectedNodes.toSpliced(3, 1));
    expect((await provision()).failed).toEqual([]);
    expect(swarm()).toEqual(expectedNodes);
  });

  test('a driver that cannot prepare fails only its own machines', async () => {
    const other = new MemoryDriver('10.7.0');
    bed.drivers.set('other', other);
    bed.groups[1] = { ...workers, driver: 'other' };
    other.onPrepare = async () => {
      throw new Error('no such image');
    };
    // The other driver fails long before these machines are created.
    bed.driver.onMoment = () => sleep(20);
    const report = await provision();
    expect(report.failed.map(({ step, error }) => `${step.name} ${error}`)).toEqual([
      'node1 no such image',
      'node2 no such image',
    ]);
    expect(swarm()).toEqual(expectedNodes.slice(0, 3));
    other.onPrepare = async () => {};
    await provision();
    expect(swarm()).toEqual(expectedNodes);
  });

  test('an interruption waits until every driver has stopped', async () => {
    const other = new MemoryDriver('10.7.0');
    bed.drivers.set('other', other);
    bed.groups[1] = { ...workers, driver: 'other' };
    other.onPrepare = async (_requests, _progress, signal) => {
      bed.interrupt();
      signal.throwIfAborted();
    };
    let ended = false;
    bed.driver.onPrepare = async () => {
      await sleep(50);
      ended = true;
    };
    await expect(provision()).rejects.toSatisfy(isAbort);
    expect(ended).toBe(true);
    expect(await bed.claims()).toEqual([]);
  });

  test('without the first manager no swarm is initialized', async () => {
    bed.driver.failures.set('mg0', new Error('no room'));
    const report = await provision();
    expect(report.failed.map(({ step }) => step.name)).toEqual(['mg0']);
    expect(bed.engines.swarms).toEqual([]);
  });

  test('a manager that does not join stops the run before any worker joins', async () => {
    (await bed.engine('mg1')).answers.set('/swarm/join', () => ({
      status: 500,
      body: { message: 'no route to host' },
    }));
    const report = await provision();
    expect(report.failed.map(({ step, error }) => [step.name, error])).toEqual([
      ['mg1', expect.stringContaining('no route to host')],
    ]);
    expect(swarm()).toEqual(['mg0 manager active {}']);
  });

  test('a node that does not come back from its resize stops all other resizes', async () => {
    await provision();
    bed.groups[0] = { ...managers, size: '2gb' };
    bed.groups[1] = { ...workers, size: '4gb' };
    bed.driver.failures.set('mg1', new Error('the disk is gone'));
    const report = await provision();
    expect(report.failed.map(({ step, error }) => [step.name, error])).toEqual([
      ['mg1', expect.stringContaining('the disk is gone')],
    ]);
    expect(bed.driver.calls.filter((call) => call.startsWith('stop node'))).toEqual([]);
  });

  test('an invalid size fails its own machines after the valid sizes', async () => {
    await provision();
    bed.groups[0] = { ...managers, size: '2gb' };
    bed.groups[1] = { ...workers, size: 'huge' };
    bed.driver.onCheck = (specs) => {
      if (specs.some(({ size }) => size === 'huge')) throw new Error('no such size');
    };
    const report = await provision();
    expect(done(report).sort()).toEqual(['resize mg0', 'resize mg1', 'resize mg2']);
    expect(report.failed.map(({ step, error }) => `${step.name} ${error}`)).toEqual([
      'node1 no such size',
      'node2 no such size',
    ]);
  });

  test('machines that cannot be created are refused with nothing changed', async () => {
    bed.driver.onCheck = () => {
      throw new Error('no such size');
    };
    await expect(provision()).rejects.toThrow('no such size');
    expect(await bed.files()).toEqual([]);
  });
});

describe('provision refuses', () => {
  test('provision refuses a machine of another driver', async () => {
    await bed.running('node1');
    bed.groups[1] = { ...workers, driver: 'other' };
    await expect(provision()).rejects.toMatchObject({
      message: 'node1 is a memory machine, but group workers (/p/config.yml line 1) wants other',
    });
  });

  test('provision refuses to replace a locked swarm', async () => {
    const [machine] = await bed.running('mg0');
    (await bed.engine(machine?.name ?? '')).state = 'locked' as 'error';
    await expect(planCluster({ groups: bed.groups, prune: false }, bed.context)).resolves.toMatchObject({
      obstacle: 'the swarm on mg0 is locked',
    });
  });

  test('provision refuses missing or duplicate declarations', async () => {
    const words = { managers: ['mg[0:2]'], workers: ['node[1:2]'], managerSize: '8gb', workerSize: '2gb' };
    await expect(wantedGroups(words, bed.context)).rejects.toMatchObject({ name: 'UsageError' });
    bed.groups.length = 0;
    await expect(wantedGroups({ managers: [], workers: [] }, bed.context)).rejects.toThrow(
      'no groups are defined for cluster default',
    );
    await expect(wantedGroups({ managers: [], workers: ['node1'] }, bed.context)).rejects.toThrow(
      'no group has managers, but a swarm needs at least one',
    );
    expect(await wantedGroups(words, bed.context)).toEqual([
      expect.objectContaining({
        name: 'managers',
        role: 'manager',
        nodes: ['mg0', 'mg1', 'mg2'],
        size: '8gb',
      }),
      expect.objectContaining({ name: 'workers', role: 'worker', nodes: ['node1', 'node2'], size: '2gb' }),
    ]);
  });
});
