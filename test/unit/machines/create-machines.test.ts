import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Context } from '../../../src/app/context.js';
import type { Outcome } from '../../../src/app/fan-out.js';
import { AbortError, ExternalError, UserError } from '../../../src/base/errors.js';
import { defaultEngineSettings } from '../../../src/engine/model/engine-settings.js';
import { provisionMachines } from '../../../src/engine/provision-machines.js';
import { type CreateInput, createMachines } from '../../../src/machines/create-machines.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { settingsOf } from '../support/facts.js';
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

/** Reached over SSH only: these machines have no real address. */
const engine = settingsOf({ access: 'local' });

function create(
  names: readonly string[],
  more: Partial<CreateInput> = {},
  context: Context = bed.context,
): Promise<Outcome<Machine>[]> {
  return createMachines({ names, driver: 'memory', engine, timeoutMs: 5_000, ...more }, context);
}

/** The outcomes as lines. */
function statusLines(outcomes: readonly Outcome<Machine>[]): string[] {
  return outcomes.map((outcome) => `${outcome.name} ${outcome.status}`);
}

async function phases(...names: string[]): Promise<string[]> {
  const machines = await Promise.all(names.map((name) => bed.onDisk(name)));
  return machines.map(({ name, phase }) => `${name} ${phase}`);
}

describe('a machine that cannot be created', () => {
  test('a failed machine is removed on request, and the others stay', async () => {
    bed.driver.failures.set('node2', new ExternalError('no disk left'));
    const outcomes = await create(['node1', 'node2'], { removeFailed: true });
    expect(statusLines(outcomes)).toEqual(['node1 ok', 'node2 failed']);
    expect([...bed.driver.machines.keys()]).toEqual(['node1']);
    expect((await bed.cluster.machines()).machines.map(({ name }) => name)).toEqual(['node1']);
  });

  test('all machines are removed on request when the preparation fails, unless it was interrupted', async () => {
    bed.driver.onPrepare = async () => {
      throw new ExternalError('mirror unreachable');
    };
    const removing = { removeFailed: true };
    await expect(create(['node1', 'node2'], removing)).rejects.toThrow(
      new ExternalError('mirror unreachable'),
    );
    expect((await bed.cluster.machines()).machines).toEqual([]);
    expect(await bed.claims()).toEqual([]);

    bed.driver.onPrepare = async () => {
      bed.interrupt();
      throw new AbortError();
    };
    await expect(create(['node1'], removing)).rejects.toThrow(AbortError);
    expect(await phases('node1')).toEqual(['node1 creating']);
  });

  test('a machine that the provider refuses leaves no record, and the others are created', async () => {
    bed.driver.refusals.set('node2', new ExternalError('quota exceeded'));
    expect(statusLines(await create(['node1', 'node2']))).toEqual(['node1 ok', 'node2 failed']);
    expect((await bed.cluster.machines()).machines.map(({ name }) => name)).toEqual(['node1']);
    expect(bed.reporter.lines).toContain('node2 failed: quota exceeded');
  });

  test('a failed preparation keeps the record of an earlier attempt', async () => {
    bed.driver.failures.set('node1', new ExternalError('no disk left'));
    await create(['node1']);
    bed.driver.onPrepare = async () => {
      throw new ExternalError('mirror unreachable');
    };
    await expect(create(['node1', 'node2'])).rejects.toThrow('mirror unreachable');
    expect(await phases('node1')).toEqual(['node1 creating']);
    expect((await bed.cluster.machines()).machines.map(({ name }) => name)).toEqual(['node1']);
  });

  test('a create that is refused before it starts keeps an earlier attempt', async () => {
    bed.driver.failures.set('node1', new ExternalError('no disk left'));
    await create(['node1']);
    bed.driver.onCheck = () => {
      throw new UserError('no such size');
    };
    await expect(create(['node1'], { removeFailed: true })).rejects.toThrow('no such size');
    expect(await phases('node1')).toEqual(['node1 creating']);
  });
});

describe('a successful create', () => {
  test('create returns the machines as recorded, in the order of the names', async () => {
    const outcomes = await create(['node2', 'node1'], { size: '512mb' });
    const machine = (name: string, number: number): Machine => ({
      name,
      driver: 'memory',
      phase: 'ready',
      id: `id-${number}`,
      size: '512mb',
      memory: 512,
      addresses: { public: `10.0.0.${number}` },
      ssh: { user: 'root', port: 22, keyPath: join(bed.folder, 'ssh/id_ed25519') },
      engine,
      driverData: { rack: 7 },
      createdAt: expect.any(String) as unknown as string,
    });
    expect(outcomes).toEqual([
      { name: 'node2', status: 'ok', value: machine('node2', 1) },
      { name: 'node1', status: 'ok', value: machine('node1', 2) },
    ]);
    expect(outcomes).toEqual([
      { name: 'node2', status: 'ok', value: await bed.onDisk('node2') },
      { name: 'node1', status: 'ok', value: await bed.onDisk('node1') },
    ]);
  });

  test('create calls the driver once for all machines, with the cluster key and a pinned host key each', async () => {
    await create(['node1', 'node2'], { size: '1gb' });
    expect(bed.driver.calls).toEqual(['check node1 node2', 'prepare node1 node2', 'create node1 node2']);
    const authorizedKey = (await readFile(join(bed.folder, 'ssh/id_ed25519.pub'), 'utf8')).trim();
    for (const { name, size, ssh } of bed.driver.createRequests) {
      expect({ size, user: ssh.user, authorizedKey: ssh.authorizedKey }).toEqual({
        size: '1gb',
        user: 'root',
        authorizedKey,
      });
      const [known, ...others] = await bed.knownHosts.lookup(name);
      expect(known?.key.toString('base64')).toBe(ssh.hostKey.publicKey.split(' ')[1]);
      expect(others).toEqual([]);
    }
    const [one, other] = bed.driver.createRequests;
    expect(one?.ssh.hostKey.publicKey).not.toBe(other?.ssh.hostKey.publicKey);
  });

  test("create deletes the machine's private host key", async () => {
    await create(['node1']);
    expect((await bed.files()).filter((path) => path.includes('host'))).toEqual([
      join(bed.folder, 'ssh/known_hosts'),
    ]);
  });

  test('create reports each step', async () => {
    bed.ssh.obstacles.set('node1', 'refused by 10.0.0.1 port 22');
    await create(['node1']);
    expect(bed.reporter.lines).toEqual([
      'open node1',
      'node1: booting 50%',
      'node1: waiting for SSH',
      'node1: waiting for SSH (refused by 10.0.0.1 port 22)',
      'node1: inspecting the machine',
      'node1: restarting the engine',
      'node1: querying the engine',
      'node1 done: ready',
      'close',
    ]);
  });

  test('create logs in and provisions once more when the connection is lost', async () => {
    bed.ssh.losses.set('node1', 1).set('node2', 2);
    expect(statusLines(await create(['node1', 'node2']))).toEqual(['node1 ok', 'node2 failed']);
    expect(bed.ssh.system('node1').applied).toBe(1);
    expect(bed.ssh.targets.map(({ name }) => name).sort()).toEqual(['node1', 'node1', 'node2', 'node2']);
    expect(bed.ssh.losses.get('node2')).toBe(0);
  });

  test('create does not change an engine that is already up to date', async () => {
    const [outcome] = await create(['node1']);
    if (outcome?.status !== 'ok') throw new Error('node1 was not made');
    const system = bed.ssh.system('node1');
    expect([...system.files.keys()].length).toBeGreaterThan(0);
    expect(system.applied).toBe(1);
    const [again] = await provisionMachines([outcome.value], { setHostname: false }, bed.context);
    expect(again).toEqual({ name: 'node1', status: 'ok', value: { version: '28.1.0', changed: false } });
    expect(system.applied).toBe(1);
  });

  test('create shows the preparation on its own line', async () => {
    bed.driver.onPrepare = async (_requests, progress) => {
      progress('unpacking', 0.25);
    };
    await create(['node1']);
    expect(bed.reporter.lines.slice(0, 4)).toEqual([
      'stage memory',
      'memory: unpacking 25%',
      'memory done',
      'open node1',
    ]);
  });
});

describe('records of a create', () => {
  test('machines and their host keys are recorded before the driver is called', async () => {
    let seen: Machine[] = [];
    let pinned: number[] = [];
    bed.driver.onPrepare = async (requests) => {
      seen = await Promise.all(requests.map(({ name }) => bed.onDisk(name)));
      pinned = await Promise.all(
        requests.map(async ({ name }) => (await bed.knownHosts.lookup(name)).length),
      );
    };
    await create(['node1', 'node2'], { size: '512mb' });
    const intent = {
      driver: 'memory',
      phase: 'creating',
      size: '512mb',
      addresses: {},
      ssh: { user: 'root', port: 22, keyPath: join(bed.folder, 'ssh/id_ed25519') },
      engine,
      driverData: {},
      createdAt: expect.any(String),
    };
    expect(seen).toEqual([
      { name: 'node1', ...intent },
      { name: 'node2', ...intent },
    ]);
    expect(pinned).toEqual([1, 1]);
  });

  test('default engine settings are recorded when none are given', async () => {
    bed.driver.onPrepare = async () => {
      bed.interrupt();
      throw new AbortError();
    };
    const plain = { names: ['node1'], driver: 'memory', timeoutMs: 5_000 };
    await expect(createMachines(plain, bed.context)).rejects.toThrow(AbortError);
    expect((await bed.onDisk('node1')).engine).toEqual(defaultEngineSettings);
  });

  test('id and address are recorded as soon as the driver reports them', async () => {
    const seen: unknown[] = [];
    bed.driver.onMoment = async (moment, name) => {
      const { id, addresses, driverData, phase } = await bed.onDisk(name);
      if (moment !== 'ended') seen.push([moment, { id, addresses, driverData, phase }]);
    };
    await create(['node1']);
    expect(seen).toEqual([
      ['begun', { id: undefined, addresses: {}, driverData: {}, phase: 'creating' }],
      ['identified', { id: 'id-1', addresses: {}, driverData: { rack: 7 }, phase: 'creating' }],
      [
        'addressed',
        { id: 'id-1', addresses: { public: '10.0.0.1' }, driverData: { rack: 7 }, phase: 'creating' },
      ],
    ]);
  });

  test('nothing is recorded when the driver refuses', async () => {
    bed.driver.onCheck = () => {
      throw new UserError('only 3 addresses are left');
    };
    await expect(create(['node1', 'node2'])).rejects.toThrow(new UserError('only 3 addresses are left'));
    expect(await bed.files()).toEqual([]);
    expect(bed.driver.calls).toEqual(['check node1 node2']);
  });

  test('nothing is recorded for an unknown driver', async () => {
    await expect(create(['node1'], { driver: 'nope' })).rejects.toThrow('unknown driver "nope"');
    expect(await bed.files()).toEqual([]);
  });

  test('nothing changes when a record of the same name is damaged', async () => {
    await bed.running('node1');
    const path = join(bed.cluster.machineFolder('node1'), 'config.json');
    await bed.cluster.files.write(path, '{"half');
    const before = await bed.files();
    await expect(create(['node1', 'node2'])).rejects.toThrow(path);
    expect(await bed.files()).toEqual(before);
    expect(await readFile(path, 'utf8')).toBe('{"half');
    expect(bed.driver.calls).toEqual([]);
  });
});

describe('existing names', () => {
  test("existing machines are refused with docker-machine's message and their state", async () => {
    await bed.running('node1', 'node3');
    const before = await bed.files();
    await expect(create(['node1', 'node2', 'node3'])).rejects.toMatchObject({
      name: 'UserError',
      message: 'Docker machine "node1" already exists (running), and so do node3',
      hint: 'choose another name, or remove it with "belt rm node1,node3"',
    });
    expect(await bed.files()).toEqual(before);
    expect(bed.driver.calls).toEqual(['list node1 node3']);
  });

  test('a stopped machine is refused with a hint to start it', async () => {
    await bed.running('node1');
    (bed.driver.machines.get('node1') as { state: string }).state = 'stopped';
    await expect(create(['node1'])).rejects.toMatchObject({
      message: 'Docker machine "node1" already exists (stopped)',
      hint: 'start it with "belt start node1", choose another name, or remove it with "belt rm node1"',
    });
  });

  test('existing machines are refused without a state when the provider does not respond', async () => {
    await bed.running('node1');
    bed.driver.listError = new ExternalError('the provider is down');
    await expect(create(['node1'])).rejects.toMatchObject({
      message: 'Docker machine "node1" already exists',
    });
  });

  test('machines that another belt is creating are refused', async () => {
    const claim = await bed.cluster.claim(['node2'], 'created');
    await expect(create(['node1', 'node2'])).rejects.toMatchObject({
      name: 'UserError',
      message: `node2 is being created by another belt (process ${process.pid})`,
    });
    await claim.release();
    expect((await bed.cluster.machines()).machines).toEqual([]);
  });
});

describe('when machine 2 of 3 fails', () => {
  const names = ['node1', 'node2', 'node3'];
  const failure = new ExternalError('no disk left');

  test('a failed machine stays recorded as "creating", and the others are created', async () => {
    bed.driver.failures.set('node2', failure);
    const outcomes = await create(names);
    expect(statusLines(outcomes)).toEqual(['node1 ok', 'node2 failed', 'node3 ok']);
    expect(outcomes[1]).toEqual({ name: 'node2', status: 'failed', error: failure });
    expect(await phases(...names)).toEqual(['node1 ready', 'node2 creating', 'node3 ready']);
    expect(bed.reporter.lines).toContain('node2 failed: no disk left');
  });

  test('a rerun finishes the failed machine and keeps the others', async () => {
    bed.driver.failures.set('node2', failure);
    await create(names);
    const [, first] = bed.driver.createRequests;
    const { createdAt } = await bed.onDisk('node2');
    bed.driver.calls.length = 0;
    bed.reporter.lines.length = 0;

    const outcomes = await create(names);
    expect(statusLines(outcomes)).toEqual(['node1 ok', 'node2 ok', 'node3 ok']);
    expect(bed.driver.calls).toEqual(['check node2', 'prepare node2', 'create node2']);
    expect(await phases(...names)).toEqual(['node1 ready', 'node2 ready', 'node3 ready']);
    expect(await bed.onDisk('node2')).toMatchObject({ id: 'id-2', createdAt });
    expect(bed.reporter.lines.slice(0, 3)).toEqual([
      'note: node1 already exists',
      'note: node3 already exists',
      'open node2',
    ]);
    // The machine may exist with the host key of the first attempt, so the second must use the
    // same.
    const again = bed.driver.createRequests.at(-1);
    expect(again).toEqual({ ...first, id: 'id-2', driverData: { rack: 7 } });
  });

  test('a machine whose engine never responds stays recorded as "creating"', async () => {
    bed.ssh.refused.add('node2');
    const outcomes = await create(names);
    expect(statusLines(outcomes)).toEqual(['node1 ok', 'node2 failed', 'node3 ok']);
    expect(bed.reporter.lines).toContain('node2 failed: node2: refused by 10.0.0.2 port 22');
    bed.ssh.refused.clear();
    expect(statusLines(await create(names))).toEqual(['node1 ok', 'node2 ok', 'node3 ok']);
  });

  test('machines that the driver finished are kept when the driver itself fails', async () => {
    bed.driver.onMoment = (moment, name) => {
      if (moment === 'begun' && name === 'node2') throw new ExternalError('the provider hung up');
    };
    const outcomes = await create(names);
    expect(statusLines(outcomes)).toEqual(['node1 ok', 'node2 failed', 'node3 failed']);
    expect(await phases(...names)).toEqual(['node1 ready', 'node2 creating', 'node3 creating']);
    bed.driver.onMoment = () => {};
    expect(statusLines(await create(names))).toEqual(['node1 ok', 'node2 ok', 'node3 ok']);
  });

  test('machines that the driver finished are reported as ready when the driver itself fails', async () => {
    bed.driver.onMoment = (moment, name) => {
      if (moment === 'begun' && name === 'node2') throw new ExternalError('the provider hung up');
    };
    await create(names);
    expect(bed.reporter.lines.filter((line) => /^node\d (done|failed)/.test(line)).sort()).toEqual([
      'node1 done: ready',
      'node2 failed: the provider hung up',
      'node3 failed: the provider hung up',
    ]);
  });
});

describe('a failed preparation', () => {
  test('a failed preparation is shown and thrown, and a rerun finishes the create', async () => {
    bed.driver.onPrepare = async (_requests, progress) => {
      progress('building');
      throw new ExternalError('mirror unreachable');
    };
    await expect(create(['node1'])).rejects.toThrow('mirror unreachable');
    expect(bed.reporter.lines).toEqual([
      'stage memory',
      'memory: building',
      'memory failed: mirror unreachable',
    ]);
    expect((await bed.cluster.machines()).machines).toEqual([]);
    bed.driver.onPrepare = async () => {};
    expect(statusLines(await create(['node1']))).toEqual(['node1 ok']);
  });
});

describe('a rerun for an unfinished machine', () => {
  beforeEach(async () => {
    bed.driver.failures.set('node1', new ExternalError('no disk left'));
    await create(['node1'], { size: '512mb' });
    bed.driver.calls.length = 0;
  });

  test.each([
    ['another size', { size: '1gb' }],
    ['another driver', { size: '512mb', driver: 'other' }],
  ])('a rerun with %s is refused', async (_, input) => {
    bed.drivers.set('other', bed.driver);
    const before = await bed.onDisk('node1');
    await expect(create(['node1'], input)).rejects.toMatchObject({
      name: 'UserError',
      message: 'node1 was started with "belt create 512mb node1 -d memory" and is not finished',
      hint: 'finish it with that command, or remove it with "belt rm node1"',
    });
    expect(await bed.onDisk('node1')).toEqual(before);
    expect(bed.driver.calls).toEqual([]);
  });

  test('a rerun without a size uses the size of the first run', async () => {
    await create(['node1']);
    expect(bed.driver.createRequests.at(-1)).toMatchObject({ size: '512mb' });
    expect(await bed.onDisk('node1')).toMatchObject({ size: '512mb', phase: 'ready' });
  });

  test('a rerun with additional names creates all machines', async () => {
    expect(statusLines(await create(['node1', 'node2'], { size: '512mb' }))).toEqual([
      'node1 ok',
      'node2 ok',
    ]);
    expect(bed.driver.calls).toContain('create node1 node2');
  });
});

describe('an interrupted create', () => {
  const names = ['node1', 'node2', 'node3'];

  test('an interrupted create throws AbortError, and the next run finishes the recorded machines', async () => {
    bed.driver.onMoment = async (moment, name) => {
      if (moment === 'identified' && name === 'node2') bed.interrupt();
    };
    await expect(create(names)).rejects.toThrow(AbortError);
    expect((await phases(...names)).slice(1)).toEqual(['node2 creating', 'node3 creating']);
    expect(await bed.onDisk('node2')).toMatchObject({ id: 'id-2' });
    expect(await bed.claims()).toEqual([]);

    bed.driver.onMoment = () => {};
    const outcomes = await create(names, {}, await bed.nextRun());
    expect(statusLines(outcomes)).toEqual(['node1 ok', 'node2 ok', 'node3 ok']);
    expect([...bed.driver.machines.keys()]).toEqual(names);
    expect(await phases(...names)).toEqual(['node1 ready', 'node2 ready', 'node3 ready']);
  });

  test('the next run finishes a create that was interrupted before the driver started', async () => {
    bed.driver.onPrepare = async (_requests, _progress, signal) => {
      bed.interrupt();
      signal.throwIfAborted();
    };
    await expect(create(names)).rejects.toThrow(AbortError);
    expect(await phases(...names)).toEqual(['node1 creating', 'node2 creating', 'node3 creating']);
    expect(bed.driver.machines.size).toBe(0);
    bed.driver.onPrepare = async () => {};
    expect(statusLines(await create(names, {}, await bed.nextRun()))).toEqual([
      'node1 ok',
      'node2 ok',
      'node3 ok',
    ]);
  });

  test('an interruption during provisioning is not reported as a failure', async () => {
    bed.ssh.brokenDocker.set('node1', { code: 1, stderr: 'Cannot connect to the Docker daemon' });
    const waiting = create(['node1']);
    await expect.poll(() => bed.ssh.commands).toContain('node1: /bin/sh -s');
    bed.interrupt();
    await expect(waiting).rejects.toThrow(AbortError);
    expect(bed.reporter.lines.filter((line) => line.includes('failed'))).toEqual([]);
    expect(await phases('node1')).toEqual(['node1 creating']);
  });
});
