import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAuthority } from '../../../src/certs/model/issue.js';
import type { Machine, MachineState } from '../../../src/machines/model/machine.js';
import { lostQuorum } from '../../../src/swarm/lost-quorum.js';
import type { NamedMember } from '../../../src/swarm/model/members.js';
import type { SwarmNode } from '../../../src/swarm/model/swarm-node.js';
import {
  certificateWarnings,
  createOverview,
  downWarnings,
} from '../../../src/swarm/model/swarm-overview.js';
import { swarmStatus } from '../../../src/swarm/swarm-status.js';
import { swarmStatusView } from '../../../src/swarm/views/status-view.js';
import type { Engine, Node, Swarm } from '../support/engine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

function member(name: string, node: Partial<SwarmNode> = {}): NamedMember {
  return {
    name,
    node: {
      id: name,
      hostname: name,
      role: 'worker',
      status: 'ready',
      availability: 'active',
      address: name,
      engineVersion: '28.1.0',
      labels: {},
      leader: false,
      ...node,
    },
  };
}

function manager(name: string, node: Partial<SwarmNode> = {}): NamedMember {
  return member(name, { role: 'manager', reachability: 'reachable', ...node });
}

const zones = ['a', 'b', 'c'].map((zone) => ({ labels: { zone } }));
const three = [
  manager('mg1', { ...zones[0], leader: true }),
  manager('mg2', zones[1]),
  manager('mg3', zones[2]),
];
const all = new Set(['mg1', 'mg2', 'mg3']);

describe('createOverview', () => {
  test('the overview counts managers and groups nodes, unhealthy ones first', () => {
    const members = [...three, member('node1'), member('node2', { status: 'down' }), member('node3')];
    expect(createOverview(members, all)).toMatchObject({
      quorum: true,
      managers: { total: 3, reachable: 3, needed: 2, tolerance: 1, leader: 'mg1' },
      groups: [
        { role: 'worker', status: 'down', names: ['node2'] },
        { role: 'manager', status: 'ready', names: ['mg1', 'mg2', 'mg3'] },
        { role: 'worker', status: 'ready', names: ['node1', 'node3'] },
      ],
      places: [
        { name: 'a', managers: ['mg1'] },
        { name: 'b', managers: ['mg2'] },
        { name: 'c', managers: ['mg3'] },
      ],
      warnings: [],
    });
  });

  test('the overview counts a manager that does not respond as unreachable', () => {
    const { managers, warnings, quorum } = createOverview(three, new Set(['mg1', 'mg2']));
    expect(quorum).toBe(true);
    expect(managers).toMatchObject({ reachable: 2, tolerance: 0 });
    expect(managers.nodes[2]).toMatchObject({ name: 'mg3', reachability: 'unreachable' });
    expect(warnings).toEqual(['1 of 3 managers is unreachable: the swarm tolerates no more failures']);
    expect(createOverview(three, new Set(['mg1'])).quorum).toBe(false);
  });

  test('the overview warns of even numbers of managers and of zones with too many', () => {
    const four = [...three, manager('mg4', zones[0])];
    expect(createOverview(four, new Set([...all, 'mg4'])).warnings).toEqual([
      '4 managers tolerate no more failures than 3: use an odd number of managers',
      'a holds 2 of 4 managers: if it fails, the swarm loses its quorum; spread 3 managers 1+1+1 over three zones',
    ]);
  });
});

test.each([
  [80, []],
  [13, ['the swarm certificate of node7 expires in 13 days: it renews only while node7 runs']],
  [-2, ['the swarm certificate of node7 expired 2 days ago: it renews only while node7 runs']],
])('a node certificate with %i of 90 days left gets the right warning', (daysLeft, advice) => {
  const soonest = { name: 'node7', expires: '2026-12-01T00:00:00.000Z', daysLeft };
  expect(certificateWarnings({ validDays: 90, soonest, unanswered: [] })).toEqual(advice);
});

test.each([
  [[], []],
  [
    [{ name: 'node1', since: '2026-12-01T02:31:05.123Z', state: 'stopped' as const }],
    ['node1 is down since 2026-12-01 02:31 UTC; to start: belt start node1'],
  ],
  [
    [
      { name: 'node2', since: '2026-12-01T02:31:05.123Z', state: 'stopped' as const },
      { name: 'node1', since: '2026-11-30T02:31:05.123Z', state: 'paused' as const },
      { name: 'node3', state: 'missing' as const },
      { name: 'old' },
      { name: 'node5', state: 'running' as const },
    ],
    [
      "2 nodes are down since 2026-11-30 02:31 UTC; to start: belt start 'node[1:2]'",
      'node3 is down; its machine no longer exists; to remove its entry: belt swarm rm node3',
      'old is down; it is not a machine of this cluster; to remove its entry: belt swarm rm old',
      'node5 is down; its machine runs; to see why: belt engine show node5',
    ],
  ],
])('nodes that are down get a warning with what to type: %#', (down, warnings) => {
  expect(downWarnings(down)).toEqual(warnings);
});

describe('swarmStatusView', () => {
  test('the view shows a small swarm', () => {
    const status = {
      id: 's1',
      ...createOverview([...three, member('node1'), member('node2')], all),
      certificates: {
        validDays: 90,
        soonest: { name: 'node2', expires: '2027-02-19T08:00:00.000Z', daysLeft: 89 },
        authorityExpires: '2046-11-16T08:00:00.000Z',
        unanswered: [],
      },
      machines: [],
    };
    expect(
      swarmStatusView(status),
    ).toBe(`Swarm s1 has a quorum: 3 of 3 managers reachable, 2 needed; it tolerates 1 more failure. Leader: mg1

MANAGER   STATUS   AVAILABILITY   MANAGER STATUS   PLACE
mg1       Ready    Active         Leader           a
mg2       Ready    Active         Reachable        b
mg3       Ready    Active         Reachable        c

ROLE      STATUS   AVAILABILITY   NODES   NAMES
manager   Ready    Active         3       mg[1:3]
worker    Ready    Active         2       node[1:2]

PLACE   WORKERS   MANAGERS   NAMES
a       0         1          mg1
b       0         1          mg2
c       0         1          mg3

Node certificates are valid for 90 days and renew automatically; the first expires 2027-02-19, in 89 days (node2).
The swarm CA expires 2046-11-16.`);
  });

  test('the view shows 97 nodes in 80 columns, and all of their names', () => {
    const workers = Array.from({ length: 94 }, (_, index) =>
      member(`node${index + 1}`, { status: index % 2 === 0 ? 'ready' : 'down', labels: { zone: 'a' } }),
    );
    const status = { id: 's1', ...createOverview([...three, ...workers], all), machines: [] };
    const text = swarmStatusView(status, 80);
    const lines = text.split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(lines.length).toBeLessThan(30);
    expect(text.replaceAll(/\s/g, '')).toContain('93]');
    expect(lines.filter((line) => /Down +Active +47 /.test(line))).toHaveLength(1);
  });

  test('the view without a quorum shows what each machine reports', () => {
    const status = {
      quorum: false,
      managers: { total: 3, reachable: 1, needed: 2, tolerance: 0, nodes: [] },
      groups: [],
      places: [],
      machines: [
        { name: 'mg1', state: 'running', swarm: 'active/manager' },
        { name: 'mg2', state: 'stopped' },
        { name: 'mg3', state: 'running', error: 'no answer\nwithin 5 s' },
      ],
      warnings: ['nothing can be changed'],
    };
    expect(swarmStatusView(status, 80)).toBe(`The swarm has no quorum: 1 of 3 managers reachable, 2 needed.

MACHINE   STATE     SWARM            ERROR
mg1       Running   active/manager
mg2       Stopped   -
mg3       Running   -                no answer within 5 s

Warning: nothing can be changed`);
  });
});

describe('swarmStatus', () => {
  let bed: TestBed;
  let swarm: Swarm;

  beforeEach(async () => {
    bed = await openTestBed();
    await bed.running('mg1', 'mg2', 'mg3', 'node1');
    bed.engines.isUp = (name) => bed.driver.machines.get(name)?.state === 'running';
    swarm = (await engine('mg1')).newSwarm('s1');
    for (const name of ['mg2', 'mg3']) (await engine(name)).beIn(swarm, 'manager');
    (await engine('node1')).beIn(swarm, 'worker');
  });

  afterEach(() => {
    vi.useRealTimers();
    return bed.close();
  });

  const engine = (name: string): Promise<Engine> => bed.engine(name);

  function stop(...names: string[]): void {
    for (const name of names) {
      const machine = bed.driver.machines.get(name);
      if (machine) machine.state = 'stopped';
    }
  }

  test('swarmStatus reports the quorum, the nodes and the certificates', async () => {
    const { certificate } = await createAuthority({ commonName: 'swarm-ca', keyType: 'ecdsa-p256' });
    bed.ssh.journal = async () => certificate;
    const status = await swarmStatus(undefined, bed.context);
    expect(status).toMatchObject({
      id: 's1',
      quorum: true,
      managers: { total: 3, reachable: 3, tolerance: 1, leader: 'mg1' },
      certificates: { validDays: 90, soonest: { daysLeft: 3649 }, unanswered: [] },
      machines: [],
    });
    expect(bed.ssh.commands.join('\n')).toContain('swarm-node.crt');
  });

  test('swarmStatus shows the ID of an old entry that has the name of a machine', async () => {
    const node1 = await engine('node1');
    Object.assign(node1.node as Node, { left: true });
    node1.beIn(swarm, 'worker');
    const { groups } = await swarmStatus(undefined, bed.context);
    const workers = groups.flatMap(({ role, names }) => (role === 'worker' ? names : []));
    expect(workers.toSorted()).toEqual(['node1', 'node1 (s1-node1)']);
  });

  test('swarmStatus counts a frozen manager as unreachable at once', async () => {
    (await engine('mg2')).answers.set('/_ping', () => ({ status: 500, body: { message: 'frozen' } }));
    const { managers } = await swarmStatus(undefined, bed.context);
    expect(managers).toMatchObject({ reachable: 2, tolerance: 0 });
  });

  test('swarmStatus without a quorum queries each machine', async () => {
    stop('mg2', 'mg3');
    expect(await swarmStatus(undefined, bed.context)).toEqual({
      quorum: false,
      managers: { total: 3, reachable: 1, needed: 2, tolerance: 0, nodes: [] },
      groups: [],
      places: [],
      splitManagers: [],
      warnings: [expect.stringMatching(/^without a quorum the swarm cannot be changed/)],
      machines: [
        { name: 'mg1', state: 'running', swarm: 'active/manager' },
        { name: 'mg2', state: 'stopped' },
        { name: 'mg3', state: 'stopped' },
        { name: 'node1', state: 'running', swarm: 'active/worker' },
      ],
    });
  });

  test('swarmStatus counts a manager without a machine as unreachable', async () => {
    stop('mg2', 'mg3');
    await bed.cluster.remove('mg3');
    vi.useFakeTimers({ toFake: ['Date'] });
    bed.engines.onRequest = () => vi.setSystemTime(Date.now() + 10_000);
    expect(await swarmStatus(undefined, bed.context)).toMatchObject({
      quorum: false,
      managers: { total: 3, reachable: 1 },
    });
    expect(bed.reporter.lines).toContain('note: The swarm of mg1 has no leader; waiting for an election');
  });

  test('swarmStatus without managers reads their number from a worker', async () => {
    stop('mg1', 'mg2', 'mg3');
    expect(await swarmStatus(undefined, bed.context)).toMatchObject({
      quorum: false,
      managers: { total: 3, reachable: 0 },
    });
  });

  describe('lostQuorum', () => {
    const report = async (name: string, state: MachineState, swarm?: string) => ({
      machine: await bed.cluster.machine(name),
      state,
      ...(swarm !== undefined && { swarm }),
    });
    const remotes = JSON.stringify(
      ['mg1', 'mg2', 'mg3'].map((name) => ({ node_id: name, addr: `${name}:2377` })),
    );

    test.each([
      ['stopped' as const, 'missing' as const, { managers: 3, reachable: 1 }],
      ['stopped' as const, 'running' as const, undefined],
    ])('managers that are %s and %s make the tally %j', async (second, third, tally) => {
      bed.ssh.journal = async () => remotes.replaceAll(/mg(\d):/g, '10.0.0.$1:');
      const source = await report('mg1', 'running', 'active/manager');
      const reports = [source, await report('mg2', second), await report('mg3', third)];
      expect(await lostQuorum(source, reports, bed.context)).toEqual(tally);
    });

    test('nothing is known when the list of managers cannot be read', async () => {
      const source = await report('mg1', 'running', 'active/manager');
      const reports = [source, await report('mg2', 'stopped'), await report('mg3', 'stopped')];
      expect(await lostQuorum(source, reports, bed.context)).toBeUndefined();
    });
  });

  test('swarmStatus refuses a named worker', async () => {
    const node1: Machine = await bed.cluster.machine('node1');
    await expect(swarmStatus(node1, bed.context)).rejects.toMatchObject({
      message: 'node1 is a worker of its swarm, not a manager',
    });
  });

  test('swarmStatus fails in a cluster without a swarm', async () => {
    bed.engines.swarms.length = 0;
    for (const name of ['mg1', 'mg2', 'mg3', 'node1']) (await engine(name)).state = 'inactive';
    await expect(swarmStatus(undefined, bed.context)).rejects.toMatchObject({
      message: 'no machine of this cluster is a manager of a swarm',
    });
    stop('mg1');
    await expect(swarmStatus(undefined, bed.context)).rejects.toMatchObject({
      message: expect.stringContaining('no manager responds'),
    });
  });

  test('swarmStatus counts an unreachable node as its manager lists it', async () => {
    ((await engine('node1')).node as Node).status = 'down';
    const { groups } = await swarmStatus(undefined, bed.context);
    expect(groups[0]).toMatchObject({ role: 'worker', status: 'down', names: ['node1'] });
  });
});
