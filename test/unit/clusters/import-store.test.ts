import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureClusterCertificates } from '../../../src/certs/cluster-certificates.js';
import { importStore } from '../../../src/clusters/import-store.js';
import { openClusterStore } from '../../../src/state/cluster-store.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

const old = '/home/ada/.docker/machine';

/** config.json files in each of docker-machine's formats, in a store that was moved. */
const documents = {
  v0: {
    DriverName: 'digitalocean',
    Driver: {
      MachineName: 'v0',
      IPAddress: '203.0.113.1',
      SSHUser: 'root',
      SSHPort: 22,
      DropletID: 123456789,
    },
    StorePath: `${old}/machines/v0`,
    CaCertPath: `${old}/certs/ca.pem`,
    PrivateKeyPath: `${old}/certs/ca-key.pem`,
    ClientCertPath: `${old}/certs/cert.pem`,
    ServerCertPath: `${old}/machines/v0/server.pem`,
    ServerKeyPath: `${old}/machines/v0/server-key.pem`,
    SwarmHost: 'tcp://0.0.0.0:3376',
    SwarmMaster: true,
    SwarmDiscovery: 'token://abc',
  },
  v1: {
    ConfigVersion: 1,
    DriverName: 'virtualbox',
    Driver: { MachineName: 'v1', IPAddress: '192.168.99.100', SSHPort: 51234, CPU: 1, Memory: 1024 },
    HostOptions: {
      EngineOptions: { Labels: ['a=b'], TlsVerify: true },
      SwarmOptions: { IsSwarm: false },
      AuthOptions: {
        StorePath: `${old}/machines/v1`,
        CaCertPath: `${old}/certs/ca.pem`,
        PrivateKeyPath: `${old}/certs/ca-key.pem`,
        ClientCertPath: `${old}/certs/cert.pem`,
      },
    },
    StorePath: `${old}/machines/v1`,
  },
  v2: {
    ConfigVersion: 2,
    DriverName: 'generic',
    Name: 'v2',
    Driver: {
      MachineName: 'v2',
      IPAddress: '203.0.113.2',
      SSHUser: 'ubuntu',
      SSHPort: 0,
      SSHKeyPath: `${old}/machines/v2/id_work`,
    },
    HostOptions: {
      EngineOptions: { TlsVerify: true, InsecureRegistry: ['r:5000'] },
      SwarmOptions: {},
      AuthOptions: { CaCertPath: `${old}/certs/ca.pem`, CaPrivateKeyPath: `${old}/certs/ca-key.pem` },
    },
  },
  v3: {
    ConfigVersion: 3,
    Name: 'v3',
    DriverName: 'generic',
    Driver: {
      IPAddress: '203.0.113.3',
      MachineName: 'v3',
      SSHUser: 'root',
      SSHPort: 2222,
      SSHKeyPath: `${old}/machines/v3/id_rsa`,
      StorePath: old,
      SwarmMaster: false,
      SwarmHost: '',
      SwarmDiscovery: '',
      EnginePort: 12376,
      SSHKey: '/home/ada/key',
    },
    HostOptions: {
      Driver: '',
      Memory: 0,
      Disk: 0,
      EngineOptions: { ArbitraryFlags: ['debug'], Dns: null, GraphDir: '', TlsVerify: true, Ipv6: false },
      SwarmOptions: { IsSwarm: false, Strategy: 'spread' },
      AuthOptions: { CertDir: `${old}/certs`, ServerCertSANs: ['web'], StorePath: `${old}/machines/v3` },
    },
  },
  url: {
    ConfigVersion: 3,
    Name: 'url',
    DriverName: 'none',
    Driver: { IPAddress: '203.0.113.4:2376', URL: 'tcp://203.0.113.4:2376', StorePath: old },
    HostOptions: { EngineOptions: {}, SwarmOptions: {}, AuthOptions: {} },
  },
};

describe('import of a docker-machine store', () => {
  let bed: TestBed;
  let store: string;

  beforeEach(async () => {
    bed = await openTestBed();
    store = join(bed.folder, 'elsewhere', 'machine');
    for (const [name, document] of Object.entries(documents)) {
      await mkdir(join(store, 'machines', name), { recursive: true });
      await writeFile(configOf(name), JSON.stringify(document));
    }
  });
  afterEach(() => bed.close());

  const configOf = (name: string): string => join(store, 'machines', name, 'config.json');
  const onDisk = async (name: string) => JSON.parse(await readFile(configOf(name), 'utf8'));
  const input = () => ({ folder: store, name: 'docker-machine' });

  test.each(['before', 'after'])('records read %s the import have the current paths', async (when) => {
    if (when === 'after') await importStore(input(), bed.context);
    const { machines, damaged } = await (
      await openClusterStore({ name: 'docker-machine', folder: store })
    ).machines();
    expect(damaged).toEqual([]);
    const folder = (name: string) => join(store, 'machines', name);
    expect(
      machines.map(({ name, addresses, ssh, engine }) => [
        name,
        addresses.public,
        ssh.user,
        ssh.port,
        ssh.keyPath,
        engine && [
          engine.access,
          engine.port,
          engine.labels,
          engine.insecureRegistries,
          engine.tlsSans,
          engine.options,
        ],
      ]),
    ).toEqual([
      ['url', '203.0.113.4', 'root', 22, undefined, undefined],
      ['v0', '203.0.113.1', 'root', 22, join(folder('v0'), 'id_rsa'), ['secure', 2376, [], [], [], []]],
      [
        'v1',
        '192.168.99.100',
        'docker',
        22,
        join(folder('v1'), 'id_rsa'),
        ['secure', 2376, ['a=b'], [], [], []],
      ],
      [
        'v2',
        '203.0.113.2',
        'ubuntu',
        22,
        join(folder('v2'), 'id_work'),
        ['secure', 2376, [], ['r:5000'], [], []],
      ],
      [
        'v3',
        '203.0.113.3',
        'root',
        2222,
        join(folder('v3'), 'id_rsa'),
        ['secure', 12376, [], [], ['web'], ['debug']],
      ],
    ]);
  });

  test('import keeps what docker-machine needs, and a backup of old formats', async () => {
    const outcomes = await importStore(input(), bed.context);
    expect(outcomes.map(({ name, status }) => [name, status])).toEqual(
      ['url', 'v0', 'v1', 'v2', 'v3'].map((name) => [name, 'ok']),
    );
    const v3 = await onDisk('v3');
    expect(v3).toMatchObject({
      ConfigVersion: 3,
      DriverName: 'generic',
      Driver: { EnginePort: 12376, SSHKey: '/home/ada/key', StorePath: store, SwarmMaster: false },
      HostOptions: {
        EngineOptions: { ...documents.v3.HostOptions.EngineOptions },
        SwarmOptions: documents.v3.HostOptions.SwarmOptions,
        AuthOptions: {
          CertDir: join(store, 'certs'),
          CaPrivateKeyPath: join(store, 'certs', 'ca-key.pem'),
          ServerCertSANs: ['web'],
          StorePath: join(store, 'machines', 'v3'),
        },
      },
      Belt: { Phase: 'ready' },
    });
    expect(await onDisk('v0')).toMatchObject({
      ConfigVersion: 3,
      Driver: { DropletID: 123456789 },
      HostOptions: { SwarmOptions: { Master: true, Discovery: 'token://abc' } },
    });
    // docker-machine connects through a port of 127.0.0.1 that is forwarded to the VM.
    expect(await onDisk('v1')).toMatchObject({ Driver: { SSHPort: 51234 }, Belt: { SSHPort: 22 } });
    for (const name of ['v0', 'v1', 'v2'] as const)
      expect(JSON.parse(await readFile(`${configOf(name)}.bak`, 'utf8'))).toEqual(documents[name]);
    await expect(readFile(`${configOf('v3')}.bak`)).rejects.toThrow('ENOENT');
  });

  test('a later save keeps the SSH port that docker-machine uses for VirtualBox', async () => {
    await importStore(input(), bed.context);
    const cluster = await openClusterStore({ name: 'docker-machine', folder: store });
    await cluster.save({ ...(await cluster.machine('v1')), memory: 2048 });
    expect((await cluster.machine('v1')).ssh.port).toBe(22);
    const { Belt: _, ...known } = await onDisk('v1');
    expect(known).toMatchObject({ Driver: { SSHPort: 51234 } });
    await writeFile(configOf('v1'), JSON.stringify(known));
    expect((await cluster.machine('v1')).ssh.port).toBe(22);
  });

  describe('with certificates outside the store', () => {
    const outside = (name: string): string => join(bed.folder, 'pki', name);
    const auth = (who: string) => ({
      CertDir: `${old}/certs`,
      CaCertPath: outside(`${who}.pem`),
      CaPrivateKeyPath: outside(`${who}-key.pem`),
      ClientCertPath: outside('cert.pem'),
      ClientKeyPath: outside('key.pem'),
      ServerCertPath: `${old}/machines/a/server.pem`,
    });

    const writeMachine = async (name: string, who: string): Promise<void> => {
      const options = { ...auth(who), StorePath: `${old}/machines/${name}` };
      const document = {
        ...documents.v3,
        Name: name,
        HostOptions: { EngineOptions: { TlsVerify: true }, AuthOptions: options },
      };
      await mkdir(join(store, 'machines', name), { recursive: true });
      await writeFile(configOf(name), JSON.stringify(document));
    };
    const inCerts = (name: string) => readFile(join(store, 'certs', name), 'utf8').catch(() => undefined);
    const authOf = async (name: string) => (await onDisk(name)).HostOptions.AuthOptions;

    beforeEach(async () => {
      await rm(join(store, 'machines'), { recursive: true });
      await mkdir(outside('.'), { recursive: true });
      for (const file of ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem', 'other.pem'])
        await writeFile(outside(file), file);
      await writeMachine('a', 'ca');
    });

    test('import copies the certificates and keeps their paths for docker-machine', async () => {
      await writeMachine('b', 'ca');
      await importStore(input(), bed.context);
      expect(await authOf('a')).toMatchObject({
        ...auth('ca'),
        CertDir: join(store, 'certs'),
        ServerCertPath: join(store, 'machines/a/server.pem'),
      });
      for (const file of ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem'])
        expect(await inCerts(file)).toBe(file);
      await importStore(input(), bed.context);
      expect(await authOf('a')).toMatchObject({ CaCertPath: outside('ca.pem') });
    });

    test('paths of missing certificates point to the store', async () => {
      await rm(outside('.'), { recursive: true });
      await importStore(input(), bed.context);
      expect(await authOf('a')).toMatchObject({
        CaCertPath: join(store, 'certs/ca.pem'),
        ClientKeyPath: join(store, 'certs/key.pem'),
      });
    });

    test('machines that trust different CAs keep them, and no other CA is created', async () => {
      await writeMachine('b', 'other');
      await writeFile(join(store, 'machines/b/ca.pem'), 'other.pem');
      await importStore(input(), bed.context);
      expect(await authOf('b')).toMatchObject({ CaCertPath: outside('other.pem') });
      expect(await inCerts('ca.pem')).toBeUndefined();
      const cluster = await openClusterStore({ name: 'docker-machine', folder: store });
      await expect(ensureClusterCertificates({ ...bed.context, cluster })).rejects.toThrow(
        `b trusts a CA that is not in ${store}/certs`,
      );
    });

    test('an existing CA of the store is kept', async () => {
      await mkdir(join(store, 'certs'));
      await writeFile(join(store, 'certs/ca.pem'), 'own');
      await importStore(input(), bed.context);
      expect([await inCerts('ca.pem'), await inCerts('cert.pem')]).toEqual(['own', undefined]);
    });
  });

  test('a record that docker-machine rewrote without the belt section is still read', async () => {
    await importStore(input(), bed.context);
    const { Belt: _, ...known } = await onDisk('v3');
    await writeFile(configOf('v3'), JSON.stringify(known));
    const cluster = await openClusterStore({ name: 'docker-machine', folder: store });
    expect(await cluster.machine('v3')).toMatchObject({
      phase: 'ready',
      addresses: { public: '203.0.113.3' },
      engine: { access: 'secure', port: 12376 },
      driverData: { EnginePort: 12376 },
    });
  });

  test('a damaged machine is reported and left alone', async () => {
    await writeFile(configOf('v2'), '{');
    const outcomes = await importStore(input(), bed.context);
    expect(outcomes.map(({ name, status }) => [name, status])).toEqual([
      ...['url', 'v0', 'v1', 'v3'].map((name) => [name, 'ok']),
      ['v2', 'failed'],
    ]);
    expect(await readFile(configOf('v2'), 'utf8')).toBe('{');
    expect(bed.reporter.lines).toContainEqual(
      expect.stringMatching(/^warning: v2 was not imported: .*config\.json is damaged/),
    );
  });

  test('import refuses a folder that is not a store', async () => {
    await expect(importStore({ folder: join(store, 'machines'), name: 'x' }, bed.context)).rejects.toThrow(
      'is not a docker-machine store',
    );
  });
});
