import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { chunks } from '../../../../src/base/chunks.js';
import { templatesIn } from '../../../../src/base/templates.js';
import { create } from '../../../../src/drivers/amazonec2/create-instances.js';
import type { Ec2Context } from '../../../../src/drivers/amazonec2/ec2-context.js';
import { toEc2Error } from '../../../../src/drivers/amazonec2/ec2-errors.js';
import { parsePort, parseTags, readSettings } from '../../../../src/drivers/amazonec2/ec2-settings.js';
import { newest, userOf } from '../../../../src/drivers/amazonec2/find-image.js';
import { architectureOf, typeFor } from '../../../../src/drivers/amazonec2/instance-types.js';
import {
  addressesOf,
  addressKindOf,
  findInstance,
  instancesById,
  launchOf,
  locationOf,
} from '../../../../src/drivers/amazonec2/instances.js';
import { type LaunchSpec, planLaunch } from '../../../../src/drivers/amazonec2/launch.js';
import { machinesPerCall, userDataFor } from '../../../../src/drivers/amazonec2/user-data.js';
import { missingPermissions, zoneName } from '../../../../src/drivers/amazonec2/vpc-network.js';
import type { CreateRequest } from '../../../../src/drivers/driver.js';
import { builtInDrivers } from '../../../../src/drivers/registry.js';
import { parseSize } from '../../../../src/machines/model/sizes.js';
import { generateKeyPair } from '../../../../src/ssh/index.js';
import { fakeEc2, refusal } from '../../support/fake-ec2.js';

const { signal } = new AbortController();
const templates = templatesIn('templates');
const user = generateKeyPair('user');

function request(name: string): CreateRequest {
  const hostKey = generateKeyPair(name);
  return { name, ssh: { user: 'root', authorizedKey: user.publicKey, hostKey } };
}

function requests(count: number): CreateRequest[] {
  return Array.from({ length: count }, (_, index) => request(`a-rather-long-machine-name-${index}`));
}

function tagged(id: string, tags: Record<string, string>, more: object = {}) {
  return {
    InstanceId: id,
    State: { Name: 'running' as const },
    Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    ...more,
  };
}

test('ec2 is an alias of amazonec2', () => {
  expect(['ec2', 'amazonec2', 'nspawn', 'toString'].map(builtInDrivers.nameOf)).toEqual([
    'amazonec2',
    'amazonec2',
    'nspawn',
    'toString',
  ]);
});

describe('sizes', () => {
  test.each([
    ['512mb', 'amd64', 't3.nano'],
    ['513mb', 'amd64', 't3.micro'],
    ['1gb', 'arm64', 't4g.micro'],
    ['8192MB', 'amd64', 't3.large'],
    ['9gb', 'amd64', 'r6i.large'],
    ['1tb', 'amd64', 'r6i.32xlarge'],
    ['m7gd.2xlarge', 'amd64', 'm7gd.2xlarge'],
    ['u-6tb1.metal', 'amd64', 'u-6tb1.metal'],
  ] as const)('the size %s with %s is %s', (size, architecture, type) => {
    expect(typeFor(size, architecture)).toBe(type);
  });

  test('property: more memory never selects a type with less', () => {
    fc.assert(
      fc.property(
        fc.nat(512 * 1024 - 1),
        fc.nat(512 * 1024 - 1),
        fc.constantFrom('amd64', 'arm64'),
        (one, other, architecture) => {
          const order = [
            'nano',
            'micro',
            'small',
            'medium',
            'large',
            'xlarge',
            '2xlarge',
            '4xlarge',
            '8xlarge',
            '12xlarge',
            '16xlarge',
          ];
          const rank = (memory: number) => {
            const [family = '', step = ''] = typeFor(`${memory + 1}mb`, architecture).split('.');
            return (family.startsWith('r') ? 100 : 0) + order.indexOf(step);
          };
          const [less, more] = [one, other].sort((a, b) => a - b) as [number, number];
          return rank(less) <= rank(more);
        },
      ),
    );
  });

  test('the name of a type shows its architecture', () => {
    const arm = [
      't4g.nano',
      'a1.large',
      'm6gd.medium',
      'c7gn.xlarge',
      'im4gn.large',
      'x2gd.metal',
      'g5g.xlarge',
      'm6g-flex.large',
    ];
    expect(arm.filter((type) => architectureOf(type) !== 'arm64')).toEqual([]);
    const intel = [
      't3.nano',
      'g4dn.xlarge',
      'm5.large',
      'c6i.large',
      'p4d.24xlarge',
      'g5.xlarge',
      'i3en.large',
    ];
    expect(intel.filter((type) => architectureOf(type) !== 'amd64')).toEqual([]);
  });

  test.each(['', 'huge', '1.2', 't3', '.nano', 't3.', 'T3.nano', '../x.y'])(
    'the size "%s" is refused',
    (size) => {
      expect(() => typeFor(size, 'amd64')).toThrow(`"${size}" is not a size for amazonec2`);
      expect(parseSize(size)).toBeUndefined();
    },
  );
});

describe('settings', () => {
  test('tags are read in both forms, and reserved tags are refused', () => {
    expect(parseTags(['team', 'blue', 'env=prod', 'note', 'a=b'])).toEqual({
      team: 'blue',
      env: 'prod',
      note: 'a=b',
    });
    expect(() => parseTags(['team', 'blue', 'odd'])).toThrow('the setting tags has no value for "odd"');
    expect(() => parseTags(['belt:cluster-id', 'x'])).toThrow('the tag "belt:cluster-id" is reserved');
    expect(() => parseTags(['aws:x=y'])).toThrow('the tag "aws:x" is reserved');
  });

  test('ports are read with and without a protocol', () => {
    expect(['80', '53/udp', '65535/tcp'].map(parsePort)).toEqual([
      { port: 80, protocol: 'tcp' },
      { port: 53, protocol: 'udp' },
      { port: 65_535, protocol: 'tcp' },
    ]);
    for (const wrong of ['0', '65536', '80/sctp', '80-90', 'http'])
      expect(() => parsePort(wrong)).toThrow(`not "${wrong}"`);
  });

  test.each([
    [{ access_key: 'AKIA' }, 'AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together'],
    [{ allow_from: ['10.0.0.0/33'] }, 'the setting allow_from must list "me" or ranges'],
    [{ allow_from: ['everybody'] }, 'not "everybody"'],
    [{ architecture: 'x86' }, 'the setting architecture must be amd64 or arm64, not "x86"'],
    [{ endpoint: 'ftp://localhost' }, 'the setting endpoint must be an http:// or https:// address'],
    [
      { request_spot_instance: true, spot_price: 'cheap' },
      'the setting spot_price must be an amount of dollars like 0.05',
    ],
    [{ insecure_transport: true }, 'insecure_transport requires endpoint'],
    [{ ssh_keypath: 'k' }, 'ssh_keypath requires keypair_name, which identifies the key pair'],
    [{ root_size: 0 }, 'the setting root_size must be a whole number from 1 to 65536, not 0'],
  ])('the setting %j is refused', (values, message) => {
    expect(() => readSettings(values)).toThrow(message);
  });

  test('the scheme of an endpoint is optional', () => {
    expect(readSettings({ endpoint: 'localhost:5000' }).endpoint).toBe('https://localhost:5000');
    const insecure_transport = true;
    expect(readSettings({ endpoint: 'localhost:5000', insecure_transport }).endpoint).toBe(
      'http://localhost:5000',
    );
    expect(readSettings({ endpoint: 'https://ec2', insecure_transport }).endpoint).toBe('https://ec2');
  });

  test('a single address is a range of one', () => {
    expect(
      readSettings({ allow_from: ['me', '198.51.100.7', '2001:db8::/32', '2001:db8::1'] }).allowFrom,
    ).toEqual(['me', '198.51.100.7/32', '2001:db8::/32', '2001:db8::1/128']);
  });
});

describe('user data', () => {
  test('user data of a full call leaves room for the user’s own', async () => {
    const data = await userDataFor(
      requests(machinesPerCall),
      { own: `#!/bin/sh\n# ${'ab12'.repeat(500)}\n` },
      templates,
    );
    expect(data.length).toBeLessThanOrEqual(16 * 1024);
  });

  test('user data is a reproducible cloud-config with the name and key of each machine by its launch index', async () => {
    const some = requests(3);
    const data = await userDataFor(some, {}, templates);
    expect(await userDataFor(some, {}, templates)).toEqual(data);
    const config = parse(gunzipSync(data).toString()) as { bootcmd: string[]; ssh_authorized_keys: string[] };
    expect(config.ssh_authorized_keys).toEqual([user.publicKey]);
    const [script = ''] = config.bootcmd;
    for (const [index, { name, ssh }] of some.entries()) {
      const [, key = ''] = new RegExp(`^${index}\\) name=${name} key=(\\S+) ;;$`, 'm').exec(script) ?? [];
      expect(key).toBe(ssh.hostKey.privateKey.split('\n').slice(1, -2).join(''));
    }
  });

  test('the user’s own user data is a separate part, typed by its first line', async () => {
    const own = '#!/bin/sh\necho hello\n';
    const text = gunzipSync(await userDataFor(requests(1), { own }, templates)).toString();
    const [, boundary = ''] = /^Content-Type: multipart\/mixed; boundary="([^"]+)"/.exec(text) ?? [];
    const parts = text.split(`--${boundary}`).slice(1, -1);
    expect(parts.map((part) => /Content-Type: ([^;]+)/.exec(part)?.[1])).toEqual([
      'text/x-shellscript',
      'text/cloud-config',
    ]);
    expect(parts[0]).toContain(own);
    await expect(userDataFor(requests(1), { own: 'hello' }, templates)).rejects.toThrow(
      'is neither a script nor cloud-config',
    );
  });

  test('user data beyond the limit of EC2 is refused', async () => {
    const own = `#!/bin/sh\n${Array.from({ length: 20_000 }, (_, index) => Math.sin(index)).join('\n')}`;
    await expect(userDataFor(requests(1), { own }, templates)).rejects.toThrow(
      /has \d+ bytes; EC2 accepts 16384/,
    );
  });
});

describe('a launch', () => {
  const spec: LaunchSpec = {
    size: '512mb',
    type: 't3.nano',
    image: { id: 'ami-1', deviceName: '/dev/xvda', sshUser: 'admin' },
    subnet: { subnetId: 'subnet-1', vpcId: 'vpc-1' },
    groupIds: ['sg-1'],
    keyName: 'belt-x',
    settings: readSettings({ tags: ['team', 'blue'] }),
    cluster: { id: 'c1', name: 'x' },
  };
  const some = requests(2);
  const none = new Set<string>();

  test('a launch has the same token until the call differs or the token is used', () => {
    const plan = planLaunch(some, Buffer.from('data'), spec, none);
    expect(planLaunch(some, Buffer.from('data'), spec, none)).toEqual(plan);
    const others = [
      planLaunch(some.slice(1), Buffer.from('data'), spec, none),
      planLaunch(some, Buffer.from('other keys'), spec, none),
      planLaunch(some, Buffer.from('data'), { ...spec, type: 't3.micro' }, none),
      planLaunch(some, Buffer.from('data'), { ...spec, cluster: { id: 'c2', name: 'x' } }, none),
      planLaunch(some, Buffer.from('data'), { ...spec, settings: readSettings({ tags: ['a=b'] }) }, none),
      planLaunch(some, Buffer.from('data'), { ...spec, size: 't3.nano' }, none),
      planLaunch(some, Buffer.from('data'), spec, new Set([plan.token])),
    ];
    expect(new Set([plan.token, ...others.map(({ token }) => token)]).size).toBe(8);
    for (const { token } of others) expect(token).toMatch(/^[\x21-\x7e]{1,54}$/);
  });

  test('a launch sets tags, requires IMDSv2, and accepts partial capacity', () => {
    const { input, token } = planLaunch(some, Buffer.from('data'), spec, none);
    expect(input).toMatchObject({
      MinCount: 1,
      MaxCount: 2,
      ClientToken: token,
      MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    });
    const [instance, volume] = input.TagSpecifications ?? [];
    expect(instance).toEqual({
      ResourceType: 'instance',
      Tags: [
        { Key: 'belt', Value: 'true' },
        { Key: 'belt:cluster', Value: 'x' },
        { Key: 'belt:cluster-id', Value: 'c1' },
        { Key: 'belt:launch', Value: token },
        { Key: 'team', Value: 'blue' },
        { Key: 'belt:size', Value: '512mb' },
      ],
    });
    expect(volume?.ResourceType).toBe('volume');
  });

  describe('a used token', () => {
    const codes = ['IdempotentInstanceTerminated', 'IdempotentParameterMismatch'];

    /**
     * Launches two machines at an EC2 that refuses the first calls.
     * @returns the recorded tokens and those that were sent
     */
    async function launchAfter(refusals: readonly string[]) {
      const left = [...refusals];
      const sent: string[] = [];
      const recorded: string[] = [];
      const { api } = fakeEc2(({ action, input }) => {
        if (action === 'DescribeImages')
          return { Images: [{ ImageId: 'ami-1', Architecture: 'x86_64', RootDeviceName: '/dev/xvda' }] };
        if (action === 'DescribeInstances' && sent.length === 0) return {};
        if (action === 'CreateTags') return {};
        if (action === 'RunInstances') {
          sent.push(input.ClientToken);
          expect(recorded.at(-1)).toBe(input.ClientToken);
          const code = left.shift();
          if (code) throw refusal(code);
        }
        const Instances = [0, 1].map((AmiLaunchIndex) => ({
          ...tagged(`i-${AmiLaunchIndex}`, {}),
          AmiLaunchIndex,
          PrivateIpAddress: '10.0.0.1',
          PublicIpAddress: '203.0.113.1',
        }));
        return { Instances, Reservations: [{ Instances }] };
      });
      const ec2: Ec2Context = {
        settings: readSettings({}),
        cluster: { id: 'c1', name: 'x' },
        templates,
        api: async () => api,
        byLocation: async (machines) => [[api, [...machines]]],
        memoryOf: async () => new Map(),
        ownUserData: async () => undefined,
      };
      const { subnet, groupIds, keyName } = spec;
      const ends: string[] = [];
      for await (const event of create(ec2, requests(2), { subnet, groupIds, keyName }, signal)) {
        const launch = event.type === 'changed' ? launchOf(event.change) : undefined;
        if (launch) recorded.push(launch.token);
        if (event.type === 'done') ends.push('done');
        if (event.type === 'failed') ends.push(event.error.message);
      }
      return { sent, ends };
    }

    test.each(codes)('%s: the next token is recorded, then sent', async (code) => {
      const { sent, ends } = await launchAfter([code, code]);
      expect(ends).toEqual(['done', 'done']);
      expect(new Set(sent).size).toBe(3);
    });

    test('launching ends after the last token', async () => {
      const { sent, ends } = await launchAfter(Array(1000).fill(codes[0]));
      expect(sent.length).toBeLessThan(50);
      const message = 'EC2 in us-east-1: no (IdempotentInstanceTerminated)';
      expect(ends).toEqual([message, message]);
    });
  });

  test('property: chunks contain all items in order and never too many', () => {
    fc.assert(
      fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 9 }), (items, size) => {
        const parts = chunks(items, size);
        expect(parts.flat()).toEqual(items);
        expect(parts.every((part) => part.length > 0 && part.length <= size)).toBe(true);
      }),
    );
  });
});

describe('instances', () => {
  test('instances are found by id, then by name, then by their launch index', () => {
    const launch = { token: 't', index: 1, of: 3 };
    const instances = [
      tagged('i-1', { 'belt:launch': 't' }, { AmiLaunchIndex: 1 }),
      tagged('i-2', { 'belt:launch': 't', 'belt:machine': 'b' }, { AmiLaunchIndex: 1 }),
      tagged('i-3', { 'belt:machine': 'c' }, { State: { Name: 'terminated' } }),
    ];
    const find = (name: string, more: object = {}) => findInstance(instances, { name, ...more })?.InstanceId;
    expect(find('a', { id: 'i-3' })).toBe('i-3');
    expect(find('b')).toBe('i-2');
    expect(find('a', { driverData: { launch } })).toBe('i-1');
    expect(find('a', { driverData: { launch: { token: 't', index: 2, of: 3 } } })).toBeUndefined();
    expect(find('a', { driverData: { launch: null } })).toBeUndefined();
    expect(find('c')).toBeUndefined();
  });

  test('instances of docker-machine are found through its own records', () => {
    const driverData = { InstanceId: 'i-2', Region: 'eu-west-1', Endpoint: '' };
    const instances = [tagged('i-1', {}), tagged('i-2', { Name: 'old' })];
    expect(findInstance(instances, { name: 'old', driverData })?.InstanceId).toBe('i-2');
    expect(findInstance(instances, { name: 'old', id: 'i-1', driverData })?.InstanceId).toBe('i-1');
    expect(findInstance(instances, { name: 'old', driverData: { InstanceId: '' } })).toBeUndefined();
    expect(locationOf({ driverData })).toEqual({ region: 'eu-west-1' });
    expect(locationOf({ driverData: { ...driverData, region: 'us-east-2' } })).toEqual({
      region: 'us-east-2',
    });
    expect(addressKindOf({ driverData })).toBe('public');
    expect(addressKindOf({ driverData: { PrivateIPOnly: true } })).toBe('private');
    expect(addressKindOf({ driverData: { UsePrivateIP: true } })).toBe('private');
    expect(addressKindOf({ driverData: { UsePrivateIP: true, reach: 'public' } })).toBe('public');
  });

  test.each([
    ['https://ec2.example.org/', false, 'https://ec2.example.org/'],
    ['http://ec2.example.org', false, 'http://ec2.example.org'],
    ['ec2.example.org:8773', false, 'https://ec2.example.org:8773'],
    ['ec2.example.org:8773', true, 'http://ec2.example.org:8773'],
  ])('docker-machine’s endpoint %s with DisableSSL %s is %s', (Endpoint, DisableSSL, endpoint) => {
    expect(locationOf({ driverData: { Endpoint, DisableSSL } })).toEqual({ endpoint });
    expect(locationOf({ driverData: { Endpoint, DisableSSL, endpoint: 'http://own' } }).endpoint).toBe(
      'http://own',
    );
  });

  test('instances are requested two hundred per filter', async () => {
    const { api, calls } = fakeEc2(({ input }) => ({
      Reservations: [{ Instances: input.Filters[0].Values.map((id: string) => tagged(id, {})) }],
    }));
    const ids = Array.from({ length: 401 }, (_, index) => `i-${index}`);
    const found = await instancesById(api, ids, signal);
    expect(found.map(({ InstanceId }) => InstanceId)).toEqual(ids);
    expect(calls.map(({ input }) => input.Filters[0].Values.length)).toEqual([200, 200, 1]);
    expect(await instancesById(api, [], signal)).toEqual([]);
    expect(calls).toHaveLength(3);
  });

  test('addresses are undefined until the instance has the address that belt connects to', () => {
    const both = { PublicIpAddress: '203.0.113.1', PrivateIpAddress: '10.0.0.1' };
    expect(addressesOf(both, 'public')).toEqual({ public: '203.0.113.1', private: '10.0.0.1' });
    expect(addressesOf(both, 'private')).toEqual({ private: '10.0.0.1' });
    expect(addressesOf({ PrivateIpAddress: '10.0.0.1' }, 'public')).toBeUndefined();
    expect(addressesOf({}, 'private')).toBeUndefined();
  });
});

test('existing rules of a security group are not added again', () => {
  const settings = readSettings({});
  const esp = { IpProtocol: '50' };
  const UserIdGroupPairs = [{ GroupId: 'sg-1' }];
  const all = missingPermissions({ GroupId: 'sg-1' }, settings, ['198.51.100.7/32']);
  expect(all).toHaveLength(7);
  expect(all).toContainEqual({ ...esp, FromPort: -1, ToPort: -1, UserIdGroupPairs });
  const existing = all.map((rule) => (rule.IpProtocol === '50' ? { ...esp, UserIdGroupPairs } : rule));
  expect(
    missingPermissions({ GroupId: 'sg-1', IpPermissions: existing }, settings, ['198.51.100.7/32']),
  ).toEqual([]);
  expect(
    missingPermissions({ GroupId: 'sg-1', IpPermissions: existing }, settings, ['198.51.100.7/32', '::/0']),
  ).toEqual([
    { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
    { IpProtocol: 'tcp', FromPort: 2376, ToPort: 2376, Ipv6Ranges: [{ CidrIpv6: '::/0' }] },
  ]);
});

test('the newest image is used, and its name shows the SSH user', () => {
  const older = { ImageId: 'a', Name: 'debian-13-amd64-20250806-2196', CreationDate: '2025-08-06T00:00:00Z' };
  const newer = { ImageId: 'b', Name: 'debian-13-amd64-20251006-2257', CreationDate: '2025-10-06T00:00:00Z' };
  expect(newest([older, newer])).toBe(newer);
  expect(newest([newer, older])).toBe(newer);
  expect(newest([])).toBeUndefined();
  expect(userOf(older)).toBe('admin');
  expect(userOf({ Name: 'ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251001' })).toBe(
    'ubuntu',
  );
  expect(userOf({ Name: 'al2023-ami-2023.6.20250101' })).toBe('ec2-user');
});

test('a zone is a letter or a full name', () => {
  expect(zoneName({ region: 'eu-west-1' }, 'b')).toBe('eu-west-1b');
  expect(zoneName({ region: 'eu-west-1' }, 'eu-west-1c')).toBe('eu-west-1c');
});

describe('errors', () => {
  test.each([
    ['UnauthorizedOperation', 'docs/drivers/amazonec2.md lists the permissions'],
    ['VcpuLimitExceeded', 'request a higher quota'],
    ['InsufficientInstanceCapacity', 'choose another zone or size'],
    ['InvalidAMIID.NotFound', 'omit --amazonec2-ami'],
    ['AuthFailure', 'check AWS_ACCESS_KEY_ID'],
    ['ExpiredToken', 'aws sso login'],
    ['RequestLimitExceeded', '--amazonec2-retries'],
  ])('%s has a hint', (name, hint) => {
    const error = toEc2Error(refusal(name, 'no'), 'eu-west-1');
    expect(error.message).toBe(`EC2 in eu-west-1: no (${name})`);
    expect((error as { hint?: string }).hint).toContain(hint);
  });

  test('invalid credentials are not reported as missing', () => {
    const text = 'AWS was not able to validate the provided access credentials';
    const error = toEc2Error(refusal('AuthFailure', text), 'eu-west-1');
    expect(error.message).toBe(`EC2 in eu-west-1: ${text} (AuthFailure)`);
    expect((error as { hint?: string }).hint).toContain('check AWS_ACCESS_KEY_ID');
  });

  test('missing credentials, an unreachable network and an abort are distinguished', () => {
    const none = toEc2Error(
      Object.assign(new Error('Could not load credentials from any providers'), {
        name: 'CredentialsProviderError',
      }),
      'x',
    );
    expect(none.message).toBe('AWS credentials not found');
    const refused = toEc2Error(
      Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' }),
      'x',
    );
    expect(refused.message).toBe('cannot connect to EC2 in x: connect ECONNREFUSED 127.0.0.1:9');
    expect(toEc2Error(Object.assign(new Error('Request aborted'), { name: 'AbortError' }), 'x').name).toBe(
      'AbortError',
    );
  });

  test('errors contain nothing of the request', () => {
    const error = Object.assign(refusal('AuthFailure', 'no'), {
      $response: { headers: { authorization: 'secret' } },
    });
    expect(JSON.stringify(toEc2Error(error, 'x'), Object.getOwnPropertyNames(error))).not.toContain('secret');
    expect(toEc2Error(error, 'x').cause).toBeUndefined();
  });
});
