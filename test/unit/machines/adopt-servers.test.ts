import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sshTarget } from '../../../src/app/connect-ssh.js';
import { UserError } from '../../../src/base/errors.js';
import type { Adoption } from '../../../src/drivers/driver.js';
import { createMachines } from '../../../src/machines/create-machines.js';
import { removeMachines } from '../../../src/machines/lifecycle.js';
import { planMachines } from '../../../src/machines/plan-creation.js';
import { generateKeyPair } from '../../../src/ssh/index.js';
import { MemoryDriver } from '../support/memory-driver.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

/**
 * Adopts servers up to the first login; test/contract/generic.test.ts covers the rest on real
 * servers.
 */

class AdoptingDriver extends MemoryDriver {
  places = new Map<string, Omit<Adoption, 'name'>>();

  async adopt(names: readonly string[]): Promise<Adoption[]> {
    return names.map((name) => {
      const place = this.places.get(name);
      if (!place) throw new UserError(`the settings do not say where ${name} is`);
      return { name, ...place };
    });
  }
}

let bed: TestBed;
let driver: AdoptingDriver;
let home = '';

beforeEach(async () => {
  bed = await openTestBed();
  driver = new AdoptingDriver();
  bed.drivers.set('adopting', driver);
  home = await mkdtemp(join(tmpdir(), 'belt-adopt-'));
});
afterEach(async () => {
  await bed.close();
  await rm(home, { recursive: true });
});

const input = (...names: string[]) => ({ names, driver: 'adopting', timeoutMs: 1_000 });

function placeAt(address: string, ssh: Partial<Adoption['ssh']> = {}): Omit<Adoption, 'name'> {
  return {
    addresses: { public: address },
    ssh: { user: 'admin', port: 2222, ...ssh },
    driverData: { EnginePort: 2376 },
  };
}

async function failure(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('it did not fail');
}

describe('adopting an unreachable server', () => {
  test('an unreachable server is recorded with its login and key, and the driver creates nothing', async () => {
    const keyPath = join(home, 'key.pem');
    await writeFile(keyPath, 'the key');
    const jump = { user: 'me', host: 'gate', port: 22 };
    driver.places.set('a', placeAt('10.9.9.1', { keyPath, jump }));
    bed.ssh.refused.add('a');
    const [outcome] = await createMachines(input('a'), bed.context);
    expect(outcome).toMatchObject({
      name: 'a',
      status: 'failed',
      error: { message: 'a: refused by 10.9.9.1 port 2222' },
    });

    // The name of the client's key in that folder.
    const own = join(bed.cluster.machineFolder('a'), 'login-key.pem');
    const recorded = await bed.onDisk('a');
    expect(recorded).toMatchObject({
      phase: 'creating',
      addresses: { public: '10.9.9.1' },
      ssh: { user: 'admin', port: 2222, keyPath: own, jump },
      driverData: { EnginePort: 2376 },
    });
    expect([await readFile(own, 'utf8'), (await stat(own)).mode & 0o777]).toEqual(['the key', 0o600]);
    expect(sshTarget(recorded)).toEqual({
      name: 'a',
      host: '10.9.9.1',
      user: 'admin',
      port: 2222,
      keyPath: own,
      jump: { name: '[gate]:22', ...jump, keyPath: own },
    });
    expect(driver.calls).toEqual(['check a']);
    expect(await bed.knownHosts.lookup('a')).toEqual([]);
  });

  test('an unreachable server can be given another address, and the host key of the first is removed', async () => {
    driver.places.set('a', placeAt('10.9.9.1'));
    bed.ssh.refused.add('a');
    await createMachines(input('a'), bed.context);
    await bed.knownHosts.add('a', generateKeyPair('a').publicKey);

    driver.places.set('a', placeAt('10.9.9.2', { port: 22 }));
    await createMachines(input('a'), await bed.nextRun());
    expect(await bed.onDisk('a')).toMatchObject({
      addresses: { public: '10.9.9.2' },
      ssh: { user: 'admin', port: 22 },
    });
    expect(await (await bed.nextRun()).knownHosts().then((hosts) => hosts.lookup('a'))).toEqual([]);
  });

  test('a server keeps its address once belt has changed it', async () => {
    driver.places.set('a', placeAt('10.9.9.1'));
    bed.ssh.refused.add('a');
    await createMachines(input('a'), bed.context);
    const found = { version: 1, files: [], links: [], folders: [], units: [], kernel: [], containers: [] };
    await writeFile(join(bed.cluster.machineFolder('a'), 'adopted.json'), JSON.stringify(found));

    driver.places.set('a', placeAt('10.9.9.2'));
    expect(await failure(createMachines(input('a'), await bed.nextRun()))).toBe(
      'a was started at another address, where belt has already made changes',
    );
    const context = await bed.nextRun();
    const [refused] = await removeMachines([await bed.onDisk('a')], { force: false }, context);
    expect(refused).toMatchObject({
      status: 'failed',
      error: { message: "could not remove belt's changes from the server: a: refused by 10.9.9.1 port 2222" },
    });
    const [kept] = await removeMachines(
      [await bed.onDisk('a')],
      { force: false, keepEngineConfig: true },
      context,
    );
    expect(kept?.status).toBe('ok');
    expect((await bed.cluster.machines()).machines).toEqual([]);
  });
});

test('a server that is already a machine is not adopted under a second name', async () => {
  driver.places.set('a', placeAt('10.9.9.1'));
  driver.places.set('b', placeAt('10.9.9.1'));
  bed.ssh.refused.add('a');
  await createMachines(input('a'), bed.context);
  expect(await failure(createMachines(input('b'), await bed.nextRun()))).toBe('10.9.9.1 is already a');
});

test('a dry run writes no records', async () => {
  driver.places.set('a', placeAt('10.9.9.1'));
  bed.ssh.refused.add('a');
  const [outcome] = await planMachines(input('a'), bed.context);
  expect(outcome).toMatchObject({ name: 'a', status: 'failed' });
  expect(await bed.files()).toEqual([]);
});

test('a machine known only by its URL is ready at once, without any request', async () => {
  driver.places.set('box', {
    addresses: { public: '192.0.2.7' },
    driverData: { URL: 'tcp://192.0.2.7:2376' },
  });
  bed.drivers.set('none', driver);
  const [outcome] = await createMachines({ ...input('box'), driver: 'none' }, bed.context);
  expect(outcome).toMatchObject({ status: 'ok', value: { phase: 'ready', driver: 'none' } });
  expect(bed.ssh.targets).toEqual([]);
  expect(() => sshTarget({ ...machineOf(outcome) })).toThrow('box is known only by its URL');
});

function machineOf(outcome: Awaited<ReturnType<typeof createMachines>>[number] | undefined) {
  if (outcome?.status !== 'ok') throw new Error('it is not ready');
  return outcome.value;
}
