import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Machine } from '../../../src/machines/model/machine.js';
import { drainNodes, setAvailability } from '../../../src/swarm/change-availability.js';
import { labelNodes } from '../../../src/swarm/label-nodes.js';
import { leaveSwarm } from '../../../src/swarm/leave-swarm.js';
import { removeNodes } from '../../../src/swarm/remove-nodes.js';
import type { Engine, Node, Swarm } from '../support/engine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

/** node1, node2, node3 are managers, node4 and node5 workers. */
let bed: TestBed;
let engines: Engine[];
let swarm: Swarm;

beforeEach(async () => {
  bed = await openTestBed();
  const machines: Machine[] = await bed.running('node1', 'node2', 'node3', 'node4', 'node5');
  engines = await Promise.all(machines.map(({ name }) => bed.engine(name)));
  swarm = engine(1).newSwarm('s1');
  for (const number of [2, 3]) engine(number).beIn(swarm, 'manager');
  for (const number of [4, 5]) engine(number).beIn(swarm, 'worker');
  await bed.cluster.setActiveMachine('node2');
});

afterEach(async () => {
  try {
    await expect.poll(() => bed.ssh.channels).toBe(0);
    expect(await bed.claims()).toEqual([]);
  } finally {
    await bed.close();
  }
});

function engine(number: number): Engine {
  return engines[number - 1] as Engine;
}

function node(number: number): Node {
  return engine(number).node as Node;
}

function warnings(): string[] {
  return bed.reporter.lines.flatMap((line) =>
    line.startsWith('warning: ') ? [line.slice('warning: '.length)] : [],
  );
}

/** The nodes as the managers list them. */
function entries(): string[] {
  return swarm.nodes.map(({ engine: { name }, role, status }) => `${name} ${role} ${status}`).sort();
}

describe('availability', () => {
  test('pause and activate report the name and whether anything changed', async () => {
    expect(await setAvailability(['node[4:5]'], 'pause', bed.context)).toMatchObject([
      { name: 'node4', value: { availability: 'pause', already: false, message: 'node4' } },
      { name: 'node5', value: { availability: 'pause', already: false, message: 'node5' } },
    ]);
    expect(node(4).availability).toBe('pause');
    expect(await setAvailability(['node4'], 'pause', bed.context)).toMatchObject([
      { value: { already: true } },
    ]);
    await setAvailability(['node4'], 'active', bed.context);
    expect([node(4).availability, node(5).availability]).toEqual(['active', 'pause']);
  });

  test('pause reports an unknown name, and fails when all names are unknown', async () => {
    const outcomes = await setAvailability(['node5', 'nodeX', 'node4'], 'pause', bed.context);
    expect(outcomes.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'node5 ok',
      'node4 ok',
      'nodeX failed',
    ]);
    expect(bed.reporter.lines.filter((line) => line.startsWith('nodeX'))).toEqual([
      expect.stringContaining('"nodeX" does not exist'),
    ]);
    await expect(setAvailability(['nodeX'], 'active', bed.context)).rejects.toThrow('"nodeX" does not exist');
    expect([node(4).availability, node(5).availability]).toEqual(['pause', 'pause']);
  });

  test('pause keeps a label that is set at the same time', async () => {
    await Promise.all([
      setAvailability(['node4'], 'pause', bed.context),
      labelNodes(['node5', 'zone=a'], await bed.nextRun()),
    ]);
    expect([node(4).availability, node(5).labels]).toEqual(['pause', { zone: 'a' }]);
  });

  test('drain warns about interrupted services and containers that stay', async () => {
    swarm.services.push(
      { id: 'one', name: 'db', mode: 'Replicated' },
      { id: 'two', name: 'web', mode: 'Replicated' },
      { id: 'all', name: 'agent', mode: 'Global' },
    );
    swarm.tasks.push(
      { service: 'one', node: node(4), slot: 1, state: 'running' },
      { service: 'two', node: node(4), slot: 1, state: 'running' },
      { service: 'two', node: node(5), slot: 2, state: 'running' },
      { service: 'all', node: node(4), state: 'running' },
    );
    engine(4).containers = [
      { name: 'registry' },
      { name: 'db.1', labels: { 'com.docker.swarm.task.id': 'task0' } },
    ];
    expect(await drainNodes(['node4'], {}, bed.context)).toMatchObject([
      { name: 'node4', value: { availability: 'drain', already: false, message: 'node4' } },
    ]);
    expect(warnings()).toEqual([
      'service db is interrupted: its only task runs on node4',
      'containers that are not swarm tasks stay on node4: registry',
    ]);
    expect(node(4).availability).toBe('drain');
    await drainNodes(['node4'], {}, bed.context);
    expect(warnings()).toHaveLength(2);
  });

  test('drain warns about a service that runs only on the drained nodes', async () => {
    swarm.services.push({ id: 'two', name: 'web', mode: 'Replicated' });
    for (const [index, number] of [4, 5].entries())
      swarm.tasks.push({ service: 'two', node: node(number), slot: index + 1, state: 'running' });
    await drainNodes(['node[4:5]'], {}, bed.context);
    expect(warnings()).toEqual(['service web is interrupted: all its 2 tasks run on node4 and node5']);
  });

  test('drain --wait returns when no task runs on the node', async () => {
    const task = { service: 'one', node: node(4), slot: 1, state: 'running' };
    swarm.services.push({ id: 'one', name: 'db', mode: 'Replicated' });
    swarm.tasks.push(task, { ...task, slot: 2, state: 'failed' });
    const draining = drainNodes(['node4'], { waitMs: 20_000 }, bed.context);
    await expect.poll(() => bed.reporter.lines).toContain('node4: waiting for db.1 (running)');
    task.state = 'shutdown';
    expect(await draining).toMatchObject([{ status: 'ok' }]);
  });

  test('drain --wait names running tasks on a timeout and finishes other nodes', async () => {
    swarm.services.push({ id: 'one', name: 'db', mode: 'Replicated' });
    for (const slot of [1, 2, 3, 4])
      swarm.tasks.push({ service: 'one', node: node(4), slot, state: 'running' });
    expect(await drainNodes(['node[4:5]'], { waitMs: 300 }, bed.context)).toMatchObject([
      {
        name: 'node4',
        status: 'failed',
        error: {
          name: 'ExternalError',
          message:
            'node4 is drained, but after 0.3 s still runs db.1 (running), db.2 (running), db.3 (running) and 1 more',
        },
      },
      { name: 'node5', status: 'ok' },
    ]);
  });

  test('drain --wait does not wait for a node that is down', async () => {
    swarm.tasks.push({ service: 'one', node: node(4), slot: 1, state: 'running' });
    node(4).status = 'down';
    expect(await drainNodes(['node4'], { waitMs: 300 }, bed.context)).toMatchObject([{ status: 'ok' }]);
  });

  test('drain --wait stops on an interruption', async () => {
    swarm.tasks.push({ service: 'one', node: node(4), slot: 1, state: 'running' });
    const draining = drainNodes(['node4'], { waitMs: 60_000 }, bed.context);
    await expect.poll(() => node(4).availability).toBe('drain');
    await sleep(50);
    bed.interrupt();
    expect(await draining).toEqual([{ name: 'node4', status: 'interrupted' }]);
  });
});

describe('label', () => {
  test('label sets and removes labels and keeps others', async () => {
    node(4).labels = { disk: 'ssd', zone: 'b' };
    expect(await labelNodes(['node[4:5]', 'zone=a', 'disk-'], bed.context)).toMatchObject([
      { name: 'node4', value: { labels: { zone: 'a' }, already: false, message: 'node4' } },
      { name: 'node5', value: { labels: { zone: 'a' }, already: false, message: 'node5' } },
    ]);
    expect([node(4).labels, node(5).labels]).toEqual([{ zone: 'a' }, { zone: 'a' }]);
    expect(await labelNodes(['node4', 'zone=a'], bed.context)).toMatchObject([{ value: { already: true } }]);
  });
});

describe('leave', () => {
  const leave = (nodes: string[], force = false) =>
    leaveSwarm(nodes, { force, confirm: () => Promise.reject(new Error('declined')) }, bed.context);

  test('leave removes the entries of workers', async () => {
    expect(await leave(['node[4:5]'])).toEqual([
      { name: 'node4', status: 'ok', value: { nodeId: 's1-node4', message: 'Node left the swarm.' } },
      { name: 'node5', status: 'ok', value: { nodeId: 's1-node5', message: 'Node left the swarm.' } },
    ]);
    expect(entries()).toEqual(['node1 manager ready', 'node2 manager ready', 'node3 manager ready']);
    expect(engine(4).state).toBe('inactive');
  });

  test('leave demotes managers first and checks the quorum', async () => {
    await expect(leave(['node3', 'node4'])).rejects.toMatchObject({
      message:
        'demoting node3 would leave 2 managers, not enough to tolerate a failure (now 3 managers tolerate 1)',
    });
    expect(entries()).toHaveLength(5);
    expect(await leave(['node1', 'node4'], true)).toMatchObject([
      { name: 'node1', status: 'ok' },
      { name: 'node4', status: 'ok' },
    ]);
    expect(entries()).toEqual(['node2 manager ready', 'node3 manager ready', 'node5 worker ready']);
    const updates = engines.flatMap(({ requests }) => requests.filter(({ path }) => path.includes('update')));
    expect(updates.map(({ body }) => (body as { Role: string }).Role)).toEqual(['worker']);
  });

  test('leave switches to another manager when the one in use leaves', async () => {
    await leave(['node2'], true);
    expect(entries()).not.toContainEqual(expect.stringContaining('node2'));
  });

  test('leave refuses to remove all managers, unless forced', async () => {
    await expect(leave(['node[1:3]'])).rejects.toMatchObject({
      name: 'UserError',
      message: 'the 2 remaining nodes would have no manager',
    });
    expect(entries()).toHaveLength(5);
    expect(await leave(['node[1:3]'], true)).toMatchObject([
      { name: 'node1', status: 'ok' },
      { name: 'node2', status: 'ok' },
      { name: 'node3', status: 'ok' },
    ]);
    expect([1, 2, 3, 4].map((number) => engine(number).state)).toEqual([
      'inactive',
      'inactive',
      'inactive',
      'active',
    ]);
    expect(warnings()).toEqual([
      "the 2 remaining nodes would have no manager; --force: the swarm's services, secrets and configs are lost; tasks on the remaining nodes keep running and cannot be changed",
    ]);
  });

  test('leave removes the entry of a node that already left', async () => {
    engine(4).state = 'inactive';
    Object.assign(node(4), { status: 'down', left: true });
    expect(await leave(['node4'])).toMatchObject([{ status: 'ok' }]);
    expect(entries()).toHaveLength(4);
  });

  test('leave refuses a machine that is now a node of another swarm', async () => {
    node(4).left = true;
    engine(4).newSwarm('s2');
    const [outcome] = await leave(['node4']);
    expect(outcome).toMatchObject({
      status: 'failed',
      error: { message: 'node4 is no longer the node s1-node4: it has rejoined, or joined another swarm' },
    });
    expect(engine(4).state).toBe('active');
  });

  test('leave fails for a node that belt does not manage', async () => {
    await bed.cluster.remove('node5');
    expect(await leave(['node[4:5]'])).toMatchObject([
      { name: 'node4', status: 'ok' },
      {
        name: 'node5',
        status: 'failed',
        error: { message: 'node5 is not managed by belt, so belt cannot make it leave' },
      },
    ]);
  });

  test('leave succeeds for a machine that left before, and continues with the others', async () => {
    await leave(['node4']);
    expect(await leave(['node[4:5]'])).toEqual([
      { name: 'node5', status: 'ok', value: { nodeId: 's1-node5', message: 'Node left the swarm.' } },
      { name: 'node4', status: 'ok', value: { message: 'This node is not part of a swarm' } },
    ]);
  });

  test('leave fails for a machine of another swarm', async () => {
    await bed.running('other');
    (await bed.engine('other')).newSwarm('s2');
    expect(await leave(['other', 'node5'])).toMatchObject([
      { name: 'node5', status: 'ok' },
      { name: 'other', error: { message: "other is not a node of the active machine's swarm" } },
    ]);
    expect((await bed.engine('other')).state).toBe('active');
  });

  test('leave --force makes a machine leave another swarm', async () => {
    await bed.running('other');
    (await bed.engine('other')).newSwarm('s2');
    expect(await leave(['other'], true)).toMatchObject([{ name: 'other', status: 'ok' }]);
    expect((await bed.engine('other')).state).toBe('inactive');
    expect(warnings()).toEqual([
      "other is not a node of the active machine's swarm; --force: it leaves its own swarm",
    ]);
  });

  test('leave --force works when no manager responds', async () => {
    for (const number of [1, 2, 3]) bed.ssh.refused.add(`node${number}`);
    await expect(leave(['node4'])).rejects.toMatchObject({ name: 'ExternalError' });
    expect(await leave(['node4'], true)).toMatchObject([
      { name: 'node4', status: 'ok', value: { message: 'Node left the swarm.' } },
    ]);
    expect(engine(4).state).toBe('inactive');
    expect(warnings()).toEqual([
      expect.stringMatching(
        /^no manager responds: .*; --force: the nodes leave without notifying the managers$/,
      ),
    ]);
  });

  test('leave --force works when a manager has not noticed that the quorum is lost', async () => {
    swarm.isUnaware = true;
    bed.engines.isUp = (name) => !['node2', 'node3'].includes(name);
    await expect(leave(['node1'])).rejects.toMatchObject({ name: 'UserError' });
    for (const number of [2, 3]) bed.ssh.refused.add(`node${number}`);
    await expect(leave(['node1'])).rejects.toMatchObject({
      message: 'the swarm has no quorum: 1 of 3 managers can be reached, and 2 are needed',
    });
    expect(await leave(['node1'], true)).toMatchObject([{ name: 'node1', status: 'ok' }]);
    expect(engine(1).state).toBe('inactive');
    expect(warnings().at(-1)).toMatch(
      /^the swarm has no quorum: .*; --force: the nodes leave without notifying/,
    );
  });

  test('leave retries when the engine gives up while containers stop', async () => {
    let asked = 0;
    engine(4).answers.set('/swarm/leave?force=false', () => {
      if (++asked === 2) engine(4).answers.clear();
      return { status: 500, body: { message: 'context deadline exceeded' } };
    });
    expect(await leave(['node4'])).toMatchObject([{ name: 'node4', status: 'ok' }]);
    expect(asked).toBe(2);
    expect(engine(4).state).toBe('inactive');
  });

  test('leave fails on other errors of the engine', async () => {
    engine(4).answers.set('/swarm/leave?force=false', () => ({
      status: 500,
      body: { message: 'disk full' },
    }));
    expect(await leave(['node4'])).toMatchObject([{ status: 'failed', error: { message: 'disk full' } }]);
    expect(entries()).toHaveLength(5);
  });

  test('leave of all nodes dissolves the swarm after a confirmation', async () => {
    const asked: number[] = [];
    const dissolve = (yes: boolean) =>
      leaveSwarm(
        ['node*'],
        {
          force: false,
          async confirm(nodes) {
            asked.push(nodes);
            if (!yes) throw new Error('declined');
          },
        },
        bed.context,
      );
    await expect(dissolve(false)).rejects.toThrow('declined');
    expect(entries()).toHaveLength(5);
    expect((await dissolve(true)).map(({ name, status }) => `${name} ${status}`)).toEqual(
      [1, 2, 3, 4, 5].map((number) => `node${number} ok`),
    );
    expect(engines.map(({ state }) => state)).toEqual(Array(5).fill('inactive'));
    expect(asked).toEqual([5, 5]);
  });
});

describe('rm', () => {
  const rm = (nodes: string[], force = false) => removeNodes(nodes, { force }, bed.context);

  test('rm removes a node that is down and reports its name', async () => {
    node(4).status = 'down';
    expect(await rm(['node4'])).toEqual([
      { name: 'node4', status: 'ok', value: { nodeId: 's1-node4', message: 'node4' } },
    ]);
    expect(entries()).toHaveLength(4);
  });

  test('rm refuses a node that is up, unless forced', async () => {
    await expect(rm(['node4'])).rejects.toMatchObject({
      name: 'UserError',
      message: 'node4 is ready: only nodes that are down can be removed',
    });
    await rm(['node4'], true);
    expect(entries()).toHaveLength(4);
  });

  test('rm names the old entry of a node that joined again while both look alive', async () => {
    swarm.nodes.push({ ...node(4), id: 'old1', left: true });
    const hint = 'belt swarm rm --force old1, to remove the old entry of node4';
    await expect(rm(['node4'])).rejects.toMatchObject({ hint });
    await expect(rm(['old1'])).rejects.toMatchObject({ hint });
    await rm(['old1'], true);
    expect(entries()).toHaveLength(5);
    expect(node(4).id).toBe('s1-node4');
  });

  test('rm demotes a manager first', async () => {
    Object.assign(node(3), { status: 'down', reachability: 'unreachable' });
    await rm(['node3']);
    expect(entries()).toHaveLength(4);
  });

  test('rm refuses a manager without a quorum', async () => {
    for (const number of [2, 3]) Object.assign(node(number), { status: 'down', reachability: 'unreachable' });
    await bed.cluster.setActiveMachine('node1');
    await expect(rm(['node3'])).rejects.toMatchObject({
      message: 'the swarm has no quorum: 1 of 3 managers can be reached, and 2 are needed',
    });
    expect(entries()).toHaveLength(5);
  });

  test('rm removes the old entries of a node that joined again', async () => {
    for (const id of ['old1', 'old2']) swarm.nodes.push({ ...node(4), id, status: 'down', left: true });
    await rm(['node4']);
    expect(entries().filter((entry) => entry.startsWith('node4'))).toEqual(['node4 worker ready']);
  });

  describe('rm of a manager that joined again more than once', () => {
    beforeEach(() => {
      const gone = { status: 'down', reachability: 'unreachable', left: true };
      for (const id of ['old1', 'old2']) swarm.nodes.push({ ...node(3), ...gone, id });
    });

    test('rm demotes every old entry of a manager first', async () => {
      expect(await rm(['node3'])).toEqual([expect.objectContaining({ name: 'node3', status: 'ok' })]);
      expect(entries().filter((entry) => entry.startsWith('node3'))).toEqual(['node3 manager ready']);
    });

    test('rm keeps all old entries when one cannot be demoted, and reports the reason once', async () => {
      engine(2).answers.set('/nodes/old1', () => ({ status: 500, body: { message: 'no' } }));
      expect(await rm(['node3'])).toMatchObject([
        { name: 'node3', status: 'failed', error: { message: 'no' } },
      ]);
      expect(entries().filter((entry) => entry.startsWith('node3'))).toHaveLength(3);
    });
  });
});
