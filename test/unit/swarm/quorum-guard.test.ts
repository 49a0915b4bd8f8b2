import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { changeAccess } from '../../../src/engine/provision-machines.js';
import { restartMachines, stopMachines } from '../../../src/machines/lifecycle.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { demoteNodes } from '../../../src/swarm/change-roles.js';
import { leaveSwarm } from '../../../src/swarm/leave-swarm.js';
import { resizeGuard, withQuorumGuard } from '../../../src/swarm/quorum-guard.js';
import { backupSwarm } from '../../../src/swarm/recovery/backup-swarm.js';
import { removeSwarmMachines } from '../../../src/swarm/remove-machines.js';
import { removeNodes } from '../../../src/swarm/remove-nodes.js';
import { restartEngines } from '../../../src/swarm/rolling-restart.js';
import type { Engine, Node, Swarm } from '../support/engine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
let swarm: Swarm;
const names = ['mg1', 'mg2', 'mg3', 'node1', 'node2'];

beforeEach(async () => {
  bed = await openTestBed();
  await bed.running(...names, 'alone');
  bed.engines.isUp = (name) => bed.driver.machines.get(name)?.state === 'running';
  swarm = (await engine('mg1')).newSwarm('s1');
  for (const name of ['mg2', 'mg3']) (await engine(name)).beIn(swarm, 'manager');
  for (const name of ['node1', 'node2']) (await engine(name)).beIn(swarm, 'worker');
});

afterEach(() => {
  vi.useRealTimers();
  return bed.close();
});

const engine = (name: string): Promise<Engine> => bed.engine(name);

function machines(...wanted: string[]): Promise<Machine[]> {
  return Promise.all(wanted.map((name) => bed.cluster.machine(name)));
}

function power(name: string, state: 'running' | 'stopped'): void {
  const machine = bed.driver.machines.get(name);
  if (machine) machine.state = state;
}

async function stopping(...wanted: string[]): Promise<void> {
  const guard = { action: 'stopping', force: false };
  await withQuorumGuard(await machines(...wanted), guard, bed.context, async () => {});
}

function notices(): string[] {
  return bed.reporter.lines.filter((line) => /^(note|warning): /.test(line));
}

describe('stopping', () => {
  test('stopping workers and machines outside a swarm needs no warning', async () => {
    await stopping('node1', 'node2', 'alone');
    expect(notices()).toEqual([]);
  });

  test('stopping a manager warns when no other may fail', async () => {
    await stopping('mg3');
    expect(notices()).toEqual([
      'warning: stopping mg3 leaves 2 of 3 managers: no other manager may fail until it is back',
    ]);
  });

  test('stopping managers is refused when the quorum would be lost', async () => {
    await expect(stopping('mg2', 'mg3', 'node1')).rejects.toMatchObject({
      name: 'UserError',
      message:
        'stopping mg[2:3] would leave the swarm without a quorum: 1 of 3 managers can be reached, and 2 are needed (now 3 managers)',
      hint: expect.stringContaining('--force'),
    });
  });

  test('stopping managers by force warns of the consequence', async () => {
    const guard = { action: 'stopping', force: true };
    await withQuorumGuard(await machines('mg2', 'mg3'), guard, bed.context, async () => {});
    expect(notices()).toEqual([
      'warning: stopping mg[2:3] would leave the swarm without a quorum: 1 of 3 managers can be reached, and 2 are needed (now 3 managers); --force: the swarm cannot be changed until its quorum is restored ("belt start NODES"); running tasks continue',
    ]);
  });

  test('stopping a manager is refused while another is frozen, even before the leader notices', async () => {
    (await engine('mg3')).answers.set('/_ping', () => ({ status: 500, body: { message: 'frozen' } }));
    await expect(stopping('mg2')).rejects.toMatchObject({
      message: expect.stringContaining('1 of 3 managers can be reached'),
    });
    await stopping('mg3');
  });

  describe('stopping managers when belt cannot log in to one', () => {
    beforeEach(() => bed.ssh.refused.add('mg1'));

    test('stopping a manager without a login is checked through the other managers', async () => {
      power('mg3', 'stopped');
      await expect(stopping('mg1')).rejects.toMatchObject({
        message:
          'stopping mg1 would leave the swarm without a quorum: 1 of 3 managers can be reached, and 2 are needed (now 2 of 3 managers)',
      });
    });

    test('stopping a manager without a login warns when no other may fail', async () => {
      await stopping('mg1');
      expect(notices()).toEqual([
        'warning: stopping mg1 leaves 2 of 3 managers: no other manager may fail until it is back',
      ]);
    });

    test('stopping a manager without a login counts with the others of the command', async () => {
      await expect(stopping('mg1', 'mg2')).rejects.toMatchObject({
        message: expect.stringContaining('1 of 3 managers can be reached'),
      });
    });

    test('stopping a manager is refused when the quorum depends on managers without a login', async () => {
      bed.ssh.refused.add('mg2');
      for (const name of ['mg4', 'mg5']) {
        await bed.running(name);
        (await engine(name)).beIn(swarm, 'manager');
        power(name, 'stopped');
      }
      await expect(stopping('mg3')).rejects.toMatchObject({
        message: expect.stringContaining('2 of 5 managers can be reached, and 3 are needed (now 3 of 5'),
      });
    });

    test('stopping a manager without a login is allowed when it is already unreachable', async () => {
      ((await engine('mg1')).node as Node).reachability = 'unreachable';
      await stopping('mg1');
      expect(notices()).toEqual([]);
    });
  });

  test('stopping a silent machine is allowed in a cluster without managers', async () => {
    swarm.nodes = [];
    bed.ssh.refused.add('alone');
    await stopping('alone');
    expect(notices()).toEqual([]);
  });

  test('stopping machines queries others only when a chosen one is silent', async () => {
    await stopping('node1', 'alone');
    expect(bed.ssh.targets.map(({ name }) => name)).toEqual(['node1', 'alone']);
  });

  test('stopping all nodes is a shutdown of the swarm', async () => {
    await stopping(...names);
    expect(notices()).toEqual([
      'note: The whole swarm stops; to bring it back, start most of its managers: belt start mg[1:3]',
    ]);
  });

  test('stopping all nodes that are still up is a shutdown of the swarm', async () => {
    for (const name of ['mg3', 'node2']) power(name, 'stopped');
    bed.engines.isUp = () => true;
    await stopping('mg1', 'mg2', 'node1');
    expect(notices()).toHaveLength(1);
  });

  test('stopping the only node of a swarm needs no warning', async () => {
    (await engine('alone')).newSwarm('s2');
    await stopping('alone');
    expect(notices()).toEqual([]);
  });

  test('stopping the only manager of several nodes is refused', async () => {
    (await engine('alone')).newSwarm('s2');
    await bed.running('other');
    (await engine('other')).beIn(bed.engines.swarms[1] as Swarm, 'worker');
    await expect(stopping('alone')).rejects.toMatchObject({
      message:
        'stopping alone would leave the swarm without a quorum: 0 of 1 manager can be reached, and 1 is needed (now 1 manager)',
    });
  });

  test('stopping managers of several swarms checks each swarm', async () => {
    (await engine('alone')).newSwarm('s2');
    await stopping('mg3', 'alone');
    await expect(stopping('alone', 'mg2', 'mg3')).rejects.toMatchObject({
      message: expect.stringContaining('stopping mg[2:3]'),
    });
  });

  test('stopping a manager is allowed when the quorum is already lost', async () => {
    for (const name of ['mg2', 'mg3']) power(name, 'stopped');
    await stopping('mg1');
    expect(notices()).toEqual([]);
  });

  test('stopping a manager waits for an election before it checks the quorum', async () => {
    let looks = 0;
    const elect = () => {
      if (++looks === 2)
        for (const name of ['mg1', 'mg2']) void engine(name).then((one) => one.answers.delete('/nodes'));
      return { status: 503, body: { message: 'The swarm does not have a leader.' } };
    };
    power('mg3', 'stopped');
    for (const name of ['mg1', 'mg2']) (await engine(name)).answers.set('/nodes', elect);
    await expect(stopping('mg2')).rejects.toMatchObject({
      message: expect.stringContaining('would leave the swarm without a quorum'),
    });
    expect(looks).toBe(2);
  });

  test('stopping a manager is refused when no leader is elected, and is forced without a wait', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const leaderless = () => {
      vi.setSystemTime(Date.now() + 20_000);
      return { status: 503, body: { message: 'The swarm does not have a leader.' } };
    };
    for (const name of ['mg1', 'mg2', 'mg3']) (await engine(name)).answers.set('/nodes', leaderless);
    const obstacle = '3 of 3 managers of the swarm of mg1 appear to be up but have no common leader';
    await expect(stopping('mg1')).rejects.toMatchObject({ name: 'ExternalError', message: obstacle });
    bed.reporter.lines.length = 0;
    const guard = { action: 'stopping', force: true };
    await withQuorumGuard(await machines('mg1'), guard, bed.context, async () => {});
    expect(notices()).toEqual([`warning: ${obstacle}; --force: the effect on the quorum is unknown`]);
  });

  test('stopping machines does not query stopped ones', async () => {
    power('mg3', 'stopped');
    await stopping('mg3');
    expect(bed.ssh.targets).toEqual([]);
  });
});

describe('two concurrent commands', () => {
  const guard = { action: 'stopping', force: false };

  test('two concurrent commands do not both stop a manager', async () => {
    const stop = async (name: string) => {
      const [machine] = await machines(name);
      const mine = [machine as Machine];
      return withQuorumGuard(mine, guard, bed.context, () => stopMachines(mine, bed.context));
    };
    const ends = await Promise.allSettled([stop('mg1'), stop('mg2')]);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(ends.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: {
        name: 'UserError',
        message: expect.stringMatching(/^the swarm is being changed by another belt|without a quorum/),
      },
    });
    expect(await bed.claims()).toEqual([]);
  });

  test('two concurrent commands do not block each other for machines that are not managers', async () => {
    const claim = await bed.cluster.claim(['the swarm'], 'changed');
    await stopping('node1', 'alone');
    await restartMachines(await machines('node1', 'alone'), {}, bed.context);
    await claim.release();
  });

  test.each([
    ['stopping', () => stopping('mg3')],
    ['restarting', async () => restartMachines(await machines('mg3'), {}, bed.context)],
    [
      'restarting engines',
      async () => changeAccess('local', await machines('mg3'), { force: false }, bed.context),
    ],
    ['demoting', () => demoteNodes(['mg3'], { force: true }, bed.context)],
    ['leaving', () => leaveSwarm(['mg3'], { force: true, confirm: async () => {} }, bed.context)],
    ['removing entries', () => removeNodes(['mg3'], { force: true }, bed.context)],
    [
      'removing',
      async () => removeSwarmMachines(await machines('mg3'), { force: true, drainMs: 0 }, bed.context),
    ],
    [
      'a backup',
      () => backupSwarm({ to: join(bed.folder, 'x'), force: true, beltVersion: '1' }, bed.context),
    ],
  ])('%s is refused while another belt changes the swarm', async (_what, work) => {
    await bed.cluster.setActiveMachine('mg1');
    const claim = await bed.cluster.claim(['the swarm'], 'upgraded');
    await expect(work()).rejects.toThrow('the swarm is being upgraded by another belt');
    expect(swarm.nodes.filter(({ role }) => role === 'manager')).toHaveLength(3);
    expect(bed.driver.calls.filter((call) => !call.startsWith('list'))).toEqual([]);
    await claim.release();
    expect(await bed.claims()).toEqual([]);
  });
});

test('resizing is guarded like stopping, unless machines keep running', async () => {
  const two = await machines('mg2', 'mg3');
  await expect(resizeGuard({ force: false })(two, bed.context, async () => {})).rejects.toMatchObject({
    message: expect.stringContaining('resizing mg[2:3] would leave'),
  });
  Object.assign(bed.driver, { resizesRunning: true });
  await resizeGuard({ force: false })(two, bed.context, async () => {});
});

describe('restarting', () => {
  function restarts(): string[] {
    return bed.driver.calls.filter((call) => call.startsWith('restart'));
  }

  test('restarting restarts managers one at a time, the leader last, then other machines together', async () => {
    const outcomes = await restartMachines(await machines(...names), {}, bed.context);
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(restarts()).toEqual(['restart mg2', 'restart mg3', 'restart mg1', 'restart node1 node2']);
    expect(notices()).toEqual([]);
  });

  test('restarting waits until the previous manager is reachable', async () => {
    bed.driver.onMoment = async (moment, name) => {
      const { node } = await engine(name);
      if (moment === 'begun' && node) node.reachability = 'unreachable';
      if (moment === 'ended' && node)
        setTimeout(() => Object.assign(node, { reachability: 'reachable' }), 300);
      const reachable = swarm.nodes.filter(
        (one) => one.role === 'manager' && one.reachability === 'reachable',
      );
      expect(reachable.length).toBeGreaterThanOrEqual(2);
    };
    const outcomes = await restartMachines(await machines('mg1', 'mg2', 'mg3'), {}, bed.context);
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
  });

  test('restarting skips managers while another is down, and continues with other machines', async () => {
    power('mg3', 'stopped');
    const outcomes = await restartMachines(await machines('mg1', 'mg2', 'node1'), {}, bed.context);
    expect(outcomes).toMatchObject([
      { name: 'mg1', status: 'skipped' },
      {
        name: 'mg2',
        status: 'failed',
        error: { message: expect.stringContaining('restarting mg2 would leave') },
      },
      { name: 'node1', status: 'ok' },
    ]);
    expect(restarts()).toEqual(['restart node1']);
  });

  test('restarting a manager without a login is checked through the other managers', async () => {
    power('mg3', 'stopped');
    bed.ssh.refused.add('mg1');
    const outcomes = await restartMachines(await machines('mg1', 'node1'), {}, bed.context);
    expect(outcomes).toMatchObject([
      {
        error: { message: expect.stringContaining('restarting mg1 would leave the swarm without a quorum') },
      },
      { name: 'node1', status: 'ok' },
    ]);
    expect(restarts()).toEqual(['restart node1']);
  });

  test('restarting a manager by force warns of the lost quorum', async () => {
    power('mg3', 'stopped');
    await restartMachines(await machines('mg2'), { force: true }, bed.context);
    expect(restarts()).toEqual(['restart mg2']);
    expect(notices()).toEqual([
      expect.stringContaining('--force: the swarm cannot be changed until its quorum is restored'),
    ]);
  });

  test('restarting one of two managers notes that the swarm cannot be changed in the meantime', async () => {
    (await engine('alone')).newSwarm('s2');
    await bed.running('other');
    (await engine('other')).beIn(bed.engines.swarms[1] as Swarm, 'manager');
    await restartMachines(await machines('alone'), {}, bed.context);
    expect(restarts()).toEqual(['restart alone']);
    expect(notices()).toEqual([
      'note: Restarting alone: its swarm accepts changes again when it is back; tasks keep running',
    ]);
  });
});

describe('changing engines', () => {
  test('changing engines without a restart is allowed while a manager is down', async () => {
    power('mg3', 'stopped');
    const work = { work: async () => 'same', doneMessage: (text: string) => text, force: false };
    const outcomes = await restartEngines(await machines('mg1', 'mg2'), work, bed.context);
    expect(outcomes).toMatchObject([{ value: 'same' }, { value: 'same' }]);
  });

  test('changing engines provisions one manager after the other', async () => {
    const order: string[] = [];
    const apply = bed.ssh.system.bind(bed.ssh);
    bed.ssh.system = (name) => {
      if (order.at(-1) !== name) order.push(name);
      return apply(name);
    };
    const outcomes = await changeAccess('local', await machines(...names), { force: false }, bed.context);
    expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(order.slice(0, 3)).toEqual(['mg2', 'mg3', 'mg1']);
  });

  test('changing engines changes nothing when the quorum would be lost', async () => {
    ((await engine('mg3')).node as Node).reachability = 'unreachable';
    const outcomes = await changeAccess('local', await machines('mg2'), { force: false }, bed.context);
    expect(outcomes).toMatchObject([
      {
        status: 'failed',
        error: { message: expect.stringContaining('restarting mg2 would leave the swarm') },
      },
    ]);
    expect(bed.ssh.system('mg2').applied).toBe(0);
  });
});
