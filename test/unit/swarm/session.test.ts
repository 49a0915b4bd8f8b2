import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Outcome } from '../../../src/app/fan-out.js';
import { ExternalError } from '../../../src/base/errors.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { setAvailability } from '../../../src/swarm/change-availability.js';
import { demoteNodes, promoteNodes } from '../../../src/swarm/change-roles.js';
import { initSwarm } from '../../../src/swarm/init-swarm.js';
import { type JoinedMember, joinSwarm } from '../../../src/swarm/join-swarm.js';
import { networkCommand } from '../../../src/swarm/model/machine-network.js';
import type { Role } from '../../../src/swarm/model/swarm-node.js';
import { listNodes } from '../../../src/swarm/session.js';
import { type Answer, type Engine, type Node, noLeader, type Swarm } from '../support/engine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
let machines: Machine[];
let engines: Engine[];

beforeEach(async () => {
  bed = await openTestBed();
  machines = await bed.running('node1', 'node2', 'node3', 'node4');
  engines = await Promise.all(machines.map(({ name }) => bed.engine(name)));
});

afterEach(async () => {
  // Every connection to an engine is closed.
  try {
    await expect.poll(() => bed.ssh.channels).toBe(0);
  } finally {
    await bed.close();
  }
});

function machine(number: number): Machine {
  return machines[number - 1] as Machine;
}

function engine(number: number): Engine {
  return engines[number - 1] as Engine;
}

/** Joins the numbered nodes through node1. */
function join(numbers: number[], role: Role = 'worker'): Promise<Outcome<JoinedMember>[]> {
  return joinSwarm({ manager: machine(1), machines: numbers.map(machine), role }, bed.context);
}

function warnings(): string[] {
  return bed.reporter.lines.flatMap((line) =>
    line.startsWith('warning: ') ? [line.slice('warning: '.length)] : [],
  );
}

function membersOf({ nodes }: Swarm): string[] {
  return nodes.map(({ engine: { name }, role }) => `${name} ${role}`).sort();
}

describe('init', () => {
  test('init advertises the address for other machines and sets the active machine', async () => {
    expect(await initSwarm(machine(1), {}, bed.context)).toEqual({
      manager: 'node1',
      nodeId: 'swarm-of-node1-node1',
      address: '192.168.0.1:2377',
      message: 'Swarm initialized: current node (swarm-of-node1-node1) is now a manager.',
    });
    expect(engine(1).requests.at(-1)).toEqual({
      method: 'POST',
      path: '/swarm/init',
      body: {
        ListenAddr: '0.0.0.0:2377',
        AdvertiseAddr: '192.168.0.1',
        DataPathAddr: '192.168.0.1',
        DefaultAddrPool: [],
        SubnetSize: 24,
        Spec: {},
      },
    });
    expect(await bed.cluster.activeMachine()).toBe('node1');
  });

  describe('init --force-new-cluster', () => {
    const forceNew = (force = false) => initSwarm(machine(1), { forceNewCluster: true, force }, bed.context);

    beforeEach(() => {
      const swarm = engine(1).newSwarm('s1');
      for (const number of [2, 3]) engine(number).beIn(swarm, 'manager');
      engine(1).answers.set('/swarm/init', () => {
        swarm.nodes.splice(1);
        return { status: 200, body: 's1-node1' };
      });
    });

    test('init --force-new-cluster refuses a swarm with other managers, unless forced', async () => {
      const objection =
        'the swarm of node1 still has other managers: 3 of 3 managers can be reached, and 2 are needed';
      await expect(forceNew()).rejects.toMatchObject({ name: 'UserError', message: objection });
      expect(engine(1).requests.some(({ method }) => method === 'POST')).toBe(false);
      expect(await forceNew(true)).toMatchObject({ nodeId: 's1-node1' });
      expect(warnings()).toEqual([expect.stringContaining(`${objection}; --force: they remain`)]);
    });

    test('init --force-new-cluster restarts a swarm without a quorum', async () => {
      bed.engines.isUp = (name) => name === 'node1';
      expect(await forceNew()).toMatchObject({ nodeId: 's1-node1' });
    });
  });

  test('init keeps another active machine', async () => {
    await bed.cluster.setActiveMachine('node4');
    await initSwarm(machine(1), {}, bed.context);
    expect(await bed.cluster.activeMachine()).toBe('node4');
  });

  test('init refuses a member of a swarm and changes nothing', async () => {
    engine(1).newSwarm('s1');
    await expect(initSwarm(machine(1), {}, bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'node1 is already part of a swarm',
      hint: 'belt swarm ls node1',
    });
    expect(await bed.cluster.activeMachine()).toBeUndefined();
    expect(engine(1).requests).toEqual([{ method: 'GET', path: '/info' }]);
  });

  test('init refuses a machine without an address', async () => {
    await expect(initSwarm({ ...machine(1), addresses: {} }, {}, bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'node1 has no address that other nodes could join at',
    });
    expect(bed.ssh.commands).toEqual([]);
  });
});

describe('join', () => {
  let swarm: Swarm;

  beforeEach(() => {
    swarm = engine(1).newSwarm('s1');
  });

  test("join adds machines to the swarm and reports docker's message", async () => {
    expect(await join([2, 3])).toEqual([
      {
        name: 'node2',
        status: 'ok',
        value: {
          nodeId: 's1-node2',
          role: 'worker',
          already: false,
          message: 'This node joined a swarm as a worker.',
        },
      },
      {
        name: 'node3',
        status: 'ok',
        value: {
          nodeId: 's1-node3',
          role: 'worker',
          already: false,
          message: 'This node joined a swarm as a worker.',
        },
      },
    ]);
    expect(membersOf(swarm)).toEqual(['node1 manager', 'node2 worker', 'node3 worker']);
  });

  test('join sends the addresses of the machine and of the managers', async () => {
    await join([2], 'manager');
    expect(engine(2).requests.find(({ path }) => path === '/swarm/join')).toEqual({
      method: 'POST',
      path: '/swarm/join',
      body: {
        ListenAddr: '0.0.0.0:2377',
        AdvertiseAddr: '192.168.0.2',
        DataPathAddr: '192.168.0.2',
        RemoteAddrs: ['node1:2377'],
        JoinToken: swarm.tokens.Manager,
      },
    });
  });

  test('join sends the token only in request bodies', async () => {
    await join([2, 3]);
    await join([4], 'manager');
    const bodies = JSON.stringify(engines.map(({ requests }) => requests));
    expect(bodies).toContain(swarm.tokens.Worker);
    expect(bodies).toContain(swarm.tokens.Manager);
    const visible = [...bed.ssh.commands, ...bed.reporter.lines].join('\n');
    expect(visible).not.toContain('SWMTKN');
    expect(new Set(bed.ssh.commands.map((command) => command.replace(/^node\d: /, '')))).toEqual(
      new Set(['exec docker system dial-stdio', networkCommand]),
    );
    const paths = engines.flatMap(({ requests }) => requests.map(({ path }) => path));
    expect(paths.filter((path) => path.includes('SWMTKN'))).toEqual([]);
  });

  test('join adds workers in parallel', async () => {
    // Each join ends only once all three have started: sequential joins would never end.
    const arrived: (() => void)[] = [];
    for (const number of [2, 3, 4]) {
      engine(number).whileJoining = () =>
        new Promise((resolve) => {
          arrived.push(resolve);
          if (arrived.length === 3) for (const go of arrived) go();
        });
    }
    await join([2, 3, 4]);
    expect(bed.engines.joining.most).toBe(3);
  });

  test('join adds managers one at a time, in order', async () => {
    for (const number of [2, 3, 4]) engine(number).whileJoining = () => sleep(5);
    await join([3, 2, 4], 'manager');
    expect(bed.engines.joining.most).toBe(1);
    expect(bed.reporter.lines.filter((line) => line.endsWith('done: joined'))).toEqual([
      'node3 done: joined',
      'node2 done: joined',
      'node4 done: joined',
    ]);
    expect(membersOf(swarm)).toEqual(['node1 manager', 'node2 manager', 'node3 manager', 'node4 manager']);
  });

  test('join keeps the role of existing members', async () => {
    engine(2).beIn(swarm, 'manager');
    const [inviting, member] = await join([1, 2]);
    const value = {
      role: 'manager',
      already: true,
      message: 'This node is already part of the swarm as a manager.',
    };
    expect(inviting).toEqual({ name: 'node1', status: 'ok', value: { nodeId: 's1-node1', ...value } });
    expect(member).toEqual({ name: 'node2', status: 'ok', value: { nodeId: 's1-node2', ...value } });
    expect(engines.flatMap(({ requests }) => requests.filter(({ method }) => method === 'POST'))).toEqual([]);
  });

  test('join refuses members of another swarm and continues with the others', async () => {
    engine(2).newSwarm('s2');
    const outcomes = await join([2, 3]);
    expect(outcomes[0]).toMatchObject({
      status: 'failed',
      error: {
        name: 'UserError',
        message: 'node2 is already part of another swarm',
        hint: 'belt --host node2 docker swarm leave',
      },
    });
    expect(outcomes[1]).toMatchObject({ status: 'ok' });
  });

  test('join waits when the engine continues to join after its timeout', async () => {
    engine(2).joinsAfterLooks = 2;
    expect(await join([2])).toMatchObject([
      { name: 'node2', status: 'ok', value: { nodeId: 's1-node2', already: false } },
    ]);
    expect(engine(2).requests.map(({ path }) => path)).toEqual([
      '/info',
      '/swarm/join',
      '/info',
      '/info',
      '/info',
    ]);
  });

  test('join finishes a join of an interrupted run', async () => {
    engine(2).beJoining(swarm, 'worker', 2);
    expect(await join([2])).toEqual([
      {
        name: 'node2',
        status: 'ok',
        value: {
          nodeId: 's1-node2',
          role: 'worker',
          already: true,
          message: 'This node is already part of the swarm as a worker.',
        },
      },
    ]);
  });

  test('join reports the reason when a continued join fails', async () => {
    engine(2).joinsAfterLooks = 1;
    engine(2).joinError = 'rpc error: no route to host';
    expect(await join([2])).toEqual([
      {
        name: 'node2',
        status: 'failed',
        error: new ExternalError('node2 could not join: rpc error: no route to host'),
      },
    ]);
  });

  test("join fails with the engine's message", async () => {
    engine(2).answers.set('/swarm/join', () => ({
      status: 400,
      body: { message: 'invalid join token' },
    }));
    expect(await join([2, 3])).toMatchObject([
      { name: 'node2', status: 'failed', error: { name: 'EngineError', message: 'invalid join token' } },
      { name: 'node3', status: 'ok' },
    ]);
  });

  test('join marks a node as interrupted', async () => {
    engine(2).joinsAfterLooks = 1_000_000;
    const joining = join([2]);
    await expect.poll(() => engine(2).requests.length).toBeGreaterThan(2);
    bed.interrupt();
    expect(await joining).toEqual([{ name: 'node2', status: 'interrupted' }]);
  });

  test('join refuses a manager option that names a worker', async () => {
    engine(2).beIn(swarm, 'worker');
    const invite = (number: number) =>
      joinSwarm({ manager: machine(number), machines: [machine(4)], role: 'worker' }, bed.context);
    await expect(invite(2)).rejects.toMatchObject({
      name: 'UserError',
      message: 'node2 is a worker of its swarm, not a manager',
      hint: 'belt swarm ls',
    });
    await expect(invite(3)).rejects.toMatchObject({
      name: 'UserError',
      message: 'node3 is not in a swarm',
      hint: 'belt swarm init node3',
    });
    expect(engine(4).requests).toEqual([]);
  });
});

describe('promote and demote', () => {
  let swarm: Swarm;

  beforeEach(async () => {
    swarm = engine(1).newSwarm('s1');
    for (const number of [2, 3]) engine(number).beIn(swarm, 'manager');
    engine(4).beIn(swarm, 'worker');
    await bed.cluster.setActiveMachine('node2');
  });

  test("promote and demote run one node at a time and report docker's messages", async () => {
    expect(await promoteNodes(['node[3:4]'], bed.context)).toMatchObject([
      { name: 'node3', value: { already: true, message: 'Node node3 promoted to a manager in the swarm.' } },
      { name: 'node4', value: { already: false, message: 'Node node4 promoted to a manager in the swarm.' } },
    ]);
    expect(warnings()).toEqual([
      '4 managers tolerate no more failures than 3: use an odd number of managers',
    ]);
    expect(membersOf(swarm)).toContain('node4 manager');
  });

  test('promote does not wait for a manager that is down', async () => {
    Object.assign(engine(3).node as Node, { status: 'down', reachability: 'unreachable' });
    expect(await promoteNodes(['node3'], bed.context)).toMatchObject([{ value: { already: true } }]);
  });

  test('promote refuses a node that is down', async () => {
    (engine(4).node as Node).status = 'down';
    await expect(promoteNodes(['node4'], bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'node4 is down: an unreachable manager would only weaken the quorum',
    });
  });

  test('promote waits for a node in the state unknown', async () => {
    const node = engine(4).node as Node;
    node.status = 'unknown';
    const promoting = promoteNodes(['node4'], bed.context);
    await expect
      .poll(() => engine(2).requests.filter(({ path }) => path === '/nodes').length)
      .toBeGreaterThan(2);
    node.status = 'ready';
    expect(await promoting).toMatchObject([{ name: 'node4', status: 'ok' }]);
  });

  test('demote keeps the failure tolerance, unless forced', async () => {
    await expect(demoteNodes(['node3'], { force: false }, bed.context)).rejects.toMatchObject({
      message:
        'demoting node3 would leave 2 managers, not enough to tolerate a failure (now 3 managers tolerate 1)',
    });
    expect(membersOf(swarm)).toContain('node3 manager');
    expect(await demoteNodes(['node3'], { force: true }, bed.context)).toMatchObject([
      { name: 'node3', value: { message: 'Manager node3 demoted in the swarm.' } },
    ]);
    expect(warnings()).toEqual([
      'demoting node3 would leave 2 managers, not enough to tolerate a failure (now 3 managers tolerate 1); --force: the swarm will lose its quorum if another manager fails',
    ]);
  });

  test('demote is refused while another manager is unreachable, even before the leader notices', async () => {
    engine(3).answers.set('/_ping', () => ({ status: 500, body: { message: 'frozen' } }));
    await expect(demoteNodes(['node2'], { force: false }, bed.context)).rejects.toMatchObject({
      message:
        'demoting node2 would leave the swarm without a quorum: 1 of 2 managers can be reached, and 2 are needed (now 2 of 3 managers)',
    });
  });

  test('demote accepts an unreachable manager', async () => {
    (engine(3).node as Node).reachability = 'unreachable';
    expect(await demoteNodes(['node3'], { force: false }, bed.context)).toMatchObject([{ status: 'ok' }]);
  });

  test('demote starts with unreachable managers', async () => {
    await bed.running('node5', 'node6');
    for (const name of ['node5', 'node6']) (await bed.engine(name)).beIn(swarm, 'manager');
    bed.engines.isUp = (name) => !['node5', 'node6'].includes(name);
    const demoted = await demoteNodes(['node[3,5:6]'], { force: false }, bed.context);
    expect(demoted.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'node5 ok',
      'node6 ok',
      'node3 ok',
    ]);
  });

  test('a request waits for an election when there is no leader', async () => {
    let left = 4;
    const electing = (): Answer | undefined =>
      left-- > 0 ? { status: 503, body: { message: noLeader } } : undefined;
    bed.ssh.refused.add('node1');
    for (const number of [2, 3]) engine(number).answers.set('/nodes', electing);
    expect(await setAvailability(['node4'], 'pause', bed.context)).toMatchObject([
      { name: 'node4', status: 'ok' },
    ]);
    expect(bed.reporter.lines).toContain('note: The swarm has no leader; waiting for an election');
  });

  test('ls does not wait for a named manager that is unreachable', async () => {
    bed.ssh.refused.add('node1');
    await expect(listNodes(machine(1), bed.context)).rejects.toThrow('refused');
    expect(bed.reporter.lines.filter((line) => line.startsWith('note: '))).toEqual([]);
  });

  test('a request fails at once when too few managers are left to elect a leader', async () => {
    for (const name of ['node1', 'node3']) bed.ssh.refused.add(name);
    engine(2).answers.set('/nodes', () => ({ status: 503, body: { message: noLeader } }));
    await expect(setAvailability(['node4'], 'pause', bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'the swarm has no leader: 1 of 3 managers can be reached, and 2 are needed',
    });
    expect(bed.reporter.lines.filter((line) => line.startsWith('note: '))).toEqual([]);
  });

  test('demote demotes the leader last, through another manager', async () => {
    expect(await demoteNodes(['node[1:2]'], { force: true }, bed.context)).toMatchObject([
      { name: 'node2', status: 'ok' },
      { name: 'node1', status: 'ok' },
    ]);
    expect(membersOf(swarm)).toContain('node3 manager');
  });

  test('demote names a machine outside the swarm', async () => {
    await bed.running('other');
    await expect(demoteNodes(['other'], { force: false }, bed.context)).rejects.toMatchObject({
      message: 'other is not a node of the swarm',
    });
  });
});

describe('ls', () => {
  test('ls shows the nodes as the manager lists them', async () => {
    const swarm = engine(1).newSwarm('s1');
    engine(2).beIn(swarm, 'worker');
    const node = { status: 'ready', availability: 'active', engineVersion: '28.1.0', labels: {} };
    expect(await listNodes(machine(1), bed.context)).toEqual([
      {
        name: 'node1',
        id: 's1-node1',
        hostname: 'node1',
        address: 'node1',
        role: 'manager',
        leader: true,
        reachability: 'reachable',
        managerAddress: 'node1:2377',
        ...node,
      },
      {
        name: 'node2',
        id: 's1-node2',
        hostname: 'node2',
        address: 'node2',
        role: 'worker',
        leader: false,
        ...node,
      },
    ]);
  });

  test('verbs use the entry that the machine reports while an old one still looks alive', async () => {
    const swarm = engine(1).newSwarm('s1');
    engine(2).beIn(swarm, 'worker');
    const [, old] = swarm.nodes as [Node, Node];
    swarm.nodes.push({ ...old, id: 'new' });
    engine(2).answers.set('/info', () => ({
      status: 200,
      body: { Swarm: { LocalNodeState: 'active', NodeID: 'new' } },
    }));
    await setAvailability(['node2'], 'pause', bed.context);
    expect(swarm.nodes.map(({ id, availability }) => `${id} ${availability}`)).toEqual([
      's1-node1 active',
      's1-node2 active',
      'new pause',
    ]);
    expect((await listNodes(undefined, bed.context)).map(({ name }) => name)).toEqual([
      'node1',
      'node2 (s1-node2)',
      'node2 (new)',
    ]);
    await setAvailability(['s1-node2'], 'pause', bed.context);
    expect(old.availability).toBe('pause');
  });

  test('ls on a worker names the managers', async () => {
    const swarm = engine(1).newSwarm('s1');
    engine(2).beIn(swarm, 'worker');
    await expect(listNodes(machine(2), bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'node2 is a worker of its swarm, not a manager',
      hint: 'belt swarm ls',
    });
  });

  test('ls uses a manager of the cluster by default', async () => {
    await bed.cluster.setActiveMachine('node2');
    const swarm = engine(3).newSwarm('s1');
    engine(2).beIn(swarm, 'worker');
    const nodes = await listNodes(undefined, bed.context);
    expect(nodes.map(({ hostname, role }) => `${hostname} ${role}`)).toEqual([
      'node3 manager',
      'node2 worker',
    ]);
  });

  describe('with two swarms in one cluster', () => {
    beforeEach(async () => {
      const ours = engine(1).newSwarm('s1');
      engine(2).beIn(ours, 'manager');
      engine(3).newSwarm('s2');
      await bed.cluster.setActiveMachine('node1');
    });

    test('ls uses a manager of the active machine, and never one of the other swarm', async () => {
      const hosts = async () => (await listNodes(undefined, bed.context)).map(({ hostname }) => hostname);
      expect(await hosts()).toEqual(['node1', 'node2']);
      bed.engines.isUp = (name) => name === 'node3';
      await expect(hosts()).rejects.toMatchObject({
        name: 'ExternalError',
        message: expect.stringMatching(/^no manager responds: /),
      });
    });

    test('ls names the lost quorum of the active swarm although the other one has a leader', async () => {
      bed.engines.isUp = (name) => name !== 'node2';
      await expect(listNodes(undefined, bed.context)).rejects.toMatchObject({
        message: expect.stringMatching(/^the swarm has no leader/),
      });
    });

    test('a named manager without a leader does not wait for managers of the other swarm', async () => {
      bed.engines.isUp = (name) => name !== 'node2';
      await expect(listNodes(machine(1), bed.context)).rejects.toMatchObject({
        message: expect.stringMatching(/^the swarm has no leader/),
      });
      expect(bed.reporter.lines.filter((line) => line.startsWith('note: '))).toEqual([]);
    });

    test('ls refuses to choose between two swarms without an active machine', async () => {
      await bed.cluster.setActiveMachine(undefined);
      await expect(listNodes(undefined, bed.context)).rejects.toMatchObject({
        name: 'UserError',
        message: expect.stringMatching(/^this cluster has managers of 2 swarms: node[12] and node3$/),
        hint: 'belt active NODE, with a machine of one of them',
      });
    });

    test('ls uses any manager while the active machine is in no swarm', async () => {
      await bed.cluster.setActiveMachine('node4');
      expect((await listNodes(undefined, bed.context)).length).toBeGreaterThan(0);
    });
  });

  test('ls in a cluster without a swarm shows how to create one', async () => {
    await expect(listNodes(undefined, bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: 'no machine of this cluster is a manager of a swarm',
      hint: 'belt swarm init NODE',
    });
  });

  test('ls on a machine outside a swarm shows how to create one', async () => {
    await expect(listNodes(machine(3), bed.context)).rejects.toMatchObject({
      message: 'node3 is not in a swarm',
      hint: 'belt swarm init node3',
    });
  });
});
