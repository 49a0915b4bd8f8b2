import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../../src/app/context.js';
import type { Outcome } from '../../../src/app/fan-out.js';
import { AbortError, ExternalError, UserError } from '../../../src/base/errors.js';
import {
  killMachines,
  removeMachines,
  restartMachines,
  startMachines,
  stopMachines,
} from '../../../src/machines/lifecycle.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { resizeMachines } from '../../../src/machines/resize-machines.js';
import { generateKeyPair } from '../../../src/ssh/index.js';
import { MemoryDriver } from '../support/memory-driver.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
});

afterEach(async () => {
  const claims = await bed.claims();
  await bed.close();
  expect(claims).toEqual([]);
});

function statusLines(outcomes: readonly Outcome<Machine>[]): string[] {
  return outcomes.map((outcome) => `${outcome.name} ${outcome.status}`);
}

function states(): string[] {
  return [...bed.driver.machines].map(([name, { state }]) => `${name} ${state}`);
}

const restart: Act = (machines, context) => restartMachines(machines, {}, context);

type Act = (machines: readonly Machine[], context: Context) => Promise<Outcome<Machine>[]>;

describe.each<[string, Act, string, string]>([
  ['start', startMachines, 'started', 'running'],
  ['stop', stopMachines, 'stopped', 'stopped'],
  ['restart', restart, 'restarted', 'running'],
  ['kill', killMachines, 'killed', 'stopped'],
])('%s', (verb, act, doneText, state) => {
  test('a lifecycle operation calls the driver once and ends each machine', async () => {
    const machines = await bed.running('node1', 'node2');
    expect(await act(machines, bed.context)).toEqual(
      machines.map((machine) => ({ name: machine.name, status: 'ok', value: machine })),
    );
    expect(bed.driver.calls.filter((call) => !call.startsWith('list'))).toEqual([`${verb} node1 node2`]);
    expect(states()).toEqual([`node1 ${state}`, `node2 ${state}`]);
    expect(bed.reporter.lines.filter((line) => line.includes('done'))).toEqual([
      `node1 done: ${doneText}`,
      `node2 done: ${doneText}`,
    ]);
  });

  test('a lifecycle operation continues after a failure and releases the machines', async () => {
    const failure = new ExternalError('the guest does not follow', { hint: `belt ${verb} node1` });
    bed.driver.failures.set('node1', failure);
    const outcomes = await act(await bed.running('node1', 'node2'), bed.context);
    expect(outcomes[0]).toEqual({ name: 'node1', status: 'failed', error: failure });
    expect(statusLines(outcomes)).toEqual(['node1 failed', 'node2 ok']);
    expect(bed.reporter.lines).toContain(`node1 failed: the guest does not follow (try: belt ${verb} node1)`);
    expect(await bed.claims()).toEqual([]);
  });

  test('a lifecycle operation refuses machines that another belt works on', async () => {
    const machines = await bed.running('node1', 'node2');
    const claim = await bed.cluster.claim(['node2'], 'removed');
    await expect(act(machines, bed.context)).rejects.toMatchObject({
      name: 'UserError',
      message: `node2 is being removed by another belt (process ${process.pid})`,
    });
    await claim.release();
    expect(bed.driver.calls).toEqual([]);
  });
});

test.each([
  ['start', startMachines, ['/version', '/_ping']],
  ['restart', restart, ['/_ping', '/version', '/_ping']],
] as const)('%s waits for the engine', async (_, act, paths) => {
  const machines = await bed.running('node1');
  await act(machines, bed.context);
  expect(new Set(bed.ssh.commands)).toEqual(new Set(['node1: exec docker system dial-stdio']));
  expect((await bed.engine('node1')).requests).toEqual(paths.map((path) => ({ method: 'GET', path })));
  const target = { name: 'node1', host: '10.0.0.1', ...machines[0]?.ssh };
  expect(bed.ssh.targets).toEqual(paths.map(() => target));
});

describe('a restart that the driver does not observe', () => {
  test('a restart is done when the machine has rebooted', async () => {
    const machines = await bed.running('node1', 'node2');
    bed.driver.restartsUnseen = true;
    const boots = ['first', 'first', 'first', 'second'];
    let looks = 0;
    bed.ssh.journal = async () => boots[Math.min(Math.floor(looks++ / 2), 3)] ?? '';
    expect(statusLines(await restart(machines, bed.context))).toEqual(['node1 ok', 'node2 ok']);
    expect(looks).toBe(8);
    expect(bed.driver.calls).toContain('restart node1 node2');
  });

  test('a restart of a machine that belt cannot log in to is done when the driver reports it', async () => {
    const machines = await bed.running('node1');
    bed.driver.restartsUnseen = true;
    bed.ssh.refused.add('node1');
    bed.driver.onMoment = () => void bed.ssh.refused.clear();
    expect(statusLines(await restart(machines, bed.context))).toEqual(['node1 ok']);
  });
});

test('resize records the new size', async () => {
  const outcomes = await resizeMachines(await bed.running('node1'), '1gb', bed.context);
  expect(outcomes).toEqual([{ name: 'node1', status: 'ok', value: await bed.onDisk('node1') }]);
  expect(await bed.onDisk('node1')).toMatchObject({ size: '1gb' });
});

describe('an interrupted resize', () => {
  /** Resizes as providers do: stop, change the size, start only what was running. */
  const offAndOn = (breakAt: 'off' | 'resized' | undefined): typeof bed.driver.resize =>
    async function* (machines, size) {
      for (const { name } of machines) {
        const machine = bed.driver.machines.get(name);
        if (!machine) throw new Error(`there is no ${name}`);
        const ran = machine.state === 'running';
        machine.state = 'stopped';
        if (breakAt === 'off') throw new AbortError();
        machine.size = size;
        if (breakAt === 'resized') throw new AbortError();
        if (ran) machine.state = 'running';
        yield { type: 'done', name };
      }
    };

  test.each(['off', 'resized'] as const)(
    'a rerun finishes a resize that was interrupted when the machine was %s',
    async (moment) => {
      await bed.running('node1');
      bed.driver.resize = offAndOn(moment);
      await resizeMachines([await bed.onDisk('node1')], '1gb', bed.context);
      expect(states()).toEqual(['node1 stopped']);

      bed.driver.resize = offAndOn(undefined);
      expect(statusLines(await resizeMachines([await bed.onDisk('node1')], '1gb', bed.context))).toEqual([
        'node1 ok',
      ]);
      expect(states()).toEqual(['node1 running']);
      expect(await bed.onDisk('node1')).not.toHaveProperty('resizing');
    },
  );

  test('a rerun keeps a machine started or stopped by the user since', async () => {
    await bed.running('node1');
    bed.driver.resize = offAndOn('off');
    await resizeMachines([await bed.onDisk('node1')], '1gb', bed.context);
    await startMachines([await bed.onDisk('node1')], bed.context);
    await stopMachines([await bed.onDisk('node1')], bed.context);
    bed.driver.resize = offAndOn(undefined);
    await resizeMachines([await bed.onDisk('node1')], '1gb', bed.context);
    expect(states()).toEqual(['node1 stopped']);
  });
});

test('resize waits for a machine at its new address', async () => {
  const machines = await bed.running('node1', 'node2');
  bed.driver.resize = async function* () {
    yield { type: 'changed', name: 'node1', change: { addresses: { public: '10.0.7.7' } } };
    for (const { name } of machines) yield { type: 'done', name };
  };
  expect(statusLines(await resizeMachines(machines, '1gb', bed.context))).toEqual(['node1 ok', 'node2 ok']);
  const waits = bed.reporter.lines.filter((line) => line.includes('waiting for the engine'));
  expect(waits).toEqual([expect.stringContaining('node1')]);
});

test('an interruption marks machines that were not started as skipped', async () => {
  const machines = await bed.running('node1', 'node2', 'node3');
  bed.driver.onMoment = (moment, name) => {
    if (moment === 'ended' && name === 'node1') bed.interrupt();
  };
  expect(statusLines(await stopMachines(machines, bed.context))).toEqual([
    'node1 ok',
    'node2 skipped',
    'node3 skipped',
  ]);
  expect(states()).toEqual(['node1 stopped', 'node2 running', 'node3 running']);
});

describe('with several drivers', () => {
  test('each driver gets its own machines, and a driver that fails does not affect others', async () => {
    const other = new MemoryDriver('10.0.9');
    bed.drivers.set('other', other);
    const [node1, node2, node3] = (await bed.running('node1', 'node2', 'node3')) as [
      Machine,
      Machine,
      Machine,
    ];
    const moved = { ...node2, driver: 'other' };
    other.onMoment = () => {
      throw new ExternalError('the provider hung up');
    };
    const outcomes = await stopMachines([node1, moved, node3], bed.context);
    expect(statusLines(outcomes)).toEqual(['node1 ok', 'node2 failed', 'node3 ok']);
    expect([bed.driver.calls, other.calls]).toEqual([['stop node1 node3'], ['stop node2']]);
  });

  test('a driver that cannot be opened fails only its machines', async () => {
    const [node1, node2] = (await bed.running('node1', 'node2')) as [Machine, Machine];
    const outcomes = await stopMachines([node1, { ...node2, driver: 'gone' }], bed.context);
    expect(statusLines(outcomes)).toEqual(['node1 ok', 'node2 failed']);
    expect(outcomes[1]).toMatchObject({ error: new UserError('unknown driver "gone"') });
  });
});

describe('rm', () => {
  const force = { force: true };
  const gently = { force: false };

  async function pinned(...names: string[]): Promise<Machine[]> {
    const machines = await bed.running(...names);
    for (const name of names) await bed.knownHosts.add(name, generateKeyPair(name).publicKey);
    return machines;
  }

  async function known(): Promise<string[]> {
    const names = ['node1', 'node2'];
    const keys = await Promise.all(names.map((name) => bed.knownHosts.lookup(name)));
    return names.filter((_, index) => keys[index]?.length);
  }

  test('rm deletes record, host key and active machine, and nothing else', async () => {
    const [node1, node2] = (await pinned('node1', 'node2')) as [Machine, Machine];
    await bed.cluster.setActiveMachine('node1');
    expect(await removeMachines([node1], gently, bed.context)).toEqual([
      { name: 'node1', status: 'ok', value: node1 },
    ]);
    expect(await bed.cluster.machines()).toEqual({ machines: [node2], damaged: [] });
    expect(await known()).toEqual(['node2']);
    expect(await bed.cluster.activeMachine()).toBeUndefined();
    expect(states()).toEqual(['node2 running']);
    expect((await bed.files()).filter((path) => path.includes('node1'))).toEqual([]);
  });

  test('rm keeps another active machine', async () => {
    const [node1] = (await pinned('node1', 'node2')) as [Machine, Machine];
    await bed.cluster.setActiveMachine('node2');
    await removeMachines([node1], gently, bed.context);
    expect(await bed.cluster.activeMachine()).toBe('node2');
  });

  test('rm deletes the record of a machine that its provider no longer has', async () => {
    const machines = await pinned('node1');
    bed.driver.machines.clear();
    expect(statusLines(await removeMachines(machines, gently, bed.context))).toEqual(['node1 ok']);
    expect(await bed.cluster.machines()).toEqual({ machines: [], damaged: [] });
  });

  test('rm keeps everything recorded about a machine that cannot be destroyed', async () => {
    const machines = await pinned('node1', 'node2');
    await bed.cluster.setActiveMachine('node1');
    bed.driver.failures.set('node1', new ExternalError('the disk is busy'));
    expect(statusLines(await removeMachines(machines, gently, bed.context))).toEqual([
      'node1 failed',
      'node2 ok',
    ]);
    expect(await bed.cluster.machines()).toEqual({ machines: [machines[0]], damaged: [] });
    expect(await known()).toEqual(['node1']);
    expect(await bed.cluster.activeMachine()).toBe('node1');
  });

  test('rm --force deletes the record, and warns about what may remain', async () => {
    const machines = await pinned('node1');
    bed.driver.failures.set('node1', new ExternalError('the disk is busy'));
    expect(await removeMachines(machines, force, bed.context)).toEqual([
      { name: 'node1', status: 'ok', value: machines[0] },
    ]);
    expect(await bed.cluster.machines()).toEqual({ machines: [], damaged: [] });
    expect(await known()).toEqual([]);
    expect(bed.reporter.lines.at(-1)).toBe(
      'warning: node1 is no longer recorded, but may still exist (memory id-1): the disk is busy',
    );
  });

  test('rm --force deletes the records of machines with a missing driver', async () => {
    const [machine] = (await pinned('node1')) as [Machine];
    const { id: _, ...anonymous } = machine;
    const gone = { ...anonymous, driver: 'gone' };
    expect(statusLines(await removeMachines([gone], force, bed.context))).toEqual(['node1 ok']);
    expect(bed.reporter.lines.at(-1)).toBe(
      'warning: node1 is no longer recorded, but may still exist (gone): unknown driver "gone"',
    );
  });

  test('rm --force keeps the records of machines that an interruption skipped', async () => {
    const machines = await pinned('node1', 'node2');
    bed.interrupt();
    expect(statusLines(await removeMachines(machines, force, bed.context))).toEqual([
      'node1 skipped',
      'node2 skipped',
    ]);
    expect((await bed.cluster.machines()).machines).toEqual(machines);
  });
});
