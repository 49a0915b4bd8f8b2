import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Context } from '../../../src/app/context.js';
import type { Outcome } from '../../../src/app/fan-out.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { removeSwarmMachines } from '../../../src/swarm/remove-machines.js';
import { recordFault } from '../../lab/record-fault.js';
import type { Engine, Node, Swarm } from '../support/engine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

const names = ['mg1', 'mg2', 'mg3', 'mg4', 'mg5', 'node1', 'node2', 'apart'];

let bed: TestBed;
let swarm: Swarm;

/** Five managers, of which mg1 leads, two workers, and a machine in no swarm. */
async function openSwarm(): Promise<void> {
  bed = await openTestBed();
  bed.engines.isUp = (name) => bed.driver.machines.get(name)?.state === 'running';
  await bed.running(...names);
  swarm = (await bed.engine('mg1')).newSwarm('s1');
  for (const name of names.slice(1, -1))
    (await bed.engine(name)).beIn(swarm, name.startsWith('mg') ? 'manager' : 'worker');
  await bed.cluster.setActiveMachine('mg1');
}

beforeEach(openSwarm);
afterEach(() => {
  vi.useRealTimers();
  return bed.close();
});

function node(name: string): Node {
  const found = swarm.nodes.find(({ engine }) => engine.name === name);
  if (!found) throw new Error(`no node ${name}`);
  return found;
}

function switchOff(...off: string[]): void {
  for (const name of off) bed.driver.machines.set(name, { ...machineOf(name), state: 'stopped' });
}

function machineOf(name: string) {
  const machine = bed.driver.machines.get(name);
  if (!machine) throw new Error(`no machine ${name}`);
  return machine;
}

async function retire(
  chosen: string[],
  force = false,
  context: Context = bed.context,
): Promise<Outcome<Machine>[]> {
  const machines = await Promise.all(chosen.map((name) => context.cluster.machine(name)));
  return removeSwarmMachines(machines, { force, drainMs: 500 }, context);
}

function results(outcomes: readonly Outcome<Machine>[]): string[] {
  return outcomes.map((outcome) =>
    outcome.status === 'failed'
      ? `${outcome.name}: ${outcome.error.message}`
      : `${outcome.name} ${outcome.status}`,
  );
}

async function left(): Promise<string[]> {
  return (await bed.cluster.machines()).machines.map(({ name }) => name);
}

function nodes(): string[] {
  return swarm.nodes.map(({ engine, role }) => `${engine.name} ${role}`);
}

function warnings(): string[] {
  return bed.reporter.lines.flatMap((line) =>
    line.startsWith('warning: ') ? [line.slice('warning: '.length)] : [],
  );
}

/** Write requests to the engines, in order. */
function orders(): string[] {
  return sent;
}
let sent: string[];
beforeEach(() => {
  sent = [];
  bed.engines.onRequest = ({ method, path, body }, engine: Engine) => {
    if (method === 'GET') return;
    const spec = body as { Role?: string; Availability?: string } | undefined;
    sent.push(
      path.includes('/update')
        ? `${/s1-(\w+)/.exec(path)?.[1]} ${spec?.Availability} ${spec?.Role}`
        : `${method} ${path} at ${engine.name}`,
    );
  };
});

describe('removing nodes', () => {
  test('rm drains a node, makes it leave, and removes its entry', async () => {
    expect(results(await retire(['node1']))).toEqual(['node1 ok']);
    expect(orders()).toEqual([
      'node1 drain worker',
      'POST /swarm/leave?force=false at node1',
      'DELETE /nodes/s1-node1?force=true at mg1',
    ]);
    expect(await left()).not.toContain('node1');
  });

  test('rm demotes managers first, the leader last', async () => {
    expect(results(await retire(['mg1', 'mg2', 'node1'], true))).toEqual(['mg1 ok', 'mg2 ok', 'node1 ok']);
    expect(nodes()).toEqual(['mg3 manager', 'mg4 manager', 'mg5 manager', 'node2 worker']);
    expect(orders().filter((order) => order.endsWith('drain worker') && order.startsWith('mg'))).toEqual([
      'mg2 drain worker',
      'mg1 drain worker',
    ]);
  });

  test('rm keeps all machines when the swarm needs one of them', async () => {
    await expect(retire(['mg2', 'mg3', 'mg4', 'node1'])).rejects.toThrow(
      'removing mg2 and mg3 and mg4 would leave 2 managers, not enough to tolerate a failure (now 5 managers tolerate 2)',
    );
    expect(orders()).toEqual([]);
    expect(await left()).toEqual(names.toSorted());
  });

  test('rm keeps a machine that cannot leave, unless forced', async () => {
    const engine = await bed.engine('node1');
    const path = '/swarm/leave?force=false';
    engine.answers.set(path, () => ({ status: 500, body: { message: 'context deadline' } }));
    expect(results(await retire(['node1', 'node2']))).toEqual(['node1: context deadline', 'node2 ok']);
    expect(await left()).toContain('node1');
    expect(results(await retire(['node1'], true))).toEqual(['node1 ok']);
    expect(warnings()).toContain(
      'node1 is removed although it is still a node of its swarm: context deadline',
    );
  });

  test('rm refuses to remove all managers while other nodes remain, unless forced', async () => {
    const managers = names.filter((name) => name.startsWith('mg'));
    await expect(retire(managers)).rejects.toThrow('the 2 remaining nodes would have no manager');
    expect(results(await retire(managers, true))).toEqual(managers.map((name) => `${name} ok`));
  });
});

describe('removing machines that are missing or stopped', () => {
  test('rm of a missing worker removes its entry', async () => {
    bed.driver.machines.delete('node1');
    expect(results(await retire(['node1']))).toEqual(['node1 ok']);
    expect(nodes()).not.toContain('node1 worker');
  });

  test('rm of a stopped manager demotes it and checks the quorum', async () => {
    switchOff('mg5');
    expect(results(await retire(['mg5']))).toEqual(['mg5 ok']);
    expect(nodes()).not.toContain('mg5 manager');
  });

  test('rm demotes stopped managers before running ones', async () => {
    switchOff('mg4', 'mg5');
    expect(results(await retire(['mg3', 'mg4', 'mg5']))).toEqual(['mg3 ok', 'mg4 ok', 'mg5 ok']);
    expect(orders().filter((order) => /^mg\d drain worker/.test(order))).toEqual([
      'mg4 drain worker',
      'mg5 drain worker',
      'mg3 drain worker',
    ]);
    expect(nodes()).toEqual(['mg1 manager', 'mg2 manager', 'node1 worker', 'node2 worker']);
  });

  test('rm keeps a manager when too few others are reachable', async () => {
    switchOff('mg4', 'mg5');
    await expect(retire(['mg3'])).rejects.toThrow(
      'removing mg3 would leave the swarm without a quorum: 2 of 4 managers can be reached, and 3 are needed',
    );
    expect(results(await retire(['mg4']))).toEqual(['mg4 ok']);
  });

  test('rm removes the entry of a node that left in an interrupted run', async () => {
    Object.assign(node('node1'), { status: 'down', left: true });
    (await bed.engine('node1')).state = 'inactive';
    expect(results(await retire(['node1']))).toEqual(['node1 ok']);
    expect(nodes()).not.toContain('node1 worker');
  });
});

describe('removing machines of a swarm that cannot be queried', () => {
  test('rm without a leader keeps managers, unless forced, and removes workers', async () => {
    switchOff('mg3', 'mg4', 'mg5');
    expect(results(await retire(['mg2', 'mg3', 'node1']))).toEqual([
      expect.stringMatching(
        /^mg2: mg2 is a manager of a swarm that cannot be queried: the swarm has no leader/,
      ),
      expect.stringMatching(/^mg3: mg3 is a manager of a swarm that cannot be queried/),
      'node1 ok',
    ]);
    expect(bed.reporter.lines).toContainEqual(expect.stringMatching(/^mg2 failed: mg2 is a manager of/));
    expect(warnings()).toEqual([expect.stringMatching(/^the node entry of node1 remains in its swarm: /)]);
    expect(results(await retire(['mg2'], true))).toEqual(['mg2 ok']);
    expect(warnings().at(-1)).toMatch(/--force: its copy of the swarm's data is lost$/);
  });

  test('rm without a quorum keeps managers, even before the leader notices, unless forced', async () => {
    switchOff('mg1', 'mg2', 'mg5');
    swarm.isUnaware = true;
    await bed.cluster.setActiveMachine('mg4');
    expect(results(await retire(['mg1', 'mg2']))).toEqual([
      'mg1: mg1 is a manager of a swarm that cannot be queried: the swarm has no quorum: 2 of 5 managers can be reached, and 3 are needed',
      expect.stringMatching(/^mg2: mg2 is a manager of a swarm that cannot be queried/),
    ]);
    expect(results(await retire(['mg1', 'mg2', 'node1'], true))).toEqual(['mg1 ok', 'mg2 ok', 'node1 ok']);
    expect(orders()).toEqual([]);
    expect(warnings()).toEqual([
      "mg1 is a manager of a swarm that cannot be queried (the swarm has no quorum: 2 of 5 managers can be reached, and 3 are needed); --force: its copy of the swarm's data is lost",
      expect.stringMatching(/^mg2 is a manager of a swarm that cannot be queried/),
      expect.stringMatching(/^the node entry of node1 remains in its swarm: the swarm has no quorum: /),
    ]);
  });

  test('rm removes workers when the quorum turns out to be lost', async () => {
    switchOff('mg1', 'mg2', 'mg5');
    swarm.isUnaware = true;
    await bed.cluster.setActiveMachine('mg4');
    vi.useFakeTimers({ toFake: ['Date'] });
    bed.engines.onRequest = ({ method }) => {
      if (method === 'POST') swarm.isUnaware = false;
      else if (!swarm.isUnaware) vi.setSystemTime(Date.now() + 10_000);
    };
    expect(results(await retire(['node1']))).toEqual(['node1 ok']);
    expect(warnings()).toEqual([
      'the node entry of node1 remains in its swarm: the swarm has no leader: too few managers are online, or they are electing one',
    ]);
  });

  test('rm keeps a stopped machine that may be a manager', async () => {
    switchOff('mg1', 'mg2', 'mg5', 'node1', 'node2');
    for (const name of ['mg3', 'mg4'])
      (await bed.engine(name)).answers.set('/info', () => ({ status: 500, body: { message: 'too long' } }));
    await retire(['node1', 'node2', 'mg5'], true);
    expect(results(await retire(['mg1', 'mg2']))).toEqual([
      expect.stringMatching(/^mg1: mg1 may be a manager of a swarm that cannot be queried/),
      expect.stringMatching(/^mg2: mg2 may be a manager of a swarm that cannot be queried/),
    ]);
  });

  test('rm keeps a worker when all machines are stopped, since it may be a manager', async () => {
    switchOff(...names);
    expect(results(await retire(['node1']))).toEqual([
      expect.stringMatching(/^node1: node1 may be a manager of a swarm that cannot be queried/),
    ]);
    expect(await left()).toContain('node1');
  });

  test('rm removes a machine that its provider no longer knows', async () => {
    switchOff(...names);
    bed.driver.machines.delete('mg1');
    expect(results(await retire(['mg1']))).toEqual(['mg1 ok']);
  });
});

describe('removing machines without changing a swarm', () => {
  test('rm removes a machine outside a swarm', async () => {
    expect(results(await retire(['apart']))).toEqual(['apart ok']);
    expect(orders()).toEqual([]);
  });

  test('rm keeps the swarm entry of a machine known only by URL', async () => {
    bed.drivers.set('none', bed.driver);
    await bed.cluster.save({ ...(await bed.cluster.machine('node1')), driver: 'none' });
    expect(results(await retire(['node1']))).toEqual(['node1 ok']);
    expect(orders()).toEqual([]);
    expect(nodes()).toContain('node1 worker');
    expect(await left()).not.toContain('node1');
  });

  test('rm of all nodes of a swarm changes nothing in the swarm', async () => {
    expect(results(await retire(names.slice(0, -1)))).toEqual(names.slice(0, -1).map((name) => `${name} ok`));
    expect(orders()).toEqual([]);
  });

  test('rm of all machines of the cluster queries none of them', async () => {
    bed.ssh.commands.length = 0;
    await retire(names);
    expect(bed.ssh.commands).toEqual([]);
    expect(await left()).toEqual([]);
  });
});

test('rm interrupted at any moment is completed by the same command', async () => {
  let tried = 0;
  const chosen = ['mg1', 'node1'];
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
    await retire(chosen).catch(() => []);
    ended = moments < cut;
    const context = await bed.nextRun();
    const names = (await context.cluster.machines()).machines.map(({ name }) => name);
    const rest = chosen.filter((name) => names.includes(name));
    const again = rest.length > 0 ? await retire(rest, false, context) : [];
    expect(again.map(({ status }) => status)).toEqual(rest.map(() => 'ok'));
    expect(await left()).toEqual(['apart', 'mg2', 'mg3', 'mg4', 'mg5', 'node2']);
    expect(nodes()).toEqual(['mg2 manager', 'mg3 manager', 'mg4 manager', 'mg5 manager', 'node2 worker']);
    expect(await bed.claims()).toEqual([]);
    await bed.close();
    await openSwarm();
  }
  recordFault({
    kind: 'Killed and interrupted',
    fault: '`rm` of a manager and a worker is interrupted at any request or event',
    tried: tried - 1,
  });
}, 120_000);
