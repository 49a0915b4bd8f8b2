import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  DescribeInstancesCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  ImportKeyPairCommand,
  type Instance,
  RunInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { templatesIn } from '../../src/base/templates.js';
import { driver } from '../../src/drivers/amazonec2/index.js';
import type { CreateRequest, Driver, MachineEvent, SettingValues } from '../../src/drivers/driver.js';
import { firstBootInstaller } from '../../src/engine/first-boot-installer.js';
import { applyChange } from '../../src/machines/driver-events.js';
import type { Machine } from '../../src/machines/model/machine.js';
import { generateKeyPair } from '../../src/ssh/index.js';
import { checkUserData, type Moto, mergedConfig, startMoto } from '../lab/ec2/moto.js';
import { type Ec2, startProxy } from '../lab/ec2/proxy.js';
import { credentials, makeSubnet, openAccount } from '../lab/ec2/vpc.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/**
 * The driver against the real moto, without guests: its requests to EC2 and how it handles EC2's
 * behavior.
 */

const { signal } = new AbortController();
const userKey = generateKeyPair('belt test');
const installEngine = (await firstBootInstaller([], { templates: templatesIn('templates') })) ?? '';
let moto: Moto;
let ec2: Ec2;
let account: EC2Client;
let subnet = '';
let clusters = 0;

describe.skipIf(!canCreateMachines())('the amazonec2 driver', () => {
  beforeAll(async () => {
    moto = await startMoto();
    ec2 = await startProxy(moto.url);
    account = openAccount(moto.url);
    subnet = await makeSubnet(account, '10.77.0.0/16');
  });

  afterAll(async () => {
    account?.destroy();
    await ec2?.close();
    await moto?.stop();
  });

  test('create launches forty machines with one call and polls them together', async () => {
    const it = await open();
    const before = ec2.calls.length;
    await it.create(names(40), { size: '512mb' });
    const calls = ec2.calls.slice(before);
    const count = (action: string) => calls.filter((call) => call.action === action).length;
    expect(it.outcomes).toEqual(Object.fromEntries(names(40).map((name) => [name, 'done'])));
    expect(count('RunInstances')).toBe(1);
    expect(count('CreateTags')).toBe(40);
    expect(count('DescribeInstances')).toBeLessThanOrEqual(3);
    const launch = calls.find(({ action }) => action === 'RunInstances')?.params;
    expect(Object.fromEntries(launch ?? [])).toMatchObject({
      InstanceType: 't3.nano',
      ImageId: 'ami-0deb1300000000002',
      MinCount: '1',
      MaxCount: '40',
      'MetadataOptions.HttpTokens': 'required',
      'BlockDeviceMapping.1.DeviceName': '/dev/xvda',
      'BlockDeviceMapping.1.Ebs.VolumeSize': '16',
      'NetworkInterface.1.SubnetId': subnet,
    });

    const instances = await it.instances();
    expect(instances.map((one) => `node${(one.AmiLaunchIndex ?? -1) + 1}`)).toEqual(
      instances.map((one) => tag(one, 'Name')),
    );
    for (const one of instances) {
      expect(tag(one, 'belt:cluster-id')).toBe(it.cluster.id);
      const machine = it.records.get(tag(one, 'belt:machine') ?? '');
      expect(machine).toMatchObject({
        id: one.InstanceId,
        addresses: { public: one.PublicIpAddress, private: one.PrivateIpAddress },
        ssh: { user: 'admin', port: 22 },
        memory: 512,
      });
    }

    const callsBefore = ec2.count('DescribeInstances');
    const listed = await it.driver.list(it.machines(), signal);
    expect(ec2.count('DescribeInstances') - callsBefore).toBe(1);
    expect(await it.driver.plan?.([{ name: 'node41', size: '512mb' }], signal)).toEqual([
      { name: 'node41', size: 't3.nano', memory: 512, image: 'debian-13', region: 'us-east-1' },
    ]);
    expect(await it.driver.sizes?.(signal)).toContainEqual({ name: 't3.nano', memory: 512, cpus: 2 });
    expect(await it.driver.regions?.(signal)).toContainEqual({ name: 'us-east-1', available: true });
    expect(new Set(listed.map(({ state }) => state))).toEqual(new Set(['running']));
    expect(listed.map(({ size }) => size)).toEqual(Array(40).fill('512mb'));
  });

  test('each lifecycle operation makes one call for all machines', async () => {
    const it = await open();
    await it.create(names(5));
    const verb = async (action: string, events: AsyncIterable<MachineEvent>) => {
      const before = ec2.count(action);
      await it.follow(events);
      expect(it.outcomes).toEqual(Object.fromEntries(names(5).map((name) => [name, 'done'])));
      expect(ec2.count(action) - before, action).toBe(1);
    };
    await verb('StopInstances', it.driver.stop(it.machines(), signal));
    expect(await it.states()).toEqual(Array(5).fill('stopped'));
    await it.follow(it.driver.stop(it.machines(), signal));
    await verb('StartInstances', it.driver.start(it.machines(), signal));
    expect(await it.states()).toEqual(Array(5).fill('running'));
    await verb('StopInstances', it.driver.kill(it.machines(), signal));
    await verb('StartInstances', it.driver.start(it.machines(), signal));
    const { driver } = it;
    const [first, ...others] = it.machines() as [Machine, ...Machine[]];
    await verb('RebootInstances', (driver as Required<Driver>).restart([first, ...others], signal));
    await it.follow(driver.stop([first], signal));
    const starts = ec2.count('StartInstances');
    await verb('RebootInstances', (driver as Required<Driver>).restart(it.machines(), signal));
    expect(ec2.count('StartInstances') - starts).toBe(1);
    expect(await it.states()).toEqual(Array(5).fill('running'));
    const before = ec2.count('StopInstances');
    await verb('StartInstances', it.driver.resize(it.machines(), '2gb', signal));
    expect(ec2.count('StopInstances') - before).toBe(1);
    expect((await it.instances())[0]?.InstanceType).toBe('t3.small');
    expect(it.machines()[0]).toMatchObject({ size: '2gb', memory: 2048 });
    await verb('TerminateInstances', it.driver.remove(it.machines(), signal));
    expect(await it.states()).toEqual(Array(5).fill('missing'));
    await it.follow(it.driver.remove(it.machines(), signal));
    expect(Object.values(it.outcomes)).toEqual(Array(5).fill('done'));
  });

  test('settings are passed to RunInstances', async () => {
    const it = await open({
      placement_group: 'near',
      monitoring: true,
      use_ebs_optimized_instance: true,
      private_address_only: true,
      root_size: 20,
      volume_type: 'gp2',
      tags: ['team', 'web'],
    });
    await it.create(['node1']);
    expect(it.outcomes).toEqual({ node1: 'done' });
    const { params } = ec2.calls.findLast(({ action }) => action === 'RunInstances') ?? {};
    expect(Object.fromEntries(params ?? [])).toMatchObject({
      'Placement.GroupName': 'near',
      'Placement.Tenancy': 'default',
      'Monitoring.Enabled': 'true',
      EbsOptimized: 'true',
      'NetworkInterface.1.AssociatePublicIpAddress': 'false',
      'BlockDeviceMapping.1.Ebs.VolumeSize': '20',
      'BlockDeviceMapping.1.Ebs.VolumeType': 'gp2',
    });
    const [instance] = await it.instances();
    expect(instance && tag(instance, 'team')).toBe('web');
    expect(it.machines()[0]?.addresses).toEqual({ private: instance?.PrivateIpAddress });

    const withRole = await open({ iam_instance_profile: 'nodes' });
    await withRole.create(['node1']);
    // The account has no such profile.
    expect(withRole.outcomes['node1']).toContain('NoSuchEntity');
    const last = ec2.calls.findLast(({ action }) => action === 'RunInstances');
    expect(last?.params.get('IamInstanceProfile.Name')).toBe('nodes');
  });

  test('an existing key pair is used with its private key', async () => {
    await account.send(
      new ImportKeyPairCommand({ KeyName: 'mine', PublicKeyMaterial: Buffer.from(userKey.publicKey) }),
    );
    const it = await open({ keypair_name: 'mine', ssh_keypath: 'mine.pem' });
    await it.create(['node1']);
    expect(it.machines()[0]?.ssh).toEqual({ user: 'admin', port: 22, keyPath: '/here/mine.pem' });
    expect((await it.instances())[0]?.KeyName).toBe('mine');
    expect(await it.keyPairs()).toEqual([]);
    const found = await (it.driver as Required<Driver>).discover(signal);
    expect(found.find(({ cluster }) => cluster.id === it.cluster.id)?.ssh.keyPath).toBe('/here/mine.pem');
  });

  test('discover finds the machines of all clusters', async () => {
    const one = await open({ private_address_only: true });
    await one.create(names(2), { size: '1gb' });
    const other = await open();
    await other.create(['node1']);
    await other.follow(other.driver.stop(other.machines(), signal));
    // belt was killed before it could name the instance.
    const nameless = await open();
    await nameless.create(['lost'], { killedAfter: 4 });
    const discover = (it: Opened) => (it.driver as Required<Driver>).discover(signal);
    const found = (await discover(other)).filter(({ cluster: { id } }) =>
      [one, other, nameless].some(({ cluster }) => cluster.id === id),
    );
    expect(found.map(({ name, state, cluster: { id } }) => [name, state, id]).sort()).toEqual(
      [
        ['node1', 'running', one.cluster.id],
        ['node1', 'stopped', other.cluster.id],
        ['node2', 'running', one.cluster.id],
      ].sort(),
    );
    const [expected] = one.machines();
    expect(found.find(({ id }) => id === expected?.id)).toMatchObject({
      cluster: one.cluster,
      size: '1gb',
      memory: 1024,
      addresses: expected?.addresses,
      ssh: { user: 'admin', port: 22 },
      driverData: { region: 'us-east-1', reach: 'private', image: expected?.driverData['image'] },
    });
  });

  test('snapshots become tagged images, which can be removed', async () => {
    const it = await open();
    await it.create(names(2));
    const driver = it.driver as Required<Driver>;
    const requests = it
      .machines()
      .map((machine) => ({ machine, imageName: `base-${machine.name}-${it.cluster.id}` }));
    const snapshots = [];
    for await (const event of driver.snapshot(requests, signal)) {
      if (event.type === 'kept') snapshots.push(event);
    }
    expect(snapshots.map(({ name }) => name).sort()).toEqual(['node1', 'node2']);
    const listed = await driver.images.list(signal);
    expect(listed.map(({ name }) => name).sort()).toEqual(requests.map(({ imageName }) => imageName));

    const other = await open({ ami: snapshots[0]?.id ?? '' });
    await other.create(['other']);
    expect(other.machines()[0]).toMatchObject({
      ssh: { user: 'admin' },
      driverData: { image: snapshots[0]?.id },
    });

    await driver.images.remove(requests[0]?.imageName ?? '', signal);
    await driver.images.remove(snapshots.find(({ name }) => name === 'node2')?.id ?? '', signal);
    expect(await driver.images.list(signal)).toEqual([]);
    await expect(driver.images.remove('base', signal)).rejects.toThrow('belt created no image "base"');
  });

  test('resize keeps stopped machines stopped', async () => {
    const it = await open();
    await it.create(names(2));
    const [one, two] = it.machines() as [Machine, Machine];
    await it.follow(it.driver.stop([one], signal));
    await it.follow(it.driver.resize([one, two], 't3.large', signal));
    expect(await it.states()).toEqual(['stopped', 'running']);
    expect((await it.instances()).map(({ InstanceType }) => InstanceType)).toEqual(['t3.large', 't3.large']);
    await it.follow(it.driver.resize([one, two], 't4g.large', signal));
    expect(it.outcomes['node1']).toMatch(/^t4g\.large does not match i-\w+, which has architecture amd64$/);
  });

  test('the security group is created once, opens swarm ports only to itself, and is removed with the last machine', async () => {
    const it = await open({ allow_from: ['198.51.100.0/24', '2001:db8::1'], open_port: ['80', '53/udp'] });
    await it.create(names(1));
    const before = ec2.count('AuthorizeSecurityGroupIngress');
    await it.create(['other']);
    expect(ec2.count('AuthorizeSecurityGroupIngress')).toBe(before);
    expect(await it.groups()).toEqual([
      [
        '50 -1 itself',
        'tcp 22 198.51.100.0/24 2001:db8::1/128',
        'tcp 2376 198.51.100.0/24 2001:db8::1/128',
        'tcp 2377 itself',
        'tcp 7946 itself',
        'tcp 80 198.51.100.0/24 2001:db8::1/128',
        'udp 4789 itself',
        'udp 53 198.51.100.0/24 2001:db8::1/128',
        'udp 7946 itself',
      ],
    ]);
    expect(await it.keyPairs()).toHaveLength(1);
    const [one, other] = it.machines() as [Machine, Machine];
    await it.follow(it.driver.remove([one], signal));
    expect(await it.groups()).toHaveLength(1);
    await it.follow(it.driver.remove([other], signal));
    expect(await it.groups()).toEqual([]);
    expect(await it.keyPairs()).toEqual([]);
  });

  test('shared resources are removed even if belt did not terminate the instances', async () => {
    const it = await open();
    await it.create(names(2));
    const ids = it.machines().map(({ id = '' }) => id);
    await account.send(new TerminateInstancesCommand({ InstanceIds: ids }));
    // belt was killed before it could record the region of the second one.
    const [one, two] = it.machines() as [Machine, Machine];
    const before = ec2.count('DeleteKeyPair');
    await it.follow(it.driver.remove([one, { ...two, driverData: {} }], signal));
    expect(it.outcomes).toEqual({ node1: 'done', node2: 'done' });
    expect(await it.groups()).toEqual([]);
    expect(await it.keyPairs()).toEqual([]);
    expect(ec2.count('DeleteKeyPair') - before).toBe(1);
  });

  test('machines without a recorded region are listed with the others', async () => {
    const it = await open();
    await it.create(names(2));
    const [one, two] = it.machines() as [Machine, Machine];
    const before = ec2.count('DescribeInstances');
    const listed = await it.driver.list([one, { ...two, driverData: {} }], signal);
    expect(listed.map(({ name, state }) => `${name} ${state}`)).toEqual(['node1 running', 'node2 running']);
    expect(ec2.count('DescribeInstances') - before).toBe(1);
  });

  test.each(['private_address_only', 'use_private_address'])('with %s, "me" is the VPC', async (setting) => {
    const it = await open({ allow_from: ['me'], [setting]: true });
    await it.create(names(1));
    const [rules] = await it.groups();
    expect(rules).toContain('tcp 22 10.77.0.0/16');
    expect(rules).toContain('tcp 2376 10.77.0.0/16');
    const [instance] = await it.instances();
    expect(it.machines()[0]?.addresses).toEqual({ private: instance?.PrivateIpAddress });
  });

  test('create waits until EC2 lists new instances', async () => {
    const it = await open();
    ec2.fail({ action: 'CreateTags', kind: 'unknown', times: 3 });
    ec2.fail({ action: 'DescribeInstances', kind: 'blind', times: 3 });
    ec2.fail({ action: 'RunInstances', kind: 'throttled', times: 2 });
    await it.create(names(3));
    expect(it.outcomes).toEqual({ node1: 'done', node2: 'done', node3: 'done' });
    expect(await it.instances()).toHaveLength(3);
  });

  test('create launches as many machines as there is capacity for, and a rerun launches the rest', async () => {
    const it = await open();
    ec2.fail({ action: 'RunInstances', kind: 'full', room: 2, times: 1 });
    await it.create(names(4));
    const short = 'EC2 in us-east-1 had capacity for 2 of 4 machines of type t3.micro';
    expect(it.outcomes).toEqual({ node1: 'done', node2: 'done', node3: short, node4: short });
    ec2.fail({ action: 'RunInstances', kind: 'full', room: 0, times: 10 });
    await it.create(['node3', 'node4']);
    expect(it.outcomes['node3']).toContain('InsufficientInstanceCapacity');
    ec2.forgive();
    await it.create(names(4));
    expect(it.outcomes).toEqual(Object.fromEntries(names(4).map((name) => [name, 'done'])));
    expect((await it.instances()).map((one) => tag(one, 'Name')).sort()).toEqual(names(4));
  });

  test('on-demand instances replace missing spot capacity', async () => {
    const it = await open({ request_spot_instance: true, spot_fallback: true, spot_price: '0.01' });
    ec2.fail({ action: 'RunInstances', kind: 'full', room: 0, times: 6 });
    const before = ec2.count('RunInstances');
    await it.create(names(2));
    expect(Object.values(it.outcomes)).toEqual(['done', 'done']);
    const calls = ec2.calls.filter(({ action }) => action === 'RunInstances').slice(before);
    expect(calls[0]?.params.get('InstanceMarketOptions.MarketType')).toBe('spot');
    expect(calls.at(-1)?.params.get('InstanceMarketOptions.MarketType')).toBeNull();
  });

  test('on-demand instances complete partial spot capacity', async () => {
    const it = await open({ request_spot_instance: true, spot_fallback: true });
    ec2.fail({ action: 'RunInstances', kind: 'full', room: 1, times: 1 });
    await it.create(names(3));
    expect(it.outcomes).toEqual({ node1: 'done', node2: 'done', node3: 'done' });
    const kinds = (await it.instances()).map(
      (one) => `${tag(one, 'Name')} ${one.InstanceLifecycle ?? 'on-demand'}`,
    );
    expect(kinds.sort()).toEqual(['node1 spot', 'node2 on-demand', 'node3 on-demand']);
  });

  test('spot instances fail to stop without affecting other machines', async () => {
    const it = await open({ request_spot_instance: true, spot_fallback: true });
    ec2.fail({ action: 'RunInstances', kind: 'full', room: 1, times: 1 });
    await it.create(names(3));
    const id = it.records.get('node1')?.id;
    const outcomes = {
      node1: `${id} is a spot instance and cannot be stopped`,
      node2: 'done',
      node3: 'done',
    };
    await it.follow(it.driver.stop(it.machines(), signal));
    expect(it.outcomes).toEqual(outcomes);
    expect(await it.states()).toEqual(['running', 'stopped', 'stopped']);
    await it.follow(it.driver.start(it.machines(), signal));
    await it.follow(it.driver.kill(it.machines(), signal));
    expect(it.outcomes).toEqual(outcomes);
    await it.follow(it.driver.start(it.machines(), signal));
    await it.follow(it.driver.resize(it.machines(), 't3.large', signal));
    expect(it.outcomes).toEqual(outcomes);
    expect(await it.states()).toEqual(['running', 'running', 'running']);
    expect(it.last.get('node1')).toMatchObject({ error: { hint: expect.stringContaining('belt rm node1') } });
    await it.follow(it.driver.resize(it.machines(), 't3.micro', signal));
    expect(it.outcomes['node1']).toBe('done');
  });

  test('a lost response is requested again with the same token', async () => {
    const it = await open();
    ec2.fail({ action: 'RunInstances', kind: 'lost', times: 2 });
    await it.create(names(3));
    expect(Object.values(it.outcomes)).toEqual(['done', 'done', 'done']);
    expect(await it.instances()).toHaveLength(3);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'the response to `RunInstances` is lost',
      tried: 2,
    });
  });

  test('instances of a call without a response are found by their tag', async () => {
    const it = await open({ retries: 0 });
    ec2.fail({ action: 'RunInstances', kind: 'lost', times: 1 });
    await it.create(names(3));
    expect(Object.values(it.outcomes)).toEqual(['done', 'done', 'done']);
    expect(await it.instances()).toHaveLength(3);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'no response to `RunInstances` arrives',
    });
  });

  test('create launches no duplicates when it is killed after any event and rerun', async () => {
    const whole = await open();
    const all = await whole.create(names(2));
    for (let killedAfter = 1; killedAfter <= all; killedAfter += 1) {
      const it = await open();
      await it.create(names(2), { killedAfter });
      // EC2 may list new instances late.
      ec2.fail({ action: 'DescribeInstances', kind: 'blind', times: killedAfter % 2 });
      await it.create(names(2));
      ec2.forgive();
      expect(it.outcomes, `killed after ${killedAfter} of ${all}`).toEqual({
        node1: 'done',
        node2: 'done',
      });
      const instances = await it.instances();
      expect(instances.map((one) => tag(one, 'Name')).sort()).toEqual(names(2));
      expect(it.machines().map(({ id }) => id)).toEqual(
        names(2).map((name) => instances.find((one) => tag(one, 'Name') === name)?.InstanceId),
      );
    }
  }, 300_000);

  test('create launches no duplicates when some machines were complete before it was killed', async () => {
    const it = await open();
    await it.create(names(4), { killedAfter: 14 });
    await it.create(['node1', 'node2']);
    await it.create(names(4));
    expect((await it.instances()).map((one) => tag(one, 'Name')).sort()).toEqual(names(4));
  });

  test('create replaces an instance that was terminated before the rerun', async () => {
    const it = await open();
    await it.create(names(2), { killedAfter: 9 });
    const ids = (await it.instances()).map(({ InstanceId = '' }) => InstanceId);
    expect(ids).toHaveLength(2);
    await account.send(new TerminateInstancesCommand({ InstanceIds: ids }));
    await it.create(names(2));
    expect(Object.values(it.outcomes)).toEqual(['done', 'done']);
    const after = (await it.instances()).map(({ InstanceId }) => InstanceId);
    expect(after).toHaveLength(2);
    expect(after.filter((id) => ids.includes(id ?? ''))).toEqual([]);
  });

  test('create starts an instance that was stopped before the rerun', async () => {
    const it = await open();
    await it.create(names(1));
    await account.send(new StopInstancesCommand({ InstanceIds: [it.machines()[0]?.id ?? ''] }));
    await it.create(names(1));
    expect(it.outcomes).toEqual({ node1: 'done' });
    expect(await it.states()).toEqual(['running']);
  });

  test('list contains strays by name, or by id if they have none', async () => {
    const it = await open();
    await it.create(names(2));
    const strays = await it.driver.list([], signal);
    expect(strays.map(({ name }) => name).sort()).toEqual(names(2));
    expect(strays[0]?.driverData).toEqual({ region: 'us-east-1', endpoint: ec2.url });
    await it.driver.check(it.machines(), signal);
    await expect(it.driver.check([{ name: 'node3' }, { name: 'node2' }], signal)).rejects.toMatchObject({
      message: 'EC2 has an instance node2 of this cluster without a record',
      hint: expect.stringContaining('belt gc -d amazonec2'),
    });
    const nameless = await open();
    ec2.fail({ action: 'CreateTags', kind: 'refused', times: 5 });
    await nameless.create(names(1)).catch(() => {});
    ec2.forgive();
    const [instance] = await nameless.instances();
    expect((await nameless.driver.list([], signal)).map(({ name }) => name)).toEqual([instance?.InstanceId]);
    expect((await nameless.driver.list(nameless.machines(), signal)).map(({ name }) => name)).toEqual([
      'node1',
    ]);
  });

  test('an instance of docker-machine is found by its id in its region', async () => {
    const it = await open({ region: 'eu-west-1', endpoint: 'http://127.0.0.1:9', retries: 0 });
    const { Instances = [] } = await account.send(
      new RunInstancesCommand({
        ImageId: 'ami-0deb1300000000002',
        MinCount: 1,
        MaxCount: 1,
        SubnetId: subnet,
      }),
    );
    const [instance] = Instances;
    const InstanceId = instance?.InstanceId ?? '';
    const driverData = { InstanceId, Region: 'us-east-1', Endpoint: ec2.url, UsePrivateIP: true };
    it.records.set('old', { ...blank('old'), phase: 'ready', driverData });
    const verb = async (events: AsyncIterable<MachineEvent>, state: string) => {
      await it.follow(events);
      expect(it.outcomes).toEqual({ old: 'done' });
      expect(await it.states()).toEqual([state]);
    };
    const addresses = { private: instance?.PrivateIpAddress };
    expect(await it.driver.list(it.machines(), signal)).toEqual([
      { name: 'old', state: 'running', id: InstanceId, addresses },
    ]);
    await verb(it.driver.stop(it.machines(), signal), 'stopped');
    await verb(it.driver.start(it.machines(), signal), 'running');
    expect(it.machines()[0]?.addresses).toEqual(addresses);
    await verb(it.driver.kill(it.machines(), signal), 'stopped');
    await verb(it.driver.resize(it.machines(), 't3.large', signal), 'stopped');
    await verb(it.driver.remove(it.machines(), signal), 'missing');
    const command = new DescribeInstancesCommand({ InstanceIds: [InstanceId] });
    const { Reservations = [] } = await account.send(command);
    expect(Reservations[0]?.Instances?.[0]?.State?.Name).toBe('terminated');
  });

  test.each([
    [{ size: '2000tb' }, {}, 'no instance type for 2000tb: amazonec2 chooses types up to 1024gb'],
    [{ size: 'huge' }, {}, '"huge" is not a size for amazonec2'],
    [{ size: 'zz9.huge' }, {}, 'us-east-1 has no instance type zz9.huge'],
    [{}, { ami: 'windows' }, '"windows" is not an image for amazonec2'],
    [
      {},
      { ami: 'debian-12', architecture: 'arm64', instance_type: 't4g.nano' },
      'no image debian-12 for arm64 in us-east-1',
    ],
    [
      {},
      { ami: 'ami-0deb1300000000003' },
      'the image ami-0deb1300000000003 is for arm64, the instance type for amd64',
    ],
    [{}, { ami: 'ami-0123456789abcdef0' }, /EC2 in us-east-1: .*InvalidAMIID\.NotFound/],
    [{}, { subnet_id: 'subnet-0123' }, /EC2 in us-east-1: .*InvalidSubnetID\.NotFound/],
    [{}, { subnet_id: '', zone: 'q' }, 'the default VPC has no subnet in us-east-1q'],
    [
      {},
      { endpoint: 'http://127.0.0.1:9', retries: 0 },
      /^cannot connect to EC2 in us-east-1: .*ECONNREFUSED/,
    ],
    [{}, { userdata: '/nowhere' }, /^the setting userdata: ENOENT/],
  ] as [object, SettingValues, string | RegExp][])(
    'check refuses %j with %j and creates nothing',
    async (wish, settings, message) => {
      const it = await open(settings);
      const before = ec2.count('RunInstances');
      await expect(it.driver.check([{ name: 'node1', ...wish }], signal)).rejects.toThrow(message);
      expect(ec2.count('RunInstances')).toBe(before);
    },
  );

  test('cloud-init accepts the user data', async () => {
    const it = await open({ engine_at_first_boot: true });
    await it.create(names(2));
    const launch = ec2.calls.findLast(({ action }) => action === 'RunInstances');
    const sent = gunzipSync(Buffer.from(launch?.params.get('UserData') ?? '', 'base64')).toString();
    expect(sent).toContain('runcmd: [["/bin/sh","-c"');
    expect(await checkUserData('two', sent)).toMatch(/^Valid schema/);
    await expect(checkUserData('wrong', sent.replace('bootcmd:', 'bootcmds:'))).rejects.toThrow('bootcmds');
  });

  test("the user's cloud-config is merged after belt's", async () => {
    const userdata = join(tmpdir(), `belt-userdata-${process.pid}`);
    const theirs = 'ssh-ed25519 AAAA theirs';
    await writeFile(
      userdata,
      `#cloud-config\nbootcmd: [echo mine]\nruncmd: [echo mine]\nssh_authorized_keys: [${theirs}]\n`,
    );
    try {
      const it = await open({ engine_at_first_boot: true, userdata });
      await it.create(names(2));
    } finally {
      await rm(userdata);
    }
    const launch = ec2.calls.findLast(({ action }) => action === 'RunInstances');
    const sent = gunzipSync(Buffer.from(launch?.params.get('UserData') ?? '', 'base64')).toString();
    expect(await mergedConfig('both', sent)).toMatchObject({
      bootcmd: [expect.stringContaining('ssh_host_ed25519_key'), 'echo mine'],
      runcmd: [['/bin/sh', '-c', installEngine], 'echo mine'],
      ssh_authorized_keys: [userKey.publicKey, theirs],
      ssh_deletekeys: false,
    });
  });

  test('a refused call reports the missing permission and no key', async () => {
    const it = await open();
    ec2.fail({ action: 'RunInstances', kind: 'refused', times: 1 });
    await it.create(names(1));
    const { error } = it.last.get('node1') as { error: Error & { hint?: string } };
    expect(error.message).toBe(
      'EC2 in us-east-1: You are not authorized to perform this operation. (UnauthorizedOperation)',
    );
    expect(error.hint).toContain('docs/drivers/amazonec2.md');
    expect(JSON.stringify(error) + String(error.stack)).not.toContain(credentials.AWS_SECRET_ACCESS_KEY);
  });
});

interface Opened {
  driver: Driver;
  cluster: { id: string; name: string };
  /** The records as belt stores them. */
  records: Map<string, Machine>;
  /** `done`, or the error message. */
  outcomes: Record<string, string>;
  last: Map<string, MachineEvent>;
  machines(): Machine[];
  /** @returns the number of events */
  create(names: readonly string[], options?: { size?: string; killedAfter?: number }): Promise<number>;
  follow(events: AsyncIterable<MachineEvent>, killedAfter?: number): Promise<number>;
  states(): Promise<string[]>;
  instances(): Promise<Instance[]>;
  groups(): Promise<string[][]>;
  keyPairs(): Promise<unknown[]>;
}

/** A new cluster. Opens the driver again for each create, as each belt process does. */
async function open(settings: SettingValues = {}): Promise<Opened> {
  clusters += 1;
  const cluster = { id: `0000${clusters}-${process.pid}`, name: `test${clusters}` };
  const hostKeys = new Map<string, CreateRequest['ssh']['hostKey']>();
  const openDriver = () =>
    driver.open({
      settings: {
        region: 'us-east-1',
        endpoint: ec2.url,
        access_key: credentials.AWS_ACCESS_KEY_ID,
        secret_key: credentials.AWS_SECRET_ACCESS_KEY,
        subnet_id: subnet,
        allow_from: ['198.51.100.7'],
        ...settings,
      },
      cluster,
      templates: templatesIn('templates'),
      user: { resolvePath: (path) => resolve('/here', path), defaultKeyPaths: [] },
    });
  const requestFor = (name: string, size: string | undefined): CreateRequest => {
    const record = it.records.get(name);
    const hostKey = hostKeys.get(name) ?? generateKeyPair(name);
    hostKeys.set(name, hostKey);
    return {
      name,
      ...(size !== undefined && { size }),
      ...(record?.id !== undefined && { id: record.id }),
      ...(record && { driverData: record.driverData }),
      ssh: { user: 'root', authorizedKey: userKey.publicKey, hostKey },
      installEngine,
    };
  };
  const it: Opened = {
    driver: await openDriver(),
    cluster,
    records: new Map(),
    outcomes: {},
    last: new Map(),
    machines: () => [...it.records.values()],
    async create(wanted, { size, killedAfter } = {}) {
      const fresh = await openDriver();
      const requests = wanted.map((name) => requestFor(name, size));
      for (const { name } of requests) if (!it.records.has(name)) it.records.set(name, blank(name));
      await fresh.check(requests, signal);
      await fresh.prepare?.(requests, () => {}, signal);
      return it.follow(fresh.create(requests, signal), killedAfter);
    },
    async follow(events, killedAfter = Number.POSITIVE_INFINITY) {
      it.outcomes = {};
      let count = 0;
      for await (const event of events) {
        count += 1;
        it.last.set(event.name, event);
        const record = it.records.get(event.name);
        if (event.type === 'changed' && record) {
          // Records are written to disk and read again.
          const changed = JSON.stringify(applyChange(record, event.change));
          it.records.set(event.name, JSON.parse(changed) as Machine);
        }
        if (event.type === 'done') it.outcomes[event.name] = 'done';
        if (event.type === 'failed') it.outcomes[event.name] = event.error.message;
        if (count === killedAfter) break;
      }
      return count;
    },
    states: async () => (await it.driver.list(it.machines(), signal)).map(({ state }) => state),
    async instances() {
      const { Reservations = [] } = await account.send(
        new DescribeInstancesCommand({
          Filters: [
            ofCluster(cluster.id),
            { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
          ],
        }),
      );
      return Reservations.flatMap(({ Instances = [] }) => Instances);
    },
    async groups() {
      const { SecurityGroups = [] } = await account.send(
        new DescribeSecurityGroupsCommand({ Filters: [ofCluster(cluster.id)] }),
      );
      return SecurityGroups.map(({ IpPermissions = [], GroupId }) =>
        IpPermissions.map(({ IpProtocol, FromPort, IpRanges, Ipv6Ranges, UserIdGroupPairs }) =>
          [
            ...[IpProtocol, FromPort],
            ...(IpRanges ?? []).map(({ CidrIp }) => CidrIp),
            ...(Ipv6Ranges ?? []).map(({ CidrIpv6 }) => CidrIpv6),
            ...(UserIdGroupPairs ?? []).map((pair) => (pair.GroupId === GroupId ? 'itself' : pair.GroupId)),
          ].join(' '),
        ).sort(),
      );
    },
    async keyPairs() {
      const command = new DescribeKeyPairsCommand({ Filters: [ofCluster(cluster.id)] });
      return (await account.send(command)).KeyPairs ?? [];
    },
  };
  return it;
}

function ofCluster(id: string): { Name: string; Values: string[] } {
  return { Name: 'tag:belt:cluster-id', Values: [id] };
}

function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `node${index + 1}`);
}

function tag({ Tags = [] }: Instance, key: string): string | undefined {
  return Tags.find(({ Key }) => Key === key)?.Value;
}

function blank(name: string): Machine {
  return {
    name,
    driver: 'amazonec2',
    phase: 'creating',
    addresses: {},
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}
