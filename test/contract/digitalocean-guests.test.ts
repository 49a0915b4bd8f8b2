import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateKeyPair } from '../../src/ssh/index.js';
import { type Belt, newBelt } from '../lab/belt.js';
import { type Emulator, startEmulator } from '../lab/digitalocean/emulator.js';
import { backendWithGuests, type Guests } from '../lab/digitalocean/guests.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** The built program with real guests as droplets; scenario.ts covers what all drivers share. */
describe.runIf(canCreateMachines())('machines on DigitalOcean', () => {
  let belt: Belt;
  let guests: Guests;
  let cloud: Emulator;

  beforeAll(async () => {
    guests = await backendWithGuests();
    cloud = await startEmulator(guests);
    belt = await newBelt({ DIGITALOCEAN_API_URL: cloud.url, DIGITALOCEAN_ACCESS_TOKEN: cloud.token });
  });

  afterAll(async () => {
    await belt?.dispose();
    await cloud?.close();
    await guests?.dispose();
    expect(cloud?.violations).toEqual([]);
  });

  const states = async (): Promise<Record<string, string>> => {
    const rows = (await belt.list()) as { name: string; state: string }[];
    return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
  };
  const namesThere = (): string[] => [...cloud.account.droplets.values()].map(({ name }) => name).sort();

  test('a second create resumes one that was killed at any step', async () => {
    const args = ['create', '-d', 'digitalocean', '512mb', 'node[1:4]'];
    cloud.fail({ on: /^POST \/v2\/droplets$/, kind: 'half' });
    const first = belt.spawn(args);
    // Half of the droplets are created, the response is lost, and belt is killed.
    while (cloud.account.droplets.size === 0) await new Promise((wait) => setTimeout(wait, 20));
    first.kill('SIGKILL');
    await new Promise((ended) => first.once('close', ended));

    const { code, stderr } = await belt.run(args, { timeoutMs: 300_000 });
    expect([code, stderr]).toEqual([0, expect.stringContaining('in nyc3: $16.00 a month')]);
    expect(namesThere()).toEqual(['node1', 'node2', 'node3', 'node4']);
    expect(await states()).toEqual({
      node1: 'running',
      node2: 'running',
      node3: 'running',
      node4: 'running',
    });
    const engines = await belt.ok(['exec', 'node[1:4]', '--', 'docker', 'info', '--format', '{{.Name}}']);
    for (const name of namesThere()) expect(engines).toContain(name);
    recordFault({
      kind: 'Killed and interrupted',
      fault: '`create` is killed while half of the droplets exist',
    });
  }, 400_000);

  test('gc finds a droplet without a record', async () => {
    await rm(join(belt.folder, '.belt/default/machines/node3'), { recursive: true });
    expect(JSON.parse(await belt.ok(['gc', '--dry-run', '--json']))).toEqual({ strays: ['node3'], gone: [] });
    await belt.ok(['gc', '--yes']);
    expect(namesThere()).toEqual(['node1', 'node2', 'node4']);
  });

  test('a snapshot can be listed, used for new droplets, and deleted', async () => {
    const [snapshot] = (
      JSON.parse(await belt.ok(['snapshot', '--name', 'base', 'node1', '--json'])) as { ok: object[] }
    ).ok;
    expect(snapshot).toEqual({ machine: 'node1', name: 'base', id: expect.stringMatching(/^\d+$/) });
    expect(await belt.ok(['image', 'ls', '-d', 'digitalocean'])).toMatch(/^base +\d+ /m);
    await belt.ok(['create', '-d', 'digitalocean', '--digitalocean-image', 'base', '512mb', 'node6'], {
      timeoutMs: 200_000,
    });
    expect(cloud.account.createRequests.at(-1)).toMatchObject({
      image: Number((snapshot as { id: string }).id),
    });
    expect(await belt.ok(['image', 'rm', '-d', 'digitalocean', 'base'])).toBe('base\n');
    expect(await belt.ok(['image', 'ls', '-d', 'digitalocean'])).not.toContain('base');
  }, 300_000);

  test("create uses a key of the account and the user's own user data, and the token appears in no file or output", async () => {
    const settings = join(belt.folder, 'userdata');
    await writeFile(settings, '#!/bin/sh\necho hello > /root/hello\n');
    const { publicKey } = generateKeyPair('mine');
    const { fingerprint } = cloud.account.addKey({ name: 'mine', public_key: publicKey });
    const args = [
      ...['--digitalocean-access-token', cloud.token, '--digitalocean-userdata', settings],
      ...['--digitalocean-ssh-key-fingerprint', fingerprint],
    ];
    const { code, stdout, stderr } = await belt.run(
      ['create', '-d', 'digitalocean', '--debug', ...args, '512mb', 'node5'],
      { timeoutMs: 200_000 },
    );
    expect(code).toBe(0);
    expect(`${stdout}${stderr}`).not.toContain(cloud.token);
    expect(await belt.ok(['exec', 'node5', '--', 'cat', '/root/hello'])).toContain('hello');
    for (const entry of await readdir(belt.folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toContain(cloud.token);
    }
  }, 300_000);
});
