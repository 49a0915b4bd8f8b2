import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/base/errors.js';
import { templatesIn } from '../../../../src/base/templates.js';
import type { Driver, MachineEvent } from '../../../../src/drivers/driver.js';
import { parseJump } from '../../../../src/drivers/generic/generic-settings.js';
import { driver as generic } from '../../../../src/drivers/generic/index.js';
import { parseInventory } from '../../../../src/drivers/generic/inventory.js';
import { driver as none } from '../../../../src/drivers/none/index.js';
import type { Machine } from '../../../../src/machines/model/machine.js';
import { expandAddresses } from '../../../../src/machines/model/patterns.js';
import { isHost } from '../../../../src/machines/model/ssh-host.js';

const { signal } = new AbortController();
let folder = '';
let keyPath = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belt-generic-'));
  keyPath = join(folder, 'id_test');
  await writeFile(keyPath, 'key', { mode: 0o600 });
  await mkdir(join(folder, 'inventory'));
  await writeFile(join(folder, 'inventory', 'db'), 'key', { mode: 0o600 });
});
afterAll(() => rm(folder, { recursive: true }));

function open(module: typeof generic, settings: Record<string, string | number>): Promise<Driver> {
  return module.open({
    settings,
    cluster: { id: 'c', name: 'default' },
    templates: templatesIn('templates'),
    user: {
      resolvePath: (path, from = folder) => resolve(folder, from, path),
      defaultKeyPaths: [join(folder, 'id_none'), keyPath],
    },
  });
}

async function adopt(names: readonly string[], settings: Record<string, string | number>) {
  return (await open(generic, settings)).adopt?.(names);
}

async function failure(work: Promise<unknown>): Promise<{ message: string; hint: string | undefined }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof UserError) return { message: error.message, hint: error.hint };
    throw error;
  }
  throw new Error('it did not fail');
}

describe('addresses', () => {
  test.each([
    ['10.0.0.[11:13]', ['10.0.0.11', '10.0.0.12', '10.0.0.13']],
    ['10.0.[0:1].[7,9]', ['10.0.0.7', '10.0.0.9', '10.0.1.7', '10.0.1.9']],
    ['web[08:09].example.org,10.0.0.5', ['web08.example.org', 'web09.example.org', '10.0.0.5']],
    ['fd00::[1:2]', ['fd00::1', 'fd00::2']],
    ['10.0.0.1,10.0.0.1', ['10.0.0.1', '10.0.0.1']],
  ])('addresses are expanded from a pattern: %s', (pattern, addresses) => {
    expect(expandAddresses(pattern)).toEqual(addresses);
  });

  test('an invalid address pattern is reported with its position', () => {
    expect(() => expandAddresses('10.0.0.[4:1]')).toThrow(
      'bad address pattern "10.0.0.[4:1]", at character 11: the range ends before it begins: 1 is less than 4\n' +
        '  10.0.0.[4:1]\n' +
        '            ^',
    );
    expect(() => expandAddresses('10.0.0.1/24')).toThrow('"/" is not allowed in an address or host name');
  });

  test('property: every address, and every address of a pattern, is a host', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), (address) => {
        expect(isHost(address)).toBe(true);
        expect(expandAddresses(address)).toEqual([address]);
      }),
    );
    for (const odd of ['', '10.0.0.256', '1.2.3', 'a..b', '-a', 'a b', 'x'.repeat(64)])
      expect(isHost(odd), odd).toBe(false);
  });
});

describe('jump hosts', () => {
  test.each([
    ['gate', { host: 'gate' }],
    ['admin@gate.example.org:2222', { user: 'admin', host: 'gate.example.org', port: 2222 }],
    ['10.0.0.1', { host: '10.0.0.1' }],
    ['fd00::1', { host: 'fd00::1' }],
    ['me@[fd00::1]:2222', { user: 'me', host: 'fd00::1', port: 2222 }],
  ])('a jump host is parsed: %s', (written, jump) => {
    expect(parseJump('jump', written)).toEqual(jump);
  });

  test.each(['', 'a b', '@gate', 'gate:', 'gate:0', 'gate:70000', 'user@', '[gate', 'a:b:c'])(
    '"%s" is not a jump host',
    (written) => {
      expect(() => parseJump('jump', written)).toThrow(UserError);
    },
  );
});

describe('servers by name', () => {
  test('names get the addresses of a pattern in order, with the login', async () => {
    const settings = { ip_address: '10.0.0.[11:12]', ssh_user: 'admin', ssh_port: 2222, ssh_key: 'id_test' };
    expect(await adopt(['a', 'b'], { ...settings, jump_host: 'gate', engine_port: 2377 })).toEqual(
      ['a', 'b'].map((name, index) => ({
        name,
        addresses: { public: `10.0.0.1${index + 1}` },
        ssh: {
          user: 'admin',
          port: 2222,
          keyPath,
          jump: { user: 'root', host: 'gate', port: 22 },
        },
        enginePort: 2377,
        driverData: { EnginePort: 2377, SSHKey: keyPath },
      })),
    );
    expect(await adopt(['a'], { ip_address: '10.0.0.1' })).toEqual([
      {
        name: 'a',
        addresses: { public: '10.0.0.1' },
        ssh: { user: 'root', port: 22 },
        enginePort: 2376,
        driverData: { EnginePort: 2376, SSHKey: '' },
      },
    ]);
  });

  test('an alias of ~/.ssh/config is recorded as what it stands for', async () => {
    const asked: unknown[] = [];
    const driver = await generic.open({
      settings: { ip_address: 'web[1:2]', ssh_key: 'id_test' },
      cluster: { id: 'c', name: 'default' },
      templates: templatesIn('templates'),
      user: {
        resolvePath: (path) => resolve(folder, path),
        defaultKeyPaths: [],
        async sshHost(written) {
          asked.push(written);
          const address = written.host.replace('web', '10.0.0.');
          const jump = { user: 'me', host: 'gate', port: 22, keyPath: '/keys/gate' };
          const own = { name: written.host, hostName: address, paths: ['/known_hosts'] };
          const login = { user: 'ubuntu', port: 2222, keyPath: '/keys/web', certificatePath: '/c.pub' };
          return { address, ...login, jump, hostKeys: [own, { ...own, name: '[gate]:22' }] };
        },
      },
    });
    const adoptions = await driver.adopt?.(['a', 'b']);
    expect(asked).toEqual([{ host: 'web1' }, { host: 'web2' }]);
    expect(adoptions?.[1]).toEqual({
      name: 'b',
      addresses: { public: '10.0.0.2' },
      // The key of the settings replaces the configuration's.
      ssh: {
        user: 'ubuntu',
        port: 2222,
        keyPath,
        jump: { user: 'me', host: 'gate', port: 22, keyPath: '/keys/gate' },
      },
      hostKeys: [
        { name: 'b', hostName: '10.0.0.2', paths: ['/known_hosts'] },
        { name: '[gate]:22', hostName: '10.0.0.2', paths: ['/known_hosts'] },
      ],
      enginePort: 2376,
      driverData: { EnginePort: 2376, SSHKey: keyPath },
    });
  });

  test.each([
    [{}, 'generic driver requires the --generic-ip-address option'],
    [{ ip_address: '10.0.0.[1:3]' }, '3 addresses for 2 names: 10.0.0.1, 10.0.0.2, 10.0.0.3 for a, b'],
    [{ ip_address: '10.0.0.1' }, '1 address for 2 names: 10.0.0.1 for a, b'],
    [{ ip_address: '10.0.0.1,10.0.0.1' }, 'a and b are both 10.0.0.1 port 22'],
    [{ ip_address: '10.0.0.[255:256]' }, '"10.0.0.256" is neither an IP address nor a host name'],
    [
      { ip_address: '10.0.0.[1:2]', ssh_port: 0 },
      'the setting ssh_port must be a port number, 1 to 65535, not 0',
    ],
    [{ inventory: 'none.yml' }, 'cannot read the inventory none.yml: ENOENT'],
  ])('the servers %j are refused', async (settings, message) => {
    expect((await failure(adopt(['a', 'b'], settings as Record<string, string>))).message).toContain(message);
  });

  test.each([
    ['10.0.0.1:2222', '--generic-ip-address 10.0.0.1 --generic-ssh-port 2222'],
    ['root@10.0.0.1', '--generic-ip-address 10.0.0.1 --generic-ssh-user root'],
    ['ssh://root@10.0.0.1', '--generic-ip-address 10.0.0.1 --generic-ssh-user root'],
    ['ssh://web.example', '--generic-ip-address web.example'],
    [
      'ssh://admin@[2001:db8::7]:2222/',
      '--generic-ip-address 2001:db8::7 --generic-ssh-user admin --generic-ssh-port 2222',
    ],
  ])('the flags for the address %s are suggested', async (address, hint) => {
    expect(await failure(adopt(['a'], { ip_address: address }))).toMatchObject({
      message: `"${address}" is neither an IP address nor a host name`,
      hint,
    });
  });

  test("a missing key is reported with docker-machine's message", async () => {
    const { message } = await failure(adopt(['a'], { ip_address: '10.0.0.1', ssh_key: 'nope' }));
    expect(message).toBe(`SSH key does not exist: "${join(folder, 'nope')}"`);
  });

  test('an inventory overrides the settings, and its keys are relative to its folder', async () => {
    await writeFile(
      join(folder, 'inventory', 'servers.yml'),
      [
        '- name: a',
        '  address: 10.0.0.1',
        '- name: db[1:2]',
        '  address: 10.0.1.[1:2]',
        '  user: admin',
        '  port: 2222',
        '  key: db',
        '  jump: me@gate:23',
      ].join('\n'),
    );
    const adopted = await adopt(['db2', 'a'], { inventory: 'inventory/servers.yml', ssh_key: 'id_test' });
    expect(adopted?.map(({ name, addresses, ssh }) => ({ name, ...addresses, ...ssh }))).toEqual([
      {
        name: 'db2',
        public: '10.0.1.2',
        user: 'admin',
        port: 2222,
        keyPath: join(folder, 'inventory', 'db'),
        jump: { user: 'me', host: 'gate', port: 23 },
      },
      { name: 'a', public: '10.0.0.1', user: 'root', port: 22, keyPath },
    ]);
    expect(await failure(adopt(['db3'], { inventory: 'inventory/servers.yml' }))).toEqual({
      message: 'db3 is not in inventory/servers.yml',
      hint: 'did you mean "db1"?',
    });
  });
});

describe('invalid inventories', () => {
  test.each([
    ['a: 1', 'line 1 is not a list of servers'],
    ['', 'line 1 is not a list of servers'],
    ['- a', 'line 1 is not a server'],
    ['- name: a\n  address: 10.0.0.1\n- name: b', 'line 3: the server has no address'],
    ['- name: a\n  adress: 10.0.0.1', 'line 2: unknown field "adress"'],
    ['- name: a\n  address: [1, 2]', 'line 2: address must be one value'],
    [
      '- name: a\n  address: 10.0.0.1\n  port: 22x',
      'line 3: port must be a port number, 1 to 65535, not "22x"',
    ],
    ['- name: a\n  address: 10.0.0.1\n  jump: a b', 'line 3: jump must be [USER@]HOST[:PORT], not "a b"'],
    ['- name: a[1:2]\n  address: 10.0.0.[1:3]', 'line 1: 2 names, but 3 addresses'],
    ['- name: a_b\n  address: 10.0.0.1', 'line 1: bad node pattern "a_b"'],
    ['- name: a\n  address: 10.0.0.[1', 'line 2: bad address pattern "10.0.0.[1"'],
    ['- name: a\n  address: 10.0.0.300', 'line 2: "10.0.0.300" is neither'],
    [
      '- name: a\n  address: 10.0.0.1\n- name: a\n  address: 10.0.0.2',
      'line 3: a is already listed at f.yml line 1',
    ],
    ['- name: "a\n', 'is not YAML'],
    ['- name: *a\n', 'line 1, column 9 is not YAML: a value cannot begin with this character'],
    ['- name: a\n\taddress: b\n', 'is indented with a tab'],
  ])('the inventory %j is refused', (text, message) => {
    expect(() => parseInventory('f.yml', text)).toThrow(UserError);
    expect(() => parseInventory('f.yml', text)).toThrow(message);
    expect(() => parseInventory('f.yml', text)).toThrow(/^f\.yml line \d+/);
  });

  test('property: any text yields servers or an error with a line number', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseInventory('f.yml', text);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
          expect((error as Error).message).toMatch(/^f\.yml line \d+/);
        }
      }),
    );
  });
});

function machine(port: number, change: Partial<Machine> = {}): Machine {
  return {
    name: `at-${port}`,
    driver: 'generic',
    phase: 'ready',
    addresses: { public: '127.0.0.1' },
    ssh: { user: 'root', port },
    driverData: {},
    createdAt: '2026-01-01T00:00:00.000Z',
    ...change,
  };
}

async function endOf(events: AsyncIterable<MachineEvent> | undefined): Promise<MachineEvent[]> {
  const all: MachineEvent[] = [];
  for await (const event of events ?? []) all.push(event);
  return all;
}

describe('the generic driver', () => {
  test('a server is running if its SSH port, or that of its jump host, accepts connections', async () => {
    const server = createServer((socket) => socket.destroy());
    const port = await new Promise<number>((done) => {
      server.listen(0, '127.0.0.1', () => done((server.address() as { port: number }).port));
    });
    const closed = await new Promise<number>((done) => {
      const other = createServer().listen(0, '127.0.0.1', () => {
        const { port: free } = other.address() as { port: number };
        other.close(() => done(free));
      });
    });
    const jump = { user: 'root', host: '127.0.0.1', port };
    const known = [
      machine(port),
      machine(closed),
      machine(22, { name: 'behind', ssh: { user: 'root', port: 22, jump } }),
      machine(23, { name: 'nowhere', addresses: {} }),
    ];
    expect(await (await open(generic, {})).list(known, signal)).toEqual([
      { name: `at-${port}`, state: 'running' },
      { name: `at-${closed}`, state: 'stopped' },
      { name: 'behind', state: 'running' },
      { name: 'nowhere', state: 'stopped' },
    ]);
    server.close();
  });

  test("start, stop, kill and resize are refused with docker-machine's messages", async () => {
    const driver = await open(generic, {});
    const machines = [machine(22)];
    for (const [verb, events] of [
      ['start', driver.start(machines, signal)],
      ['stop', driver.stop(machines, signal)],
      ['kill', driver.kill(machines, signal)],
      ['resize', driver.resize(machines, '1gb', signal)],
    ] as const) {
      expect(await endOf(events)).toMatchObject([
        { type: 'failed', name: 'at-22', error: { message: `generic driver does not support ${verb}` } },
      ]);
    }
    expect(driver.restart).toBeUndefined();
  });

  test('the generic driver refuses a size', async () => {
    const driver = await open(generic, {});
    expect((await failure(driver.check([{ name: 'a', size: '1gb' }], signal))).message).toBe(
      'the generic driver cannot create a server of size "1gb"',
    );
  });

  test('doctor reports the agent and keys, and requires one of them', async () => {
    expect(await (await open(generic, {})).doctor(signal)).toEqual([
      {
        name: 'SSH agent',
        ok: false,
        optional: true,
        detail: 'none: start one with "eval $(ssh-agent)" and ssh-add a key',
      },
      { name: 'SSH keys', ok: true, detail: keyPath },
    ]);
  });
});

describe('the none driver', () => {
  const adoptUrl = async (url: string, ...names: string[]) => (await open(none, { url })).adopt?.(names);

  test.each([
    ['tcp://10.0.0.9:2376', { public: '10.0.0.9' }],
    ['tcp://docker.example.org:2375', { public: 'docker.example.org' }],
    ['tcp://[fd00::9]:2376', { public: 'fd00::9' }],
    ['https://docker.example.org', { public: 'docker.example.org' }],
    ['unix:///var/run/docker.sock', {}],
  ])('the URL of a none machine is parsed: %s', async (url, addresses) => {
    expect(await adoptUrl(url, 'box')).toEqual([{ name: 'box', addresses, driverData: { URL: url } }]);
  });

  test.each([
    ['', ['box'], '--url option is required when no driver is selected'],
    ['10.0.0.9:2376', ['box'], '"10.0.0.9:2376" is not the URL of an engine'],
    ['ssh://root@10.0.0.9', ['box'], '"ssh://root@10.0.0.9" is not the URL of an engine'],
    [
      'npipe:////./pipe/docker_engine',
      ['box'],
      '"npipe:////./pipe/docker_engine" is not the URL of an engine',
    ],
    ['tcp://:2376', ['box'], '"tcp://:2376" is not the URL of an engine'],
    ['unix://', ['box'], '"unix://" is not the URL of an engine'],
    ['tcp://10.0.0.9:2376', ['a', 'b'], 'only one --url for 2 names: a, b'],
  ])('the URL %j is refused for %j', async (url, names, message) => {
    expect((await failure(adoptUrl(url, ...names))).message).toBe(message);
  });

  test('a machine of the none driver is always running, and cannot be started, stopped or resized', async () => {
    const driver = await open(none, {});
    const box = machine(22, { name: 'box', driver: 'none' });
    expect(await driver.list([box], signal)).toEqual([{ name: 'box', state: 'running' }]);
    for (const [done, events] of [
      ['started', driver.start([box], signal)],
      ['stopped', driver.stop([box], signal)],
      ['restarted', driver.restart?.([box], signal)],
      ['killed', driver.kill([box], signal)],
    ] as const) {
      expect(await endOf(events)).toMatchObject([
        { type: 'failed', name: 'box', error: { message: `hosts without a driver cannot be ${done}` } },
      ]);
    }
    expect(await endOf(driver.remove([box], signal))).toEqual([{ type: 'done', name: 'box' }]);
  });
});
