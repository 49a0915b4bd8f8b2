import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { templatesIn } from '../../../../src/base/templates.js';
import type { Droplet } from '../../../../src/drivers/digitalocean/api-types.js';
import { chooseSize, configuredRegion, regionFor } from '../../../../src/drivers/digitalocean/catalogue.js';
import {
  DigitalOceanError,
  toDigitalOceanError,
} from '../../../../src/drivers/digitalocean/digitalocean-error.js';
import { readSettings } from '../../../../src/drivers/digitalocean/digitalocean-settings.js';
import { duplicates, findDroplet, tagsOf } from '../../../../src/drivers/digitalocean/droplets.js';
import {
  openRateLimit,
  updateRateLimit,
  withRetry,
} from '../../../../src/drivers/digitalocean/rate-limit.js';
import { firewallFor } from '../../../../src/drivers/digitalocean/shared-resources.js';
import { userDataFor } from '../../../../src/drivers/digitalocean/user-data.js';
import type { SettingValues } from '../../../../src/drivers/driver.js';
import { type Clock, delayMs } from '../../../../src/drivers/kit/rate-limit.js';
import { regions, sizes } from '../../../lab/digitalocean/catalogue.js';
import { defaultSettings } from '../../../lab/digitalocean/defaults.js';

/** A clock that jumps ahead instead of waiting. */
class JumpingClock implements Clock {
  time = 1_800_000_000_000;
  readonly slept: number[] = [];
  now = () => this.time;
  random = () => 0.5;
  async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.time += ms;
  }
}

const answer = (status: number, body: unknown = undefined, headers = {}) => ({
  request: 'POST /droplets',
  status,
  headers,
  body,
});

test('a record shows the region of a machine unless its name chose it', () => {
  const regionOf = (name: string, driverData: Record<string, unknown>) =>
    configuredRegion({ name, driverData });
  expect(regionOf('node1', { region: 'sgp1' })).toEqual({ region: 'sgp1' });
  expect(regionOf('nyc1-node1', { region: 'sgp1' })).toEqual({ region: 'sgp1' });
  expect(regionOf('sgp1-node1', { region: 'sgp1' })).toEqual({});
  expect(regionOf('node1', {})).toEqual({});
});

describe('explain', () => {
  test.each([
    [
      answer(401, { id: 'unauthorized', message: 'Unable to authenticate you' }),
      /rejected the access token$/,
    ],
    [
      answer(403, { id: 'forbidden', message: 'missing droplet:create' }),
      /does not allow POST \/droplets \(missing/,
    ],
    [
      answer(404, { id: 'not_found', message: 'no such' }),
      /has no such resource: POST \/droplets \(no such\)$/,
    ],
    [
      answer(422, { id: 'unprocessable_entity', message: 'Name is bad', request_id: 'r1' }),
      /^DigitalOcean refused the request: Name is bad \(request r1\)$/,
    ],
    [answer(429), /rate limit exceeded$/],
    [answer(500, { id: 'server_error', message: 'oops' }), /^DigitalOcean failed \(500\): oops$/],
    [answer(502, '<html>'), /^DigitalOcean failed \(502\): a web page instead of an API response$/],
    [answer(200, '<html>'), /^DigitalOcean failed \(200\): a web page instead of an API response$/],
    [
      { request: 'GET /sizes', headers: {}, body: undefined, code: 'ECONNABORTED' },
      /did not respond in time$/,
    ],
    [
      { request: 'GET /sizes', headers: {}, body: undefined, code: 'ECONNREFUSED' },
      /cannot connect to DigitalOcean \(ECONNREFUSED\)$/,
    ],
  ])('the error %o is explained', (given, message) => {
    expect(toDigitalOceanError(given, 0).message).toMatch(message);
  });

  test('an error shows whether the request may have been carried out and whether to retry', () => {
    const flagsFor = (status?: number) => {
      const { unclear, repeatable } = toDigitalOceanError(
        { request: '', headers: {}, body: '', ...(status && { status }) },
        0,
      );
      return { unclear, repeatable };
    };
    for (const status of [401, 403, 404, 422])
      expect(flagsFor(status)).toEqual({ unclear: false, repeatable: false });
    expect(flagsFor(429)).toEqual({ unclear: false, repeatable: true });
    for (const status of [500, 502, 503, 504])
      expect(flagsFor(status)).toEqual({ unclear: true, repeatable: true });
    expect(flagsFor()).toEqual({ unclear: true, repeatable: true });
  });

  test('a rate limit error waits for retry-after, or until ratelimit-reset', () => {
    expect(toDigitalOceanError(answer(429, undefined, { 'retry-after': '7' }), 0).waitMs).toBe(7_000);
    const used = { 'ratelimit-remaining': '0', 'ratelimit-reset': '100' };
    expect(toDigitalOceanError(answer(429, undefined, used), 40_000).waitMs).toBe(60_000);
    expect(
      toDigitalOceanError(answer(429, undefined, { ...used, 'ratelimit-remaining': '9' }), 0).waitMs,
    ).toBeUndefined();
  });
});

describe('the rate limit', () => {
  test('the rate limit allows at most 250 requests in any minute', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 20_000 }), { minLength: 300, maxLength: 600 }),
        async (pauses) => {
          const clock = new JumpingClock();
          const limit = openRateLimit(clock);
          const sent: number[] = [];
          for (const pause of pauses) {
            // Requests mostly come in bursts.
            clock.time += pause < 18_000 ? 0 : pause;
            await limit.take();
            sent.push(clock.time);
          }
          for (const [index, time] of sent.entries()) {
            const before = sent[index - 250];
            if (before !== undefined) expect(time - before).toBeGreaterThanOrEqual(60_000 - 1);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  test('an exhausted rate limit waits until the reset, or fails if that is far off', async () => {
    const clock = new JumpingClock();
    const limit = openRateLimit(clock);
    const resetIn = (seconds: number) => String(Math.floor(clock.time / 1000) + seconds);
    updateRateLimit(limit, { 'ratelimit-remaining': '0', 'ratelimit-reset': resetIn(90) });
    await limit.take();
    expect(clock.slept).toEqual([90_000]);
    updateRateLimit(limit, { 'ratelimit-remaining': '0', 'ratelimit-reset': resetIn(1800) });
    await expect(limit.take()).rejects.toThrow(/rate limit exceeded until \d\d:\d\d UTC$/);
  });
});

describe('retries', () => {
  const failing = (errors: Error[]) => async () => {
    const error = errors.shift();
    if (error) throw error;
    return 'fine';
  };
  const lost = () => new DigitalOceanError('lost', { unclear: true, repeatable: true });
  const busy = (waitMs: number) => new DigitalOceanError('busy', { repeatable: true, waitMs });

  test('a temporary failure is retried with growing delays', async () => {
    const clock = new JumpingClock();
    expect(await withRetry(failing([lost(), lost(), lost(), busy(5_000)]), { clock })).toBe('fine');
    expect(clock.slept).toEqual([750, 1500, 3000, 5500]);
  });

  test('retries end after six attempts, and at once for permanent errors, long waits and requests that must not repeat', async () => {
    const clock = new JumpingClock();
    const errors = Array.from({ length: 9 }, lost);
    await expect(withRetry(failing(errors), { clock })).rejects.toThrow('lost');
    expect(errors).toHaveLength(3);
    for (const [error, once] of [
      [new DigitalOceanError('no'), false],
      [busy(200_000), false],
      [lost(), true],
      [new TypeError('a bug'), false],
    ] as const) {
      clock.slept.length = 0;
      await expect(withRetry(failing([error]), { clock, once })).rejects.toBe(error);
      expect(clock.slept).toEqual([]);
    }
    expect(await withRetry(failing([busy(10)]), { clock, once: true })).toBe('fine');
  });

  test('delays are jittered between a half and the whole, and at most 30 seconds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, chance) => {
          const clock = { ...new JumpingClock(), random: () => chance };
          const most = Math.min(30_000, 1000 * 2 ** (failures - 1));
          const delay = delayMs(failures, undefined, clock as unknown as Clock);
          expect(delay).toBeGreaterThanOrEqual(most / 2);
          expect(delay).toBeLessThanOrEqual(most);
        },
      ),
    );
  });
});

describe('sizes and regions', () => {
  test.each([
    ['512mb', 's-1vcpu-512mb-10gb'],
    ['513mb', 's-1vcpu-1gb'],
    ['1gb', 's-1vcpu-1gb'],
    ['8192MB', 's-4vcpu-8gb'],
    ['s-2vcpu-2gb', 's-2vcpu-2gb'],
  ])('the size %s is %s', (wanted, slug) => {
    expect(chooseSize(wanted, sizes, 'nyc3').slug).toBe(slug);
  });

  test('an amount of memory selects the cheapest size of the region with at least that much', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4096 }), (memory) => {
        const chosen = chooseSize(`${memory}mb`, sizes, 'fra1');
        expect(chosen.memory).toBeGreaterThanOrEqual(memory);
        for (const other of sizes.filter((size) => size.memory >= memory && size.regions.includes('fra1')))
          expect(other.price_monthly).toBeGreaterThanOrEqual(chosen.price_monthly);
      }),
    );
  });

  test('a size that only other regions have is refused with their names', () => {
    const error = (() => {
      try {
        return chooseSize('8gb', sizes, 'fra1');
      } catch (thrown) {
        return thrown as { hint: string };
      }
    })();
    expect(error).toMatchObject({ hint: 'use one of the regions: nyc3' });
  });

  test.each([
    ['sgp1-node1', 'sgp1'],
    ['node1', 'nyc3'],
    ['web-node1', 'nyc3'],
    ['sgp1', 'nyc3'],
  ])('the region of %s is %s', (name, region) => {
    expect(regionFor(name, 'nyc3', regions)).toBe(region);
  });
});

describe('settings', () => {
  const person = { resolvePath: (path: string) => `/home/${path}`, defaultKeyPaths: [] };

  const read = (values: SettingValues) => readSettings({ ...defaultSettings, ...values }, person);

  test('the API URL must be HTTPS, except on this computer', () => {
    expect(() => read({ api_url: 'http://example.org/v2' })).toThrow('must be an https:// address');
    expect(read({ api_url: 'http://127.0.0.1:99/v2/' }).apiUrl).toBe('http://127.0.0.1:99/v2');
  });

  test('tags are a list, or comma-separated as in docker-machine', () => {
    expect(read({ tags: ['a', 'b'] }).tags).toEqual(['a', 'b']);
    expect(read({ tags: ['a,b', 'c'] }).tags).toEqual(['a', 'b', 'c']);
    expect(read({}).tags).toEqual([]);
  });

  test('a key path without a fingerprint, a bad tag and a bad port are refused', () => {
    expect(() => read({ ssh_key_path: 'k' })).toThrow('ssh_key_path requires ssh_key_fingerprint');
    expect(() => read({ tags: ['a b'] })).toThrow('invalid tag "a b"');
    expect(() => read({ ssh_port: 0 })).toThrow('ssh_port must be a port number, 1 to 65535');
    expect(() => read({ region: '' })).toThrow('the setting region is empty');
    expect(() => read({ region: 3 })).toThrow('the setting region must be text');
  });
});

describe('shared resources', () => {
  test('tags are valid at DigitalOcean for every cluster name', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60 }), (name) => {
        for (const tag of tagsOf({ id: 'an-id', name }, [])) expect(tag).toMatch(/^[A-Za-z0-9_:-]{1,255}$/);
      }),
    );
  });

  test("the firewall opens the swarm's ports to the cluster, and every other port to all", () => {
    const { inbound_rules: rules } = firewallFor('name', 'the-tag');
    const opens = ({ ports }: { ports: string }, port: number) => {
      const [first = 0, last = first] = ports.split('-').map(Number);
      return port >= first && port <= last;
    };
    const swarm = { tcp: [2377, 7946], udp: [4789, 7946] };
    for (const protocol of ['tcp', 'udp'] as const) {
      for (let port = 1; port <= 65_535; port++) {
        const open = rules.filter((rule) => rule.protocol === protocol && opens(rule, port));
        if (open.length !== 1) throw new Error(`${protocol} ${port} is in ${open.length} rules`);
        const inner = open[0]?.sources.tags?.[0] === 'the-tag';
        if (inner !== (swarm[protocol] as number[]).includes(port)) throw new Error(`${protocol} ${port}`);
      }
    }
  });

  test('of droplets with the same name the recorded one is used, else the oldest', () => {
    const droplet = (id: number, name: string) => ({ id, name }) as Droplet;
    const droplets = [droplet(9, 'a'), droplet(3, 'a'), droplet(5, 'b')];
    expect(findDroplet(droplets, { name: 'a' })?.id).toBe(3);
    expect(findDroplet(droplets, { name: 'a', id: '9' })?.id).toBe(9);
    expect(duplicates(droplets, [{ name: 'a', id: '9' }, { name: 'b' }]).map(({ id }) => id)).toEqual([3]);
  });
});

describe('user data', () => {
  const request = (name: string) => ({
    name,
    ssh: {
      user: 'root',
      authorizedKey: 'ssh-ed25519 AAAA me',
      hostKey: {
        privateKey: `-----BEGIN-----\n${name}\n-----END-----\n`,
        publicKey: `ssh-ed25519 BBBB ${name}`,
      },
    },
  });
  const templates = templatesIn('templates');

  test("the user's own user data is sent with belt's as a multipart document", async () => {
    const all = await userDataFor(
      [request('node1')],
      { user: 'root', own: '#!/bin/sh\necho grüße\n' },
      templates,
    );
    expect(all).toMatch(/^Content-Type: multipart\/mixed; boundary="belt-/);
    const parts = all
      .split(/\n\n/)
      .map((text) => Buffer.from(text.split('\n--')[0] ?? '', 'base64').toString());
    expect(parts).toContain('#!/bin/sh\necho grüße\n');
    expect(parts.some((text) => text.startsWith('#cloud-config\n') && text.includes('ssh_deletekeys'))).toBe(
      true,
    );
  });

  test('user data beyond the limit of DigitalOcean is refused', async () => {
    await expect(
      userDataFor([request('node1')], { user: 'root', own: 'x'.repeat(60_000) }, templates),
    ).rejects.toThrow('DigitalOcean accepts 65536');
  });
});
