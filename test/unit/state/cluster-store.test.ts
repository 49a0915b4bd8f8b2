import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { UserError } from '../../../src/base/errors.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { type ClusterStore, openClusterStore } from '../../../src/state/cluster-store.js';

let folder: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'belt-store-')), '.belt', 'default');
});

afterEach(async () => {
  await rm(dirname(dirname(folder)), { recursive: true });
});

test('a claim refuses a machine that another belt has removed or replaced', async () => {
  const store = await open();
  const node1 = machine('node1');
  await store.save(node1);
  await (await store.claim([node1], 'started')).release();
  await store.remove('node1');
  await expect(store.claim([node1], 'started')).rejects.toThrow('Docker machine "node1" does not exist');
  await store.save(machine('node1', { createdAt: '2026-02-02T03:04:05.000Z' }));
  await expect(store.claim([node1], 'started')).rejects.toThrow(
    'node1 was changed by another belt since this command read its record',
  );
  expect(await readdir(join(folder, 'claims'))).toEqual([]);
});

function open(): Promise<ClusterStore> {
  return openClusterStore({ name: 'default', folder });
}

function machine(name: string, more: Partial<Machine> = {}): Machine {
  return {
    name,
    driver: 'nspawn',
    phase: 'ready',
    id: `belt-${name}`,
    size: '512mb',
    memory: 512,
    addresses: { public: '192.0.2.1', private: '10.0.0.1' },
    ssh: { user: 'root', port: 22, keyPath: join(folder, 'ssh/id_ed25519') },
    driverData: { image: 'debian-13', nested: { list: [1, 'two', null] } },
    createdAt: '2026-01-02T03:04:05.000Z',
    ...more,
  };
}

async function put(path: string, text: string): Promise<string> {
  const whole = join(folder, path);
  await mkdir(dirname(whole), { recursive: true });
  await writeFile(whole, text);
  return whole;
}

async function modes(): Promise<Record<string, string>> {
  const root = dirname(folder);
  const paths = await readdir(root, { recursive: true });
  const entries = ['', ...paths].map(
    async (path) => [path, ((await stat(join(root, path))).mode & 0o777).toString(8)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

describe('machine records', () => {
  test('machines are read as they were saved', async () => {
    const full = machine('node1');
    const bare: Machine = {
      name: 'node2',
      driver: 'none',
      phase: 'creating',
      addresses: {},
      ssh: { user: 'admin', port: 2222 },
      driverData: {},
      createdAt: '2026-01-02T03:04:05.000Z',
    };
    await (await open()).saveAll([full, bare]);
    const store = await open();
    expect(await store.machines()).toEqual({ machines: [full, bare], damaged: [] });
    expect(await store.machine('node2')).toEqual(bare);
  });

  test('machines are listed in natural order', async () => {
    const store = await open();
    await store.saveAll(['node10', 'node2', 'mg1', 'node02', 'node1'].map((name) => machine(name)));
    const { machines } = await store.machines();
    expect(machines.map(({ name }) => name)).toEqual(['mg1', 'node1', 'node02', 'node2', 'node10']);
  });

  test('state files are private, whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      process.umask(0);
      const store = await open();
      await store.save(machine('node1'));
      await store.setActiveMachine('node1');
      process.umask(0o777);
      await store.save(machine('node2'));
    } finally {
      process.umask(umask);
    }
    expect(await modes()).toEqual({
      '': '700',
      default: '700',
      'default/active': '600',
      'default/cluster.json': '600',
      'default/machines': '700',
      'default/machines/node1': '700',
      'default/machines/node1/config.json': '600',
      'default/machines/node2': '700',
      'default/machines/node2/config.json': '600',
    });
  });

  test('many machines can be saved and read at once', async () => {
    const store = await open();
    const many = Array.from({ length: 300 }, (_, index) => machine(`node${index + 1}`));
    await store.saveAll(many);
    expect(await store.machines()).toEqual({ machines: many, damaged: [] });
  });

  test('concurrent saves of a machine end with the last one', async () => {
    const store = await open();
    await Promise.all([1, 2, 3, 4, 5].map((memory) => store.save(machine('node1', { memory }))));
    expect(await store.machine('node1')).toEqual(machine('node1', { memory: 5 }));
  });

  test("a missing machine is reported with docker-machine's message and a suggestion", async () => {
    const store = await open();
    await store.save(machine('node1'));
    for (const name of ['nod1', 'node1/../node1', '../machines/node1']) {
      const error: UserError = await store.machine(name).catch((thrown) => thrown);
      expect(error.message).toBe(`Docker machine "${name}" does not exist. Use "belt ls" to list machines`);
      if (name === 'nod1') expect(error.hint).toBe('did you mean "node1"?');
    }
  });

  test("a removed machine's folder is deleted, and it is no longer the active machine", async () => {
    const store = await open();
    await store.saveAll([machine('node1'), machine('node2')]);
    await put('machines/node1/server.pem', 'certificate');
    await store.setActiveMachine('node1');
    await store.remove('node1');
    expect(await readdir(store.machinesFolder)).toEqual(['node2']);
    expect(await store.activeMachine()).toBeUndefined();
    await store.setActiveMachine('node2');
    await store.remove('node1');
    expect(await store.activeMachine()).toBe('node2');
  });

  test('a machine name cannot leave the machines folder', async () => {
    const store = await open();
    await store.save(machine('node1'));
    for (const name of ['..', '.', '', 'a/b'])
      await expect(store.remove(name)).rejects.toThrow("cannot be a machine's folder");
    expect((await store.machines()).machines).toEqual([machine('node1')]);
  });

  test('a folder without a record, as left by an interrupted removal, is not a machine', async () => {
    const store = await open();
    await mkdir(store.machineFolder('node1'), { recursive: true });
    await put('machines/.hidden/config.json', '{}');
    await put('machines/readme', 'no folder');
    expect(await store.machines()).toEqual({ machines: [], damaged: [] });
  });
});

describe('a damaged machine file', () => {
  test.each([
    ['', 'the file is empty'],
    ['{\n  "ConfigVersion": 3,\n  "Name" "node1"\n}', 'invalid JSON at line 3, column 10'],
    ['{\n  "ConfigVersion": 3,\n  "Dri', 'invalid JSON at line 3, column 7'],
    ['[]', 'its content is not what it must be (invalid_type)'],
    [
      '{"ConfigVersion": 3, "DriverName": 7, "Driver": {}}',
      'DriverName is not what it must be (invalid_type)',
    ],
    [
      '{"ConfigVersion": 3, "DriverName": "x", "Driver": {"SSHPort": "22"}}',
      'Driver.SSHPort is not what it must be (invalid_type)',
    ],
    ['{"ConfigVersion": 3, "DriverName": "x", "Driver": []}', 'Driver is not what it must be (invalid_type)'],
    ['{"ConfigVersion": 1}', 'DriverName is not what it must be (invalid_type)'],
    [
      '{"ConfigVersion": 1, "DriverName": 7, "Driver": {}}',
      'DriverName is not what it must be (invalid_type)',
    ],
  ])('the record %j is reported by its path, hides no other and is not overwritten', async (text, reason) => {
    const store = await open();
    await store.save(machine('node2'));
    const path = await put('machines/node1/config.json', text);
    const message = `state file ${path} is damaged: ${reason}`;
    const { machines, damaged } = await store.machines();
    expect(machines).toEqual([machine('node2')]);
    expect(damaged.map(({ name, error }) => [name, error.message])).toEqual([['node1', message]]);
    await expect(store.machine('node1')).rejects.toThrow(message);
    await expect(store.save(machine('node1'))).rejects.toThrow(message);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  test('a record of a newer format is reported as such', async () => {
    const store = await open();
    const path = await put('machines/node1/config.json', '{"ConfigVersion": 4}');
    await expect(store.machine('node1')).rejects.toThrow(
      `state file ${path} was written by a newer program (ConfigVersion 4, this one reads up to 3)`,
    );
    await writeFile(path, '{"ConfigVersion": 3, "Belt": {"Version": 2}}');
    await expect(store.save(machine('node1'))).rejects.toThrow(
      `state file ${path} was written by a newer program (version 2, this one reads up to 1)`,
    );
  });

  test('the error for a damaged record contains none of its contents', async () => {
    const store = await open();
    await put('machines/node1/config.json', '{"AccessToken": "dop_v1_secret" "x": 1}');
    const error: UserError = await store.machine('node1').catch((thrown) => thrown);
    expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.toContain('secret');
  });
});

describe('an empty store', () => {
  test('an empty store can be read without creating files', async () => {
    const store = await open();
    expect(await store.machines()).toEqual({ machines: [], damaged: [] });
    expect(await store.activeMachine()).toBeUndefined();
    await expect(store.machine('node1')).rejects.toThrow('Docker machine "node1" does not exist.');
    await store.remove('node1');
    await store.setActiveMachine(undefined);
    await expect(stat(dirname(folder))).rejects.toThrow('ENOENT');
  });

  test('an empty store gets its ID with the first write', async () => {
    const [one, other] = [await open(), await open()];
    expect(one.id).not.toBe(other.id);
    await Promise.all([one.save(machine('node1')), other.save(machine('node2'))]);
    expect(one.id).toBe(other.id);
    expect((await open()).id).toBe(one.id);
    expect(await one.establish()).toBe(one.id);
    expect(JSON.parse(await readFile(join(folder, 'cluster.json'), 'utf8'))).toEqual({
      version: 1,
      id: one.id,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
  });

  test('a store with a damaged or newer cluster record is refused', async () => {
    const path = await put('cluster.json', '{"version": 1}');
    await expect(open()).rejects.toThrow(`state file ${path} is damaged: it is not the record of a cluster`);
    await writeFile(path, '{"version": 2, "cluster": "new shape"}');
    await expect(open()).rejects.toThrow(
      `state file ${path} was written by a newer program (version 2, this one reads up to 1)`,
    );
  });
});

describe('the active machine', () => {
  test('the active machine is stored in the format of belt 2016', async () => {
    const store = await open();
    await store.setActiveMachine('node1');
    expect(await readFile(join(folder, 'active'), 'utf8')).toBe('host: node1\n');
    expect(await store.activeMachine()).toBe('node1');
  });

  test.each([
    ['host: "node1"\n', 'node1'],
    ['---\n# by hand\nhost: node1', 'node1'],
    ['host: 007\n', '007'],
    ['host: no\n', 'no'],
    ['host:\n', undefined],
    ['', undefined],
  ])('the active file %j names %j', async (text, name) => {
    await put('active', text);
    expect(await (await open()).activeMachine()).toBe(name);
  });

  test.each(['node1\n', 'cluster: x\n', 'host: [a]\n', 'host: "x\n'])(
    'the active file %j is damaged',
    async (text) => {
      const path = await put('active', text);
      await expect((await open()).activeMachine()).rejects.toThrow(
        `state file ${path} is damaged: it does not say "host: NAME"`,
      );
    },
  );
});

describe('keys', () => {
  let generated = 0;
  const generate = (): { privateKey: string; publicKey: string } => {
    generated++;
    return { privateKey: `private ${generated}\n`, publicKey: `public ${generated}\n` };
  };

  test('the cluster key is created once, even by concurrent callers', async () => {
    generated = 0;
    const stores = await Promise.all([open(), open(), open()]);
    const pairs = await Promise.all(stores.map((store) => store.sshKey(generate)));
    for (const pair of pairs) expect(pair).toEqual({ privateKey: 'private 1\n', publicKey: 'public 1' });
    expect(await readFile(join(folder, 'ssh/id_ed25519'), 'utf8')).toBe('private 1\n');
    expect(await readFile(join(folder, 'ssh/id_ed25519.pub'), 'utf8')).toBe('public 1\n');
  });

  test('a private key without its public key is not replaced', async () => {
    const path = await put('ssh/id_ed25519', 'private\n');
    const error: UserError = await (await open()).sshKey(generate).catch((thrown) => thrown);
    expect(error.message).toBe(`the public key ${path}.pub is missing`);
    expect(error.hint).toBe(`ssh-keygen -y -f ${path} > ${path}.pub`);
    expect(await readFile(path, 'utf8')).toBe('private\n');
  });

  test('host keys stay the same until they are deleted', async () => {
    generated = 0;
    const store = await open();
    const first = await store.hostKey('node1', generate);
    expect(await (await open()).hostKey('node1', generate)).toEqual(first);
    expect((await store.machines()).machines).toEqual([]);
    await store.forgetHostKey('node1');
    expect(await readdir(store.machineFolder('node1'))).toEqual([]);
    expect(await store.hostKey('node1', generate)).toEqual({
      privateKey: 'private 2\n',
      publicKey: 'public 2',
    });
  });
});

test('a file in place of a folder is reported', async () => {
  await mkdir(dirname(folder), { recursive: true });
  await writeFile(folder, '');
  const error: UserError = await (await open()).save(machine('node1')).catch((thrown) => thrown);
  expect(error.message).toBe(`cannot create ${folder}: a file with that name already exists`);
  await chmod(folder, 0o600);
});
