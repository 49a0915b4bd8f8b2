import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../src/machines/model/machine.js';
import { fromDocument, toDocument } from '../../../src/state/machine-file.js';

const store = '/home/ada/.belt/default';
const place = {
  store,
  name: 'node1',
  path: `${store}/machines/node1/config.json`,
  createdAt: '2020-01-01T00:00:00.000Z',
};

const machine: Machine = {
  name: 'node1',
  driver: 'nspawn',
  phase: 'ready',
  id: 'belt-4f2a-node1',
  size: '512mb',
  memory: 512,
  addresses: { public: '10.209.0.2' },
  ssh: { user: 'root', port: 22, keyPath: `${store}/ssh/id_ed25519` },
  driverData: { Image: 'debian-13', index: 2 },
  createdAt: '2026-01-02T03:04:05.000Z',
};

test("a machine file has docker-machine's format", () => {
  expect(JSON.parse(JSON.stringify(toDocument(machine, { store })))).toEqual({
    ConfigVersion: 3,
    Name: 'node1',
    DriverName: 'nspawn',
    Driver: {
      IPAddress: '10.209.0.2',
      MachineName: 'node1',
      SSHUser: 'root',
      SSHPort: 22,
      SSHKeyPath: '/home/ada/.belt/default/ssh/id_ed25519',
      StorePath: '/home/ada/.belt/default',
      SwarmMaster: false,
      SwarmHost: '',
      SwarmDiscovery: '',
      Image: 'debian-13',
      index: 2,
    },
    HostOptions: {
      Driver: '',
      Memory: 0,
      Disk: 0,
      EngineOptions: { Dns: null, GraphDir: '', Ipv6: false, LogLevel: '', SelinuxEnabled: false },
      SwarmOptions: {
        IsSwarm: false,
        Address: '',
        Discovery: '',
        Agent: false,
        Master: false,
        Host: 'tcp://0.0.0.0:3376',
        Image: 'swarm:latest',
        Strategy: 'spread',
        Heartbeat: 0,
        Overcommit: 0,
        ArbitraryFlags: [],
        ArbitraryJoinFlags: [],
        Env: null,
        IsExperimental: false,
      },
      AuthOptions: {
        CaCertRemotePath: '',
        ServerCertRemotePath: '',
        ServerKeyRemotePath: '',
        CertDir: '/home/ada/.belt/default/certs',
        CaCertPath: '/home/ada/.belt/default/certs/ca.pem',
        CaPrivateKeyPath: '/home/ada/.belt/default/certs/ca-key.pem',
        ClientCertPath: '/home/ada/.belt/default/certs/cert.pem',
        ClientKeyPath: '/home/ada/.belt/default/certs/key.pem',
        ServerCertPath: '/home/ada/.belt/default/machines/node1/server.pem',
        ServerKeyPath: '/home/ada/.belt/default/machines/node1/server-key.pem',
        StorePath: '/home/ada/.belt/default/machines/node1',
      },
    },
    Belt: {
      Version: 1,
      Phase: 'ready',
      Id: 'belt-4f2a-node1',
      Size: '512mb',
      Memory: 512,
      Addresses: { Public: '10.209.0.2' },
      CreatedAt: '2026-01-02T03:04:05.000Z',
    },
  });
});

test("engine settings have docker-machine's names", () => {
  const engine = {
    access: 'insecure',
    port: 2375,
    tlsSans: ['web'],
    installUrl: 'https://get.example.com',
    storageDriver: 'overlay2',
    insecureRegistries: ['r:5000'],
    registryMirrors: ['https://m'],
    labels: ['a=b'],
    env: ['X=1'],
    options: ['mtu=1400'],
    tuneSwarm: true,
  } as const;
  const saved = JSON.parse(JSON.stringify(toDocument({ ...machine, engine }, { store })));
  expect(saved.HostOptions.EngineOptions).toMatchObject({
    ArbitraryFlags: ['mtu=1400'],
    Env: ['X=1'],
    InsecureRegistry: ['r:5000'],
    Labels: ['a=b'],
    RegistryMirror: ['https://m'],
    StorageDriver: 'overlay2',
    InstallURL: 'https://get.example.com',
    TlsVerify: false,
  });
  expect(saved.HostOptions.AuthOptions.ServerCertSANs).toEqual(['web']);
  expect(saved.Belt.Engine).toEqual({ Access: 'insecure', Port: 2375, TuneSwarm: true });
  expect(fromDocument(saved, place)).toEqual({ ...machine, engine });
});

test('a save keeps unknown fields and replaces known ones', () => {
  const previous = {
    ...toDocument({ ...machine, driverData: { Image: 'debian-12', gone: true } }, { store }),
    Future: { x: 1 },
    HostOptions: {
      EngineOptions: { Labels: ['a=b'] },
      AuthOptions: { ServerCertSANs: ['web'], StorePath: '/old' },
      New: 1,
    },
    Belt: { Version: 1, Id: 'old', Size: '1gb', Note: 'by hand' },
  };
  const { size: _, ...unsized } = machine;
  const saved = JSON.parse(JSON.stringify(toDocument(unsized, { store }, previous)));
  expect(saved.Future).toEqual({ x: 1 });
  expect(saved.HostOptions).toMatchObject({ EngineOptions: { Labels: ['a=b'] }, New: 1 });
  expect(saved.HostOptions.AuthOptions).toMatchObject({
    ServerCertSANs: ['web'],
    StorePath: `${store}/machines/node1`,
  });
  expect(saved.Driver).not.toHaveProperty('gone');
  expect(saved.Belt).toMatchObject({ Note: 'by hand', Id: machine.id });
  expect(saved.Belt).not.toHaveProperty('Size');
  expect(fromDocument(saved, place)).toEqual(unsized);
});

describe("docker-machine's machine file", () => {
  const foreign = {
    ConfigVersion: 3,
    Driver: {
      IPAddress: '203.0.113.7',
      MachineName: 'other',
      SSHUser: 'ubuntu',
      SSHPort: 0,
      SSHKeyPath: '/old/store/machines/node1/id_rsa',
      StorePath: '/old/store',
      SwarmMaster: false,
      SwarmHost: 'tcp://0.0.0.0:3376',
      SwarmDiscovery: '',
      EnginePort: 2376,
      SSHKey: '/home/ada/key',
    },
    DriverName: 'generic',
    HostOptions: {
      EngineOptions: { InstallURL: 'https://get.docker.com' },
      SwarmOptions: { IsSwarm: false },
      AuthOptions: {},
    },
    Name: 'other',
  };

  test.each([
    'C:\\Users\\ada\\.docker\\machine',
    'C:\\Users\\ada/.docker/machine',
    'd:/docker/machine',
    '\\\\server\\share\\machine',
  ])('a key in a store of Windows (%s) is found in the current folder', (from) => {
    const slash = from.includes('\\') ? '\\' : '/';
    const SSHKeyPath = [from, 'machines', 'node1', 'id_rsa'].join(slash);
    const document = { ...foreign, Driver: { ...foreign.Driver, SSHKeyPath, StorePath: from } };
    expect(fromDocument(document, place).ssh.keyPath).toBe(`${store}/machines/node1/id_rsa`);
    const belt = toDocument(fromDocument(foreign, place), place, foreign);
    const kept = { ...belt, Driver: { ...(belt['Driver'] as object), SSHKeyPath, StorePath: from } };
    expect(fromDocument(kept, place).ssh.keyPath).toBe(`${store}/machines/node1/id_rsa`);
  });

  test("a docker-machine file is read with the name of its folder and the key's current path", () => {
    expect(fromDocument(foreign, place)).toEqual({
      name: 'node1',
      driver: 'generic',
      phase: 'ready',
      addresses: { public: '203.0.113.7' },
      ssh: { user: 'ubuntu', port: 22, keyPath: `${store}/machines/node1/id_rsa` },
      driverData: { EnginePort: 2376, SSHKey: '/home/ada/key' },
      createdAt: '2020-01-01T00:00:00.000Z',
    });
  });

  test('a docker-machine file of driver none has neither address nor key', () => {
    const none = {
      ...foreign,
      DriverName: 'none',
      Driver: { IPAddress: '', SSHUser: '', SSHKeyPath: '', URL: 'tcp://x:2375' },
    };
    expect(fromDocument(none, place)).toMatchObject({
      addresses: {},
      ssh: { user: 'root', port: 22 },
      driverData: { URL: 'tcp://x:2375' },
    });
    expect(fromDocument(none, place).ssh).not.toHaveProperty('keyPath');
  });

  test('a saved docker-machine file keeps what docker-machine needs', () => {
    const saved = toDocument(fromDocument(foreign, place), { store }, foreign);
    expect(saved).toMatchObject({
      HostOptions: foreign.HostOptions,
      Driver: {
        SwarmHost: 'tcp://0.0.0.0:3376',
        EnginePort: 2376,
        SSHKeyPath: `${store}/machines/node1/id_rsa`,
      },
    });
  });
});

test('a key outside the store keeps its path', () => {
  const outside = { ...machine, ssh: { ...machine.ssh, keyPath: '/home/ada/.belt/default-two/key' } };
  const moved = fromDocument(toDocument(outside, { store }), { ...place, store: '/elsewhere' });
  expect(moved.ssh.keyPath).toBe('/home/ada/.belt/default-two/key');
});

test('property: any machine is read back as it was written', () => {
  const text = fc.string();
  const word = fc.string({ minLength: 1 });
  const reserved = [
    'IPAddress',
    'MachineName',
    'SSHUser',
    'SSHPort',
    'SSHKeyPath',
    'StorePath',
    'SwarmMaster',
    'SwarmHost',
    'SwarmDiscovery',
  ];
  const anyMachine = fc.record(
    {
      name: fc.constant('node1'),
      driver: text,
      phase: fc.constantFrom('creating', 'ready'),
      id: text,
      size: text,
      memory: fc.nat(),
      addresses: fc.record({ public: word, private: word }, { requiredKeys: [] }),
      ssh: fc.record(
        {
          user: word,
          port: fc.integer({ min: 1, max: 65_535 }),
          keyPath: word,
          certificatePath: fc.constant('/home/ada/.ssh/id-cert.pub'),
          agentSocket: fc.constant('/home/ada/.1password/agent.sock'),
          proxyCommand: fc.constant('cloudflared access ssh --hostname web.example.org'),
          jump: fc.record(
            {
              user: text,
              host: text,
              port: fc.nat(),
              keyPath: fc.constant('/home/ada/.ssh/gate'),
              jump: fc.record({ user: text, host: text, port: fc.nat() }),
            },
            { requiredKeys: ['user', 'host', 'port'] },
          ),
        },
        { requiredKeys: ['user', 'port'] },
      ),
      engine: fc.record(
        {
          access: fc.constantFrom('secure', 'insecure', 'local'),
          port: fc.nat(65_535),
          tlsSans: fc.array(text),
          installUrl: word.filter((url) => url !== 'https://get.docker.com'),
          storageDriver: word,
          insecureRegistries: fc.array(text),
          registryMirrors: fc.array(text),
          labels: fc.array(text),
          env: fc.array(text),
          options: fc.array(text),
          tuneSwarm: fc.boolean(),
        },
        {
          requiredKeys: [
            'access',
            'port',
            'tlsSans',
            'insecureRegistries',
            'registryMirrors',
            'labels',
            'env',
            'options',
            'tuneSwarm',
          ],
        },
      ),
      driverData: fc.dictionary(
        word.filter((key) => !reserved.includes(key) && key !== '__proto__'),
        fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value))),
      ),
      createdAt: text,
    },
    {
      requiredKeys: ['name', 'driver', 'phase', 'addresses', 'ssh', 'driverData', 'createdAt'],
      noNullPrototype: true,
    },
  );
  fc.assert(
    fc.property(anyMachine, (some) => {
      const document = JSON.parse(JSON.stringify(toDocument(some as Machine, { store })));
      expect(fromDocument(document, place)).toEqual(JSON.parse(JSON.stringify(some)));
    }),
  );
});
