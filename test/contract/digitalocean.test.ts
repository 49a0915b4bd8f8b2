import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { templatesIn } from '../../src/base/templates.js';
import { openDigitalOcean } from '../../src/drivers/digitalocean/digitalocean-driver.js';
import type { CreateRequest, Driver, MachineEvent, SettingValues } from '../../src/drivers/driver.js';
import { realClock } from '../../src/drivers/kit/rate-limit.js';
import type { Machine } from '../../src/machines/model/machine.js';
import { expandNames } from '../../src/machines/model/patterns.js';
import { generateKeyPair } from '../../src/ssh/index.js';
import { defaultSettings } from '../lab/digitalocean/defaults.js';
import { type Emulator, startEmulator } from '../lab/digitalocean/emulator.js';
import { backendWithoutGuests } from '../lab/digitalocean/nothing.js';
import { recordFault } from '../lab/record-fault.js';

/**
 * The driver against an emulated DigitalOcean that checks each request and response against
 * DigitalOcean's specification.
 */

const cluster = { id: '2f1c7f0e-8a51-4d38-9d3c-5ad0e1f4f7aa', name: 'contract' };
const idTag = `belt-id:${cluster.id}`;
const userKey = generateKeyPair('belt contract');
const hostKeys = new Map<string, ReturnType<typeof generateKeyPair>>();
/** Waits a hundredth of the time. */
const quick = {
  ...realClock,
  sleep: (ms: number, signal?: AbortSignal) => realClock.sleep(ms / 100, signal),
};
const { signal } = new AbortController();

let cloud: Emulator;

async function emulate(options: Parameters<typeof backendWithoutGuests>[0] = {}): Promise<void> {
  cloud = await startEmulator(backendWithoutGuests(options));
}

/** Opens the driver as another belt process does, without any state. */
function open(settings: SettingValues = {}, clock = quick): Driver {
  const merged = { ...defaultSettings, access_token: cloud.token, api_url: cloud.url, ...settings };
  return openDigitalOcean(
    {
      settings: merged,
      cluster,
      templates: templatesIn('templates'),
      user: { resolvePath: (path) => path, defaultKeyPaths: [] },
    },
    clock,
  );
}

afterEach(async () => {
  await cloud.close();
  expect(cloud.violations).toEqual([]);
});

function requests(pattern: string, size = '512mb'): CreateRequest[] {
  return expandNames([pattern]).map((name) => {
    const hostKey = hostKeys.get(name) ?? generateKeyPair(name);
    hostKeys.set(name, hostKey);
    return { name, size, ssh: { user: 'root', authorizedKey: userKey.publicKey, hostKey } };
  });
}

async function run(events: AsyncIterable<MachineEvent>): Promise<MachineEvent[]> {
  const all: MachineEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function ends(events: readonly MachineEvent[]): Record<string, string> {
  return Object.fromEntries(
    events.flatMap((event): [string, string][] => {
      if (event.type === 'failed') return [[event.name, event.error.message]];
      return event.type === 'done' ? [[event.name, 'done']] : [];
    }),
  );
}

/** Returns the machines as belt would have recorded them. */
function recorded(events: readonly MachineEvent[]): Machine[] {
  const machines = new Map<string, Machine>();
  for (const event of events) {
    if (event.type !== 'changed') continue;
    const { id, addresses = {}, memory } = event.change;
    const driverData = { ...machines.get(event.name)?.driverData, ...event.change.driverData };
    machines.set(event.name, {
      name: event.name,
      driver: 'digitalocean',
      phase: 'ready',
      ...(id !== undefined && { id }),
      addresses,
      ...(memory !== undefined && { memory }),
      ssh: { user: 'root', port: 22 },
      driverData,
      createdAt: '2026-01-01T00:00:00.000Z',
    });
  }
  return [...machines.values()];
}

/** @param driverData what an earlier attempt recorded */
async function create(
  pattern: string,
  driver = open(),
  driverData: Machine['driverData'] = {},
): Promise<{ events: MachineEvent[]; machines: Machine[] }> {
  const wanted = requests(pattern).map((request) => ({ ...request, driverData }));
  await driver.check(wanted, signal);
  await driver.prepare?.(wanted, () => {}, signal);
  const events = await run(driver.create(wanted, signal));
  return { events, machines: recorded(events) };
}

function count(line: string): number {
  return cloud.requests.filter((request) => request === line).length;
}

function namesThere(): string[] {
  return [...cloud.account.droplets.values()].map(({ name }) => name).sort();
}

describe('the emulator', () => {
  test("the emulator reports requests that violate DigitalOcean's specification", async () => {
    await emulate();
    const request = (path: string, body?: object) =>
      fetch(`${cloud.url}${path}`, {
        method: body ? 'POST' : 'GET',
        headers: { authorization: `Bearer ${cloud.token}`, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
    await request('/droplets?per_page=201');
    await request('/droplets', { name: 'one', names: ['two'], size: 5, image: 'debian-12-x64' });
    const [droplet] = cloud.account.createDroplets({
      name: 'one',
      region: 'nyc3',
      size: 's-1vcpu-1gb',
      image: 'debian-12-x64',
    });
    Object.assign(droplet ?? {}, { status: 'gone' });
    await request('/droplets');
    // Without the specification, which is not part of this repository, nothing is checked.
    const expected = ['GET /v2/droplets', 'POST /v2/droplets', 'GET /v2/droplets'];
    expect(cloud.violations.map((line) => line.split(':', 1)[0])).toEqual(cloud.specified ? expected : []);
    cloud.violations.length = 0;
  });

  test('the emulator lists 20 per page by default, and creates at most ten droplets per request', async () => {
    await emulate();
    await create('node[1:21]');
    const headers = { authorization: `Bearer ${cloud.token}` };
    const page = await (await fetch(`${cloud.url}/droplets`, { headers })).json();
    expect(page).toMatchObject({ meta: { total: 21 }, links: { pages: { next: expect.any(String) } } });
    expect((page as { droplets: unknown[] }).droplets).toHaveLength(20);
    const names = Array.from({ length: 11 }, (_, index) => `many${index}`);
    expect(() => cloud.account.createDroplets({ ...cloud.account.createRequests[0], names })).toThrow(
      'up to 10',
    );
  });
});

describe('create', () => {
  test('create requests ten tagged droplets at a time, and polls with one list', async () => {
    await emulate();
    let polls = 0;
    const counting = { ...quick, sleep: (ms: number) => quick.sleep(ms).finally(() => (polls += 1)) };
    const { events, machines } = await create('node[1:40]', open({}, counting));
    expect(Object.values(ends(events)).every((end) => end === 'done')).toBe(true);
    expect(machines).toHaveLength(40);
    expect(count('POST /v2/droplets')).toBe(4);
    expect(cloud.account.createRequests.map(({ names }) => (names as string[]).length)).toEqual([
      10, 10, 10, 10,
    ]);
    for (const order of cloud.account.createRequests)
      expect(order['tags']).toEqual(['belt', 'belt-cluster:contract', idTag]);
    // The driver lists twice, then polls one page for all droplets that are still booting; it never
    // requests them one by one.
    expect(cloud.requests.filter((line) => line.startsWith('GET /v2/droplets/'))).toEqual([]);
    expect(count('GET /v2/droplets')).toBe(2 + polls);
    expect(machines[0]).toMatchObject({
      addresses: { public: expect.stringMatching(/^203\.0\.113\./) },
      memory: 512,
    });
    expect([...cloud.agents]).toEqual([expect.stringMatching(/^axios\/1\./)]);
  });

  test('sizes, regions and plans come from the API, and change nothing', async () => {
    await emulate();
    const driver = open();
    expect((await driver.sizes?.(signal))?.[0]).toEqual({
      name: 's-1vcpu-512mb-10gb',
      memory: 512,
      cpus: 1,
      disk: 10,
      monthlyPrice: 4,
      regions: ['fra1', 'nyc1', 'nyc3', 'sgp1'],
    });
    expect(await driver.regions?.(signal)).toContainEqual({
      name: 'nyc1',
      title: 'New York 1',
      available: false,
    });
    const [one, two] = (await driver.plan?.(requests('node1,sgp1-node2'), signal)) ?? [];
    expect(one).toMatchObject({ name: 'node1', size: 's-1vcpu-512mb-10gb', monthlyPrice: 4 });
    expect(two).toMatchObject({ name: 'sgp1-node2', region: 'sgp1', memory: 512 });
    expect(cloud.requests.filter((request) => !request.startsWith('GET '))).toEqual([]);
  });

  test('create reports the price and gives each droplet its host key', async () => {
    await emulate();
    const driver = open();
    const wanted = requests('node[1:4]');
    const steps: string[] = [];
    await driver.check(wanted, signal);
    await driver.prepare?.(wanted, (step) => steps.push(step), signal);
    expect(steps).toEqual(['4 of s-1vcpu-512mb-10gb (512mb, 1 vCPU, 10 GB disk) in nyc3: $16.00 a month']);
    await run(driver.create(wanted, signal));
    const [order] = cloud.account.createRequests;
    const { bootcmd } = JSON.parse(String(order?.['user_data']).replace('#cloud-config\n', ''));
    for (const { ssh } of wanted) expect(bootcmd[0][2]).toContain(ssh.hostKey.privateKey.trimEnd());
    expect(order).toMatchObject({ size: 's-1vcpu-512mb-10gb', region: 'nyc3', image: 'ubuntu-24-04-x64' });
  });

  test('create uses the region that the name of a machine begins with', async () => {
    await emulate();
    await create('sgp1-node[1:2],fra1-node1,node1');
    const places = cloud.account.createRequests.map(({ names, region }) => [region, names]);
    expect(places).toEqual([
      ['sgp1', ['sgp1-node1', 'sgp1-node2']],
      ['fra1', ['fra1-node1']],
      ['nyc3', ['node1']],
    ]);
  });

  test('the key and the firewall are created once and removed with the last machine', async () => {
    await emulate();
    const first = await create('node1');
    const second = await create('node2');
    expect([...cloud.account.keys.values()].map(({ public_key }) => public_key)).toEqual([userKey.publicKey]);
    const [firewall, ...others] = [...cloud.account.firewalls.values()];
    expect(others).toEqual([]);
    expect(firewall).toMatchObject({ tags: [idTag] });
    expect(firewall?.['inbound_rules']).toContainEqual({
      protocol: 'tcp',
      ports: '2377',
      sources: { tags: [idTag] },
    });

    await run(open().remove(first.machines, signal));
    expect([cloud.account.keys.size, cloud.account.firewalls.size]).toEqual([1, 1]);
    await run(open().remove(second.machines, signal));
    expect([cloud.account.keys.size, cloud.account.firewalls.size]).toEqual([0, 0]);
  });

  test('create uses the settings: a key of the account, a snapshot by name, a VPC and others', async () => {
    await emulate();
    const mine = generateKeyPair('mine');
    const { id, fingerprint } = cloud.account.addKey({ name: 'mine', public_key: mine.publicKey });
    const driver = open({
      ssh_key_fingerprint: fingerprint,
      image: 'with-our-tools',
      region: 'fra1',
      vpc: 'inner',
      tags: ['blue'],
      ipv6: true,
      monitoring: true,
      backups: true,
      ssh_user: 'core',
      ssh_key_path: 'mine.pem',
    });
    const wanted = requests('node1', 's-1vcpu-1gb');
    await driver.check(wanted, signal);
    const events = await run(driver.create(wanted, signal));
    expect(ends(events)).toEqual({ node1: 'done' });
    expect(events).toContainEqual({
      type: 'changed',
      name: 'node1',
      change: expect.objectContaining({ ssh: { user: 'core', port: 22, keyPath: 'mine.pem' } }),
    });
    expect(cloud.account.createRequests[0]?.['user_data']).not.toContain('disable_root');
    expect(cloud.account.createRequests[0]).toMatchObject({
      ssh_keys: [id],
      image: 160000001,
      vpc_uuid: '5a4981aa-9653-4bd1-bef5-d6bff52042e4',
      ipv6: true,
      monitoring: true,
      backups: true,
    });
    expect(cloud.account.createRequests[0]?.['tags']).toContain('blue');
  });

  test.each([
    [{ size: '3tb' }, 'unknown DigitalOcean size "3tb"'],
    [{ size: 's-1vcpu-3gb' }, 'unknown DigitalOcean size "s-1vcpu-3gb"'],
    [{ size: '8gb', region: 'fra1' }, 'size 8gb is not available in fra1'],
    [{ region: 'nyc1' }, 'region nyc1 accepts no new droplets at this time'],
    [{ region: 'nyc4' }, 'unknown DigitalOcean region "nyc4"'],
    [{ image: 'ubuntu-99' }, 'DigitalOcean has no image "ubuntu-99"'],
    [{ vpc: 'outer' }, 'DigitalOcean has no VPC "outer"'],
    [{ image: 'with-our-tools' }, 'the image with-our-tools is not available in nyc3'],
    [{ userdata: '/does/not/exist' }, 'cannot read the user data'],
    [{ access_token: '' }, 'DigitalOcean access token not set'],
    [{ access_token: 'dop_v1_wrong' }, 'DigitalOcean rejected the access token'],
  ])('check refuses %o before anything is created', async (settings, message) => {
    await emulate();
    const driver = open(settings);
    await expect(driver.check([{ name: 'node1' }], signal)).rejects.toThrow(message);
    expect(cloud.requests.every((line) => line.startsWith('GET '))).toBe(true);
  });
});

describe('failures during create', () => {
  test.each(['lost', 'half'] as const)(
    'create creates each machine once when a response is %s',
    async (kind) => {
      await emulate();
      cloud.fail({ on: /^POST \/v2\/droplets$/, kind });
      const { events } = await create('node[1:15]');
      expect(Object.values(ends(events))).toEqual(Array(15).fill('done'));
      expect(namesThere()).toEqual(
        requests('node[1:15]')
          .map(({ name }) => name)
          .sort(),
      );
      expect(count('POST /v2/droplets')).toBe(kind === 'lost' ? 2 : 3);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'the response to a request for droplets is lost or cut',
      });
    },
  );

  test.each(['burst', 'error', 'page', 'hour'] as const)('create retries after "%s"', async (kind) => {
    await emulate();
    cloud.fail({ on: /^POST \/v2\/droplets$/, kind, times: 2, seconds: 0 });
    cloud.fail({ on: /^GET \/v2\/droplets$/, kind, times: 2, seconds: 0 });
    const { events } = await create('node[1:3]');
    expect(ends(events)).toEqual({ node1: 'done', node2: 'done', node3: 'done' });
    expect(namesThere()).toEqual(['node1', 'node2', 'node3']);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'the DigitalOcean API answers with an error or a rate limit',
    });
  });

  test('the next create removes a duplicate droplet', async () => {
    await emulate();
    await create('node1');
    const [droplet] = cloud.account.droplets.values();
    cloud.account.createDroplets({ ...cloud.account.createRequests[0] });
    expect(namesThere()).toEqual(['node1', 'node1']);
    const { machines } = await create('node1', open(), { ordered: true });
    expect(machines.map(({ id }) => id)).toEqual([String(droplet?.id)]);
    expect(namesThere()).toEqual(['node1']);
  });

  test('create resumes a droplet that it recorded before it was killed, and refuses others', async () => {
    await emulate();
    let recordedBefore: unknown;
    const killed = async () => {
      for await (const event of open().create(requests('node1'), signal)) {
        if (event.type === 'changed') recordedBefore = event.change.driverData;
        if (event.type === 'progress' && event.text === 'creating') {
          expect(namesThere()).toEqual([]);
          return;
        }
      }
    };
    await killed();
    expect(recordedBefore).toEqual({ ordered: true });
    cloud.account.createDroplets({
      name: 'node1',
      region: 'nyc3',
      size: 's-1vcpu-512mb-10gb',
      image: 'ubuntu-24-04-x64',
      tags: [idTag],
    });
    expect(ends((await create('node1', open(), { ordered: true })).events)).toEqual({ node1: 'done' });

    const fresh = open().check(requests('node[1:2]'), signal);
    await expect(fresh).rejects.toMatchObject({
      message: 'DigitalOcean has a droplet node1 of this cluster without a record',
      hint: expect.stringContaining('belt gc -d digitalocean'),
    });
    await open().check([{ name: 'node1', id: '7' }], signal);
    await open().check([{ name: 'node1', driverData: { DropletID: 7 } }], signal);
    expect(namesThere()).toEqual(['node1']);
  });

  test('create creates each machine once when it is interrupted anywhere and rerun', async () => {
    let tried = 0;
    await emulate();
    const wanted = requests('node[1:12]');
    for (const after of [0, 3, 14, 20]) {
      tried++;
      const interrupt = new AbortController();
      let seen = 0;
      const broken = async () => {
        for await (const _ of open().create(wanted, interrupt.signal))
          if (seen++ === after) interrupt.abort();
      };
      await expect(broken()).rejects.toMatchObject({ name: 'AbortError' });
    }
    expect(Object.values(ends(await run(open().create(wanted, signal))))).toEqual(Array(12).fill('done'));
    expect(namesThere()).toEqual(wanted.map(({ name }) => name).sort());
    recordFault({
      kind: 'Killed and interrupted',
      fault: '`create` of twelve droplets is interrupted',
      tried,
    });
  });

  test("a refused request fails only its own machines, with the API's message and a hint", async () => {
    await emulate();
    cloud.account.dropletLimit = 10;
    const { events } = await create('node[1:12]');
    const end = ends(events);
    expect(end['node10']).toBe('done');
    expect(end['node11']).toContain(
      'DigitalOcean refused the request: creating this/these droplet(s) will exceed',
    );
    expect(end['node12']).toBe(end['node11']);
  });

  test('no error contains the token', async () => {
    await emulate();
    for (const kind of ['forbidden', 'error', 'page', 'lost'] as const) {
      cloud.fail({ on: /^GET \/v2\/account$/, kind, times: 6 });
      const [check] = await open().doctor(signal);
      expect(check?.ok).toBe(false);
    }
    const driver = open();
    cloud.fail({ on: /^POST \/v2\/droplets$/, kind: 'forbidden' });
    const wanted = requests('node1');
    const failed = (await run(driver.create(wanted, signal))).find((event) => event.type === 'failed');
    const error = failed?.type === 'failed' ? failed.error : undefined;
    expect(error?.message).toContain('the access token does not allow POST /droplets');
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(cloud.token);
    expect(`${JSON.stringify(error)}${error?.stack}`).not.toContain(cloud.token);
  });
});

describe('lifecycle', () => {
  test('droplets stop, start, restart, are killed, resized, listed and removed', async () => {
    await emulate();
    const { machines } = await create('node[1:2]');
    const [one] = machines as [Machine];
    const states = async () =>
      Object.fromEntries((await open().list(machines, signal)).map(({ name, state }) => [name, state]));
    expect(await states()).toEqual({ node1: 'running', node2: 'running' });

    expect(ends(await run(open().stop([one], signal)))).toEqual({ node1: 'done' });
    expect(await states()).toEqual({ node1: 'stopped', node2: 'running' });
    expect(ends(await run(open().stop([one], signal)))).toEqual({ node1: 'done' });

    const sized = await run(open().resize([one], '1gb', signal));
    expect(ends(sized)).toEqual({ node1: 'done' });
    expect(sized).toContainEqual({ type: 'changed', name: 'node1', change: { size: '1gb', memory: 1024 } });
    expect(await states()).toEqual({ node1: 'stopped', node2: 'running' });

    expect(ends(await run(open().start(machines, signal)))).toEqual({ node1: 'done', node2: 'done' });
    expect(await states()).toEqual({ node1: 'running', node2: 'running' });
    expect(ends(await run(open().resize([one], '2gb', signal)))).toEqual({ node1: 'done' });
    expect(await states()).toEqual({ node1: 'running', node2: 'running' });

    expect(ends(await run(open().kill([one], signal)))).toEqual({ node1: 'done' });
    expect(ends(await run((open() as Required<Driver>).restart(machines, signal)))).toEqual({
      node1: 'done',
      node2: 'done',
    });
    expect(await states()).toEqual({ node1: 'running', node2: 'running' });

    expect(ends(await run(open().remove(machines, signal)))).toEqual({ node1: 'done', node2: 'done' });
    expect(await states()).toEqual({ node1: 'missing', node2: 'missing' });
    expect(ends(await run(open().remove(machines, signal)))).toEqual({ node1: 'done', node2: 'done' });
    expect(namesThere()).toEqual([]);
  });

  test('private networking keeps the value from when the machine was created', async () => {
    await emulate();
    const inner = { private_networking: true };
    const withPrivateNetwork = await create('node1', open(inner));
    const plain = await create('node2');
    const isPrivate = (machines: readonly { addresses?: Machine['addresses'] }[]) =>
      machines.map(({ addresses }) => addresses?.private !== undefined);
    expect([...isPrivate(withPrivateNetwork.machines), ...isPrivate(plain.machines)]).toEqual([true, false]);

    const both = [...withPrivateNetwork.machines, ...plain.machines];
    for (const driver of [open(), open(inner)]) {
      expect(isPrivate(await driver.list(both, signal))).toEqual([true, false]);
      expect(isPrivate(recorded(await run(driver.stop(both, signal))))).toEqual([true, false]);
      expect(isPrivate(recorded(await run(driver.start(both, signal))))).toEqual([true, false]);
    }
    // Rebuilt records follow the settings of the rebuild.
    const found = await (open(inner) as Required<Driver>).discover(signal);
    expect(isPrivate(found)).toEqual([true, true]);
    expect(both[0]?.driverData).toMatchObject(found[0]?.driverData ?? {});
  });

  test('a droplet that cannot be resized starts again with its old size', async () => {
    await emulate();
    const { machines } = await create('node[1:5]');
    cloud.fail({ on: /^POST \/v2\/droplets\/\d+\/actions$/, kind: 'forbidden' });
    const results = ends(await run(open().resize(machines, '1gb', signal)));
    expect(Object.values(results).filter((end) => end === 'done')).toHaveLength(4);
    const droplets = [...cloud.account.droplets.values()];
    expect(droplets.map(({ status }) => status)).toEqual(Array(5).fill('active'));
    expect(droplets.filter(({ memory }) => memory === 512)).toHaveLength(1);
  });

  test('a resize in progress is not requested again', async () => {
    await emulate();
    const { machines } = await create('node1');
    for await (const event of open().resize(machines, '1gb', signal))
      if (event.type === 'progress' && event.text === 'resizing to 1gb') break;
    const [droplet] = cloud.account.droplets.values();
    expect(droplet).toMatchObject({ status: 'off' });
    expect(ends(await run(open().resize(machines, '1gb', signal)))).toEqual({ node1: 'done' });
    expect(droplet).toMatchObject({ status: 'off', locked: false, memory: 1024 });
  });

  test('snapshots can be created, used as the image, and removed', async () => {
    await emulate();
    const { machines } = await create('node[1:2]');
    const driver = open() as Required<Driver>;
    const snapshots = machines.map((machine) => ({ machine, imageName: `base-${machine.name}` }));
    const listsBefore = count('GET /v2/droplets');
    const events = [];
    for await (const event of driver.snapshot(snapshots, signal)) events.push(event);
    const keptImages = events.flatMap((event) => (event.type === 'kept' ? [event] : []));
    expect(keptImages.map(({ name }) => name)).toEqual(['node1', 'node2']);
    expect(events.filter(({ type }) => type === 'done')).toHaveLength(2);
    expect(count('GET /v2/droplets') - listsBefore).toBeLessThan(5);
    expect((await driver.images.list(signal)).map(({ id, name }) => [id, name])).toEqual([
      ['160000001', 'with-our-tools'],
      ...keptImages.map(({ id, name }) => [id, `base-${name}`]),
    ]);

    const others = requests('node3');
    await run(open({ image: 'base-node1' }).create(others, signal));
    expect(cloud.account.createRequests.at(-1)).toMatchObject({ image: Number(keptImages[0]?.id) });

    await driver.images.remove('base-node1', signal);
    await driver.images.remove(keptImages[1]?.id ?? '', signal);
    expect((await driver.images.list(signal)).map(({ name }) => name)).toEqual(['with-our-tools']);
    await expect(driver.images.remove('base-node1', signal)).rejects.toThrow('has no image "base-node1"');
  });

  test('resize refuses a size with a smaller disk', async () => {
    await emulate();
    const driver = open();
    const wanted = requests('node1', 's-1vcpu-2gb');
    const machines = recorded(await run(driver.create(wanted, signal)));
    const { node1 } = ends(await run(open().resize(machines, 's-1vcpu-1gb', signal)));
    expect(node1).toBe("s-1vcpu-1gb has a disk of 25 GB, smaller than the droplet's 50 GB");
  });

  test('many droplets are powered off and removed by one request through a temporary tag', async () => {
    await emulate();
    const { machines } = await create('node[1:30]');
    await create('other');
    cloud.requests.length = 0;
    expect(Object.values(ends(await run(open().kill(machines, signal))))).toEqual(Array(30).fill('done'));
    expect(cloud.requests.filter((line) => line.startsWith('POST'))).toEqual([
      'POST /v2/tags',
      expect.stringMatching(/^POST \/v2\/tags\/belt-batch:.*\/resources$/),
      'POST /v2/droplets/actions',
    ]);
    expect(cloud.account.droplets.size).toBe(31);
    cloud.requests.length = 0;
    expect(Object.values(ends(await run(open().remove(machines, signal))))).toEqual(Array(30).fill('done'));
    expect(cloud.requests.filter((line) => line.startsWith('DELETE'))).toHaveLength(2);
    expect(namesThere()).toEqual(['other']);
    expect([...cloud.account.tags].filter((tag) => tag.startsWith('belt-batch'))).toEqual([]);
  });

  test('stop powers off a droplet that does not shut down', async () => {
    await emulate({ deaf: ['node1'] });
    const { machines } = await create('node[1:2]');
    // A minute passes instantly.
    const hasty = { ...quick, now: () => Date.now() * 100 };
    const driver = open({}, hasty);
    expect(ends(await run(driver.stop(machines, signal)))).toEqual({ node1: 'done', node2: 'done' });
    expect(cloud.requests.filter((line) => line.endsWith('/actions'))).toHaveLength(3);
  });

  test('list contains strays of the cluster, but no droplets of other clusters', async () => {
    await emulate();
    await create('node[1:2]');
    cloud.account.createDroplets({
      ...cloud.account.createRequests[0],
      names: ['theirs'],
      tags: ['belt', 'belt-id:other'],
    });
    const [seen, ...others] = await open().list([], signal);
    expect(seen).toMatchObject({ name: 'node1', state: 'running', size: 's-1vcpu-512mb-10gb' });
    expect(others.map(({ name }) => name)).toEqual(['node2']);
  });

  test('discover finds the machines of all clusters, each once', async () => {
    await emulate();
    const { machines } = await create('node[1:2]');
    const foreign = { region: 'nyc3', size: 's-1vcpu-1gb', image: 'debian-12-x64' };
    // A duplicate, a droplet of another cluster, and two that belt did not create.
    cloud.account.createDroplets({
      ...foreign,
      name: 'node1',
      tags: ['belt', 'belt-cluster:contract', idTag],
    });
    cloud.account.createDroplets({
      ...foreign,
      name: 'node1',
      tags: ['belt', 'belt-cluster:my_other', 'belt-id:an-id'],
    });
    cloud.account.createDroplets({ ...foreign, name: 'web', tags: ['belt'] });
    cloud.account.createDroplets({ ...foreign, name: 'web', tags: [] });
    await Promise.all(cloud.account.work);
    const driver = open({ ssh_user: 'me', ssh_key_path: 'k', ssh_key_fingerprint: 'f' }) as Required<Driver>;
    const found = await driver.discover(signal);
    expect(found.map(({ name, id, cluster: { name: of } }) => [name, id, of])).toEqual([
      ...machines.map(({ name, id }) => [name, id, 'contract']),
      ['node1', expect.any(String), 'my_other'],
    ]);
    expect(found[0]).toMatchObject({
      state: 'running',
      cluster,
      size: 's-1vcpu-512mb-10gb',
      memory: 512,
      addresses: machines[0]?.addresses,
      driverData: { slug: 's-1vcpu-512mb-10gb', region: 'nyc3', privateNetworking: false },
      ssh: { user: 'me', port: 22, keyPath: 'k' },
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  test('list reads all pages', async () => {
    await emulate();
    await create('node1');
    cloud.account.dropletLimit = 500;
    const [order] = cloud.account.createRequests;
    for (let tens = 0; tens < 25; tens++) {
      const names = Array.from({ length: 10 }, (_, ones) => `more${tens}-${ones}`);
      cloud.account.createDroplets({ ...order, names });
    }
    cloud.requests.length = 0;
    expect(await open().list([], signal)).toHaveLength(251);
    expect(cloud.requests).toEqual(['GET /v2/droplets', 'GET /v2/droplets']);
  });

  test('a droplet of docker-machine is found by its id', async () => {
    await emulate();
    const [droplet] = cloud.account.createDroplets({
      name: 'old',
      region: 'nyc3',
      size: 's-1vcpu-1gb',
      image: 'debian-12-x64',
    });
    await Promise.all(cloud.account.work);
    const old: Machine = {
      name: 'old',
      driver: 'digitalocean',
      phase: 'ready',
      addresses: {},
      ssh: { user: 'root', port: 22 },
      driverData: { DropletID: droplet?.id },
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    expect(await open().list([old], signal)).toMatchObject([{ name: 'old', state: 'running' }]);
    expect(ends(await run(open().stop([old], signal)))).toEqual({ old: 'done' });
    expect(ends(await run(open().remove([old], signal)))).toEqual({ old: 'done' });
    expect(namesThere()).toEqual([]);
  });
});
