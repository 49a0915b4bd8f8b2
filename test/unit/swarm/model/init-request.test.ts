import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExternalCa } from '../../../../src/swarm/model/external-ca.js';
import { createInitRequest } from '../../../../src/swarm/model/init-request.js';
import { findOverlap, parseNetwork } from '../../../../src/swarm/model/machine-network.js';
import { chooseNodeAddresses, withManagerPort } from '../../../../src/swarm/model/node-addresses.js';
import { parseDuration } from '../../../../src/swarm/model/parse-duration.js';

describe('chooseNodeAddresses', () => {
  const both = { addresses: { public: '203.0.113.7', private: '10.0.0.7' } };

  test('a node uses the private address of its machine', () => {
    expect(chooseNodeAddresses(both, ['127.0.0.1', '203.0.113.7', '10.0.0.7'])).toEqual({
      advertise: '10.0.0.7',
      listen: '10.0.0.7:2377',
      dataPath: '10.0.0.7',
    });
  });

  test('a public address on no interface is advertised but not listened on', () => {
    expect(chooseNodeAddresses({ addresses: { public: '203.0.113.7' } }, ['10.0.0.7'])).toEqual({
      advertise: '203.0.113.7',
      listen: '0.0.0.0:2377',
      dataPath: '203.0.113.7',
    });
  });

  test('an address is not listened on while the interfaces are unknown', () => {
    expect(chooseNodeAddresses(both, [])?.listen).toBe('0.0.0.0:2377');
    expect(chooseNodeAddresses({ addresses: { public: '2001:db8::7' } }, [])?.listen).toBe('[::]:2377');
  });

  test('an IPv6 address is put in brackets', () => {
    expect(chooseNodeAddresses({ addresses: { public: '2001:db8::7' } }, ['2001:db8::7'])?.listen).toBe(
      '[2001:db8::7]:2377',
    );
  });

  test('a machine without an address has no node addresses', () => {
    expect(chooseNodeAddresses({ addresses: {} }, ['10.0.0.7'])).toBeUndefined();
  });

  test.each([
    ['10.0.0.7', '10.0.0.7:2377'],
    ['10.0.0.7:4000', '10.0.0.7:4000'],
    ['eth0', 'eth0:2377'],
    ['eth0:4000', 'eth0:4000'],
    ['2001:db8::7', '[2001:db8::7]:2377'],
    ['[2001:db8::7]:4000', '[2001:db8::7]:4000'],
    ['[2001:db8::7]', '[2001:db8::7]:2377'],
    ['::ffff:10.0.0.7', '[::ffff:10.0.0.7]:2377'],
  ])('withManagerPort turns %s into %s', (address, expected) => {
    expect(withManagerPort(address)).toBe(expected);
  });
});

const ipOutput = `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: eth0    inet 10.20.3.4/20 brd 10.20.15.255 scope global eth0\\       valid_lft forever preferred_lft forever
2: eth0    inet6 fe80::8be:aff:fed1:6/64 scope link proto kernel_ll \\       valid_lft forever
3: docker0    inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0\\       valid_lft forever
default via 10.20.0.1 dev eth0 proto static
10.20.0.0/20 dev eth0 proto kernel scope link src 10.20.3.4
169.254.169.254 via 10.20.0.1 dev eth0
172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown
unreachable 10.99.0.0/16 proto static
`;

describe('networks of a machine', () => {
  test('parseNetwork reads addresses and routes from the output of ip', () => {
    expect(parseNetwork(ipOutput)).toEqual({
      addresses: ['127.0.0.1', '10.20.3.4', 'fe80::8be:aff:fed1:6', '172.17.0.1'],
      routes: [
        { network: '10.20.0.0/20', device: 'eth0' },
        { network: '169.254.169.254', device: 'eth0' },
        { network: '172.17.0.0/16', device: 'docker0' },
      ],
    });
    expect(parseNetwork('sh: ip: not found\n')).toEqual({ addresses: [], routes: [] });
  });

  test.each([
    ['10.0.0.0/8', '10.20.0.0/20'],
    ['10.20.15.0/24', '10.20.0.0/20'],
    ['172.17.0.0/16', '172.17.0.0/16'],
    ['169.254.0.0/16', '169.254.169.254'],
    ['10.20.16.0/20', undefined],
    ['192.168.0.0/16', undefined],
    ['fd00::/64', undefined],
  ])('the first route that overlaps the pool %s is %s', (pool, network) => {
    expect(findOverlap(pool, parseNetwork(ipOutput).routes)?.network).toBe(network);
  });
});

test.each([
  [['10.30.0.0/16', '10.30.5.0/24']],
  [['10.30.5.0/24,10.30.0.0/16']],
  [['10.30.0.0/16', '10.31.0.0/16', '10.30.0.0/16']],
])('address pools that overlap are refused: %j', (addressPools) => {
  expect(() => createInitRequest({ addressPools }, undefined)).toThrow(
    /^--default-addr-pool: 10\.30\.\d\.0\/\d+ overlaps 10\.30\.\d\.0\/\d+$/,
  );
});

test.each([
  [['10.30.0.0/26'], undefined, '10.30.0.0/26 has no room', '24', '28'],
  [['10.30.0.0/16', '10.31.0.0/24'], 20, '10.31.0.0/24 has no room', '20', '28'],
  [['10.30.0.0/29'], undefined, '10.30.0.0/29 has no room', '24', '29'],
])('address pools smaller than a subnet are refused: %j, mask %s', (pools, mask, text, used, wanted) => {
  expect(() => createInitRequest({ addressPools: pools, addressPoolMask: mask }, undefined)).toThrow(
    expect.objectContaining({
      message: `--default-addr-pool: ${text} for a network of --default-addr-pool-mask-length ${used}`,
      hint: `--default-addr-pool-mask-length ${wanted}, or a larger pool`,
    }),
  );
});

test('an address pool of the size of one subnet is accepted', () => {
  const request = createInitRequest({ addressPools: ['10.30.0.0/24'] }, undefined);
  expect(request).toMatchObject({ DefaultAddrPool: ['10.30.0.0/24'], SubnetSize: 24 });
});

describe('parseDuration', () => {
  test.each([
    ['5s', 5e9],
    ['2160h0m0s', 2160 * 3600e9],
    ['1h30m', 5400e9],
    ['1.5h', 5400e9],
    ['.5s', 5e8],
    ['100ms', 1e8],
    ['7us', 7e3],
    ['7µs', 7e3],
    ['1ns', 1],
    ['0', 0],
  ])('parseDuration reads %s', (text, nanoseconds) => {
    expect(parseDuration(text, '--x')).toBe(nanoseconds);
  });

  test.each(['', '5', '30d', 's', '1h30', '-5s', '1h 30m', '5S', 'h1'])(
    'parseDuration refuses "%s"',
    (text) => {
      expect(() => parseDuration(text, '--x')).toThrow(`--x: invalid duration "${text}"`);
    },
  );

  test('property: parseDuration reads every duration that Go prints', () => {
    const nat = fc.integer({ min: 0, max: 10_000 });
    fc.assert(
      fc.property(nat, fc.nat(59), fc.nat(59), (h, m, s) => {
        expect(parseDuration(`${h}h${m}m${s}s`, '--x')).toBe(((h * 60 + m) * 60 + s) * 1e9);
      }),
    );
  });
});

describe('parseExternalCa', () => {
  const read = async (path: string): Promise<string> => `text of ${path}`;

  test('an external CA is parsed as docker does', async () => {
    expect(await parseExternalCa('protocol=cfssl,url=https://ca/sign', read)).toEqual({
      Protocol: 'cfssl',
      URL: 'https://ca/sign',
    });
    expect(await parseExternalCa('PROTOCOL=CFSSL,url=https://ca,CAcert=/ca.pem,Profile=x', read)).toEqual({
      Protocol: 'cfssl',
      URL: 'https://ca',
      CACert: 'text of /ca.pem',
      Options: { Profile: 'x' },
    });
  });

  test.each([
    ['cfssl', "invalid field 'cfssl' must be a key=value pair"],
    ['protocol=acme,url=x', 'unrecognized external CA protocol acme'],
    ['protocol=cfssl', 'missing url= parameter'],
  ])('the external CA %s is refused', async (text, message) => {
    await expect(parseExternalCa(text, read)).rejects.toMatchObject({
      name: 'UsageError',
      message: `--external-ca: ${message}`,
    });
  });
});

describe('createInitRequest', () => {
  const own = { advertise: '10.0.0.7', listen: '10.0.0.7:2377', dataPath: '10.0.0.7' };

  test("the request holds the machine's addresses and the default of docker's client", () => {
    expect(createInitRequest({}, own)).toEqual({
      ListenAddr: '10.0.0.7:2377',
      AdvertiseAddr: '10.0.0.7',
      DataPathAddr: '10.0.0.7',
      DefaultAddrPool: [],
      SubnetSize: 24,
      Spec: {},
    });
  });

  test('options override the addresses of the machine', () => {
    expect(
      createInitRequest(
        {
          advertiseAddress: 'eth1:4000',
          listenAddress: 'eth1',
          dataPathPort: 7777,
          addressPools: ['10.20.0.0/16,10.30.0.0/16', 'fd00::/64'],
          addressPoolMask: 25,
          autolock: true,
          availability: 'drain',
          certificateExpiry: '48h',
          dispatcherHeartbeat: '10s',
          maxSnapshots: 3,
          snapshotInterval: 100,
          taskHistoryLimit: 0,
          forceNewCluster: true,
        },
        own,
        [{ Protocol: 'cfssl', URL: 'https://ca' }],
      ),
    ).toEqual({
      ListenAddr: 'eth1:2377',
      AdvertiseAddr: 'eth1:4000',
      DataPathPort: 7777,
      DefaultAddrPool: ['10.20.0.0/16', '10.30.0.0/16', 'fd00::/64'],
      SubnetSize: 25,
      ForceNewCluster: true,
      Availability: 'drain',
      AutoLockManagers: true,
      Spec: {
        Orchestration: { TaskHistoryRetentionLimit: 0 },
        Raft: { KeepOldSnapshots: 3, SnapshotInterval: 100 },
        Dispatcher: { HeartbeatPeriod: 10e9 },
        CAConfig: { NodeCertExpiry: 48 * 3600e9, ExternalCAs: [{ Protocol: 'cfssl', URL: 'https://ca' }] },
        EncryptionConfig: { AutoLockManagers: true },
      },
    });
  });

  test.each([
    ['10.20.3.4/16', ['10.20.0.0/16']],
    [' 10.20.0.0/16 , fd00:0::7/64', ['10.20.0.0/16', 'fd00::/64']],
  ])('the address pool "%s" is sent as %j', (pool, expected) => {
    expect(createInitRequest({ addressPools: [pool] }, own)['DefaultAddrPool']).toEqual(expected);
  });

  test('a certificate expiry below an hour is refused', () => {
    expect(() => createInitRequest({ certificateExpiry: '59m' }, own)).toThrow(
      '--cert-expiry: 59m is too short: the minimum is 1h',
    );
    expect(createInitRequest({ certificateExpiry: '60m' }, own)).toMatchObject({
      Spec: { CAConfig: { NodeCertExpiry: 3600e9 } },
    });
  });

  test.each(['10.20.0.0', '10.20.0.0/40', 'fd00::', 'fd00::/129', 'eth0', ''])(
    'the address pool "%s" is refused',
    (pool) => {
      expect(() => createInitRequest({ addressPools: [pool] }, own)).toThrow(`invalid CIDR address: ${pool}`);
    },
  );
});
