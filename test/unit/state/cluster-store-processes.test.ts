import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { UserError } from '../../../src/base/errors.js';
import { readProcessStat } from '../../../src/base/process-stat.js';
import { openClusterStore } from '../../../src/state/cluster-store.js';
import { recordFault } from '../../lab/record-fault.js';
import { buildStoreProgram, type StoreProgram } from './run-store-program.js';

const isRoot = process.getuid?.() === 0;
/** Debian's unprivileged user. */
const unprivileged = 65_534;
const unprivilegedName = 'nobody'; // word-list: quoted

let program: StoreProgram;
let root: string;
let folder: string;

beforeAll(async () => {
  program = await buildStoreProgram();
});

afterAll(async () => {
  await program.remove();
});

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'belt-store-'));
  await chmod(root, 0o755);
  folder = join(root, '.belt', 'default');
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function run(
  args: readonly string[],
  options: Parameters<StoreProgram['start']>[1] = {},
): Promise<unknown> {
  const running = program.start(args, options);
  const answer = await running.next();
  await running.ended;
  return answer;
}

async function owners(path: string): Promise<Record<string, number>> {
  const paths = await readdir(path, { recursive: true });
  const entries = ['', ...paths].map(async (entry) => [entry, (await stat(join(path, entry))).uid] as const);
  return Object.fromEntries(await Promise.all(entries));
}

describe('claims', () => {
  test('a claim keeps another belt off the same machines only', async () => {
    const first = program.start(['claim', folder, 'node1', 'node2']);
    expect(await first.next()).toBe('claimed');
    expect(
      await run(['claim', folder, 'node0', 'node2', 'node3'], { stdio: ['ignore', 'pipe', 'pipe'] }),
    ).toEqual({
      error: `node2 is being created by another belt (process ${first.child.pid})`,
      hint: `wait until it is done, or end it: kill ${first.child.pid}`,
    });
    const third = program.start(['claim', folder, 'node3']);
    expect(await third.next()).toBe('claimed');
    for (const running of [first, third]) {
      running.child.stdin?.end();
      expect(await running.next()).toBe('released');
      await running.ended;
    }
    expect(await readdir(join(folder, 'claims'))).toEqual([]);
  });

  test('one of many concurrent claims of a name succeeds', async () => {
    const all = Array.from({ length: 6 }, () => program.start(['claim', folder, 'node1']));
    const answers = await Promise.all(all.map((running) => running.next()));
    expect(answers.filter((answer) => answer === 'claimed')).toHaveLength(1);
    const winner = all[answers.indexOf('claimed')];
    const refused = {
      error: `node1 is being created by another belt (process ${winner?.child.pid})`,
      hint: expect.any(String),
    };
    expect(answers.filter((answer) => answer !== 'claimed')).toEqual(Array(5).fill(refused));
    winner?.child.stdin?.end();
    await Promise.all(all.map(({ ended }) => ended));
    recordFault({ kind: 'Two belts at once', fault: 'belts claim the same machine', tried: 6 });
  });

  test('the claim of a killed belt expires', async () => {
    const first = program.start(['claim', folder, 'node1']);
    expect(await first.next()).toBe('claimed');
    first.child.kill('SIGKILL');
    await first.ended;
    expect(await readdir(join(folder, 'claims'))).toHaveLength(1);
    const store = await openClusterStore({ name: 'default', folder });
    const claim = await store.claim(['node1'], 'removed');
    await claim.release();
    await claim.release();
    expect(await readdir(join(folder, 'claims'))).toEqual([]);
    recordFault({ kind: 'Killed and interrupted', fault: 'belt is killed while it holds a claim' });
  });

  const claimOf = (more: object): string =>
    JSON.stringify({
      version: 1,
      pid: process.pid,
      hostname: hostname(),
      what: 'created',
      names: ['node1'],
      ...more,
    });

  test.runIf(process.platform === 'linux')(
    'the claim of a process whose PID was reused expires',
    async () => {
      const store = await openClusterStore({ name: 'default', folder });
      await mkdir(join(folder, 'claims'), { recursive: true });
      await writeFile(join(folder, 'claims', 'old.json'), claimOf({ startTime: '1' }));
      await (await store.claim(['node1'], 'created')).release();
      await writeFile(join(folder, 'claims', 'mine.json'), claimOf({}));
      await expect(store.claim(['node1'], 'created')).rejects.toThrow(
        `node1 is being created by another belt (process ${process.pid})`,
      );
    },
  );

  test('a claim from another computer holds until its file is removed', async () => {
    const store = await openClusterStore({ name: 'default', folder });
    const path = join(folder, 'claims', 'far.json');
    await mkdir(join(folder, 'claims'), { recursive: true });
    await writeFile(path, claimOf({ pid: 7, hostname: 'far', names: ['a', 'b', 'c', 'd', 'e'] }));
    const error: UserError = await store
      .claim(['a', 'b', 'c', 'd', 'x'], 'created')
      .catch((thrown) => thrown);
    expect(error.message).toBe('a, b, c and 1 more are being created by another belt (process 7 on far)');
    expect(error.hint).toBe(`wait until it is done; if no belt runs on far: rm ${path}`);
  });

  test.each(['', '{"version":1,"pid":47', '\0'.repeat(200)])('a torn claim %j is removed', async (text) => {
    const store = await openClusterStore({ name: 'default', folder });
    await mkdir(join(folder, 'claims'), { recursive: true });
    await writeFile(join(folder, 'claims', 'torn.json'), text);
    await (await store.claim(['node1'], 'created')).release();
    expect(await readdir(join(folder, 'claims'))).toEqual([]);
    recordFault({ kind: 'Disks and files', fault: 'the claim of a killed belt is torn' });
  });

  test.runIf(process.platform === 'linux')('a claim from before a reboot expires', async () => {
    const store = await openClusterStore({ name: 'default', folder });
    const path = join(folder, 'claims', 'mine.json');
    await mkdir(join(folder, 'claims'), { recursive: true });
    const startTime = (await readProcessStat(process.pid))?.startTime;
    await writeFile(path, claimOf({ startTime, bootId: 'another boot' }));
    await (await store.claim(['node1'], 'created')).release();
    await writeFile(path, claimOf({ startTime }));
    await expect(store.claim(['node1'], 'created')).rejects.toThrow('node1 is being created by another belt');
  });

  test('an unreadable claim is reported, not ignored', async () => {
    const store = await openClusterStore({ name: 'default', folder });
    const path = join(folder, 'claims', 'odd.json');
    await mkdir(join(folder, 'claims'), { recursive: true });
    await writeFile(path, '{"version": 1}');
    await expect(store.claim(['x'], 'created')).rejects.toThrow(
      `state file ${path} is damaged: it is not the claim of a running belt`,
    );
  });
});

describe('the lock', () => {
  test('belt waits for the lock', async () => {
    const holder = program.start(['holdLock', folder]);
    expect(await holder.next()).toBe('locked');
    const store = await openClusterStore({ name: 'default', folder });
    const order: string[] = [];
    const waiting = store.lock(async () => order.push('second'));
    await sleep(200);
    order.push('first');
    holder.child.stdin?.end();
    await waiting;
    expect(order).toEqual(['first', 'second']);
    await holder.ended;
    expect(await readdir(folder)).toEqual([]);
  });

  test('the lock is granted within a process in the order of the requests', async () => {
    const store = await openClusterStore({ name: 'default', folder });
    const order: number[] = [];
    const numbers = Array.from({ length: 100 }, (_, number) => number);
    await Promise.all(numbers.map((number) => store.lock(async () => order.push(number))));
    expect(order).toEqual(numbers);
    await expect(
      store.lock(async () => {
        throw new Error('broken work');
      }),
    ).rejects.toThrow('broken work');
    expect(await store.lock(async () => 'next')).toBe('next');
  });

  test('the lock of a killed belt is taken over', async () => {
    const holder = program.start(['holdLock', folder]);
    expect(await holder.next()).toBe('locked');
    holder.child.kill('SIGKILL');
    await holder.ended;
    const store = await openClusterStore({ name: 'default', folder });
    expect(await store.lock(async () => 'mine')).toBe('mine');
    recordFault({ kind: 'Killed and interrupted', fault: 'belt is killed while it holds the lock' });
  });
});

test('a belt that is killed while it saves leaves complete files', async () => {
  let tried = 0;
  const seen = new Set<unknown>();
  for (let round = 0; round < 12; round++) {
    tried++;
    const running = program.start(['saveForever', folder]);
    expect(await running.next()).toBe('saving');
    await sleep(3 + round * 3);
    running.child.kill('SIGKILL');
    await running.ended;
    const { machines, damaged } = await (await openClusterStore({ name: 'default', folder })).machines();
    expect(damaged).toEqual([]);
    const data = machines[0]?.driverData;
    expect(data?.['payload'] === String(Number(data?.['round']) % 10).repeat(1_000_000)).toBe(true);
    seen.add(data?.['round']);
  }
  // Checks that the kills came at different points.
  expect(seen.size).toBeGreaterThan(1);
  recordFault({
    kind: 'Killed and interrupted',
    fault: 'belt is killed while it saves records',
    tried,
    lost: 'the save that it killed',
  });
}, 60_000);

describe('a read-only state folder', () => {
  const options = isRoot ? { uid: unprivileged, gid: unprivileged } : {};

  async function readOnlyStore(): Promise<void> {
    expect(await run(['save', folder, 'node1'])).toEqual(expect.stringMatching(/^[0-9a-f-]{36}$/));
    const paths = ['', ...(await readdir(root, { recursive: true }))].map((path) => join(root, path));
    for (const path of paths) {
      const mode = (await stat(path)).isDirectory() ? 0o555 : 0o444;
      await chmod(path, mode);
    }
  }

  afterEach(async () => {
    for (const path of ['', ...(await readdir(root, { recursive: true }))])
      await chmod(join(root, path), 0o755);
  });

  test('a read-only state folder can be read', async () => {
    await readOnlyStore();
    expect(await run(['read', folder], options)).toEqual({ machines: ['node1'], damaged: [] });
  });

  test('a write to a read-only state folder fails at once with a hint', async () => {
    await readOnlyStore();
    const hint = expect.stringContaining('chown');
    expect(await run(['claim', folder, 'node2'], options)).toEqual({
      error: `cannot lock ${folder}: permission denied`,
      hint,
    });
    expect(await run(['save', folder, 'node2'], options)).toEqual({
      error: `cannot create ${join(folder, 'machines', 'node2')}: permission denied`,
      hint,
    });
    expect((await readdir(join(folder, 'machines'))).sort()).toEqual(['node1']);
    expect(await run(['save', join(root, 'other', '.belt'), 'node2'], options)).toEqual({
      error: `cannot create ${join(root, 'other', '.belt')}: permission denied`,
      hint,
    });
  });

  test('an unreadable state folder is reported', async () => {
    await readOnlyStore();
    await chmod(folder, 0o000);
    const answer = await run(['read', folder], options);
    await chmod(folder, 0o755);
    expect(answer).toEqual({
      error: `cannot read ${join(folder, 'cluster.json')}: permission denied`,
      hint: expect.stringContaining('chown'),
    });
  });
});

describe.runIf(isRoot)('under sudo', () => {
  const sudo = {
    ...process.env,
    SUDO_UID: String(unprivileged),
    SUDO_GID: String(unprivileged),
    SUDO_USER: unprivilegedName,
  };

  test('with sudo, new state files belong to the caller, who can use them without root', async () => {
    await chown(root, unprivileged, unprivileged);
    const id = await run(['save', folder, 'node1', 'node2'], { env: sudo });
    const state = join(root, '.belt');
    expect(await owners(state)).toEqual({
      '': unprivileged,
      default: unprivileged,
      'default/active': unprivileged,
      'default/claims': unprivileged,
      'default/cluster.json': unprivileged,
      'default/machines': unprivileged,
      'default/machines/node1': unprivileged,
      'default/machines/node1/config.json': unprivileged,
      'default/machines/node2': unprivileged,
      'default/machines/node2/config.json': unprivileged,
      'default/ssh': unprivileged,
      'default/ssh/id_ed25519': unprivileged,
      'default/ssh/id_ed25519.pub': unprivileged,
    });
    expect((await stat(join(folder, 'machines'))).mode & 0o777).toBe(0o700);
    expect(await run(['save', folder, 'node3'], { uid: unprivileged, gid: unprivileged })).toBe(id);
    expect(await run(['read', folder], { uid: unprivileged, gid: unprivileged })).toEqual({
      machines: ['node1', 'node2', 'node3'],
      damaged: [],
    });
  });

  test('with sudo, existing folders keep their owner', async () => {
    await mkdir(join(root, '.belt'));
    await run(['save', folder, 'node1'], { env: sudo });
    expect((await stat(join(root, '.belt'))).uid).toBe(0);
    expect((await stat(folder)).uid).toBe(unprivileged);
  });

  test("with sudo, home is the caller's home by the account database, not $HOME", async () => {
    const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
    const home = accounts.find(([, , uid]) => uid === String(unprivileged))?.[5];
    expect(
      await run(['environment'], { env: { ...sudo, HOME: '/root', SSH_AUTH_SOCK: '/agent' }, cwd: root }),
    ).toEqual({
      cwd: root,
      home,
      user: unprivilegedName,
      platform: 'linux',
      uid: 0,
      isRoot: true,
      sudo: { uid: unprivileged, gid: unprivileged },
      sshAgentSocket: '/agent',
      location: { root: join(String(home), '.belt'), settingsFiles: [] },
    });
  });

  test("an unknown sudo caller keeps HOME, and root's sudo or a user's variables are ignored", async () => {
    const base = { PATH: process.env['PATH'], HOME: '/somewhere' };
    expect(
      await run(['environment'], { env: { ...base, SUDO_UID: '4123456', SUDO_USER: 'ghost' } }),
    ).toMatchObject({
      home: '/somewhere',
      user: 'ghost',
      sudo: { uid: 4_123_456, gid: 4_123_456 },
    });
    expect(await run(['environment'], { env: { ...base, SUDO_UID: '0', SUDO_GID: '0' } })).not.toHaveProperty(
      'sudo',
    );
    expect(
      await run(['environment'], { env: { ...base, SUDO_UID: '0' }, uid: unprivileged, gid: unprivileged }),
    ).toEqual(expect.not.objectContaining({ sudo: expect.anything() }));
  });
});
