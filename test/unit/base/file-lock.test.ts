import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLock } from '../../../src/base/file-lock.js';
import { recordFault } from '../../lab/record-fault.js';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belt-lock-'));
  path = join(folder, 'vm');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const lock = <T>(waitMs: number, work: () => Promise<T>) => withLock(path, { what: 'the VM', waitMs }, work);

async function holdFor(ageMs: number): Promise<void> {
  await mkdir(path);
  const begun = new Date(Date.now() - ageMs);
  await utimes(path, begun, begun);
}

test('a lock serializes work and leaves no file', async () => {
  let working = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++working);
    await new Promise((done) => setTimeout(done, 20));
    working--;
  };
  await Promise.all(Array.from({ length: 4 }, () => lock(10_000, work)));
  expect(most).toBe(1);
  expect(await readdir(folder)).toEqual([]);
});

test('a lock is released when the work fails', async () => {
  await expect(lock(0, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await lock(0, async () => 'yes')).toBe('yes');
});

test('a timeout names the holder of the lock and the remedy', async () => {
  await holdFor(0);
  await expect(lock(100, async () => {})).rejects.toMatchObject({
    message: 'another process has held the lock of the VM for 0 s',
    hint: `wait until it is done; if no belt is running: rmdir ${path}`,
  });
});

test('a lock that its holder no longer renews is taken over', async () => {
  await holdFor(60_000);
  expect(await lock(100, async () => 'done')).toBe('done');
});

test('the lock of a process that has exited is taken over sooner than that of a running one', async () => {
  await holdFor(3_000);
  const holder = { pid: process.pid, startTime: '1', hostname: hostname() };
  await writeFile(`${path}.holder`, JSON.stringify({ pid: process.pid, hostname: hostname() }));
  await expect(lock(100, async () => {})).rejects.toThrow(`process ${process.pid} has held the lock`);
  await writeFile(
    `${path}.holder`,
    JSON.stringify(process.platform === 'linux' ? holder : { ...holder, pid: 2 ** 22 }),
  );
  expect(await lock(1_000, async () => 'done')).toBe('done');
});

test('a lock whose time lies in the future is taken over from an ended process at once', async () => {
  await holdFor(-86_400_000);
  await writeFile(`${path}.holder`, JSON.stringify({ pid: 2 ** 22, hostname: hostname() }));
  expect(await lock(1_000, async () => 'done')).toBe('done');
  recordFault({ kind: 'Two belts at once', fault: 'the clock is set back while a lock is held' });
});

test('a lock whose time lies in the future and is not renewed is taken over', async () => {
  await holdFor(-86_400_000);
  expect(await lock(60_000, async () => 'done')).toBe('done');
  recordFault({ kind: 'Two belts at once', fault: 'the clock is set back while a lock is held' });
});

test('an abort ends waiting for a lock', async () => {
  await holdFor(0);
  const abort = new AbortController();
  const options = { what: 'the VM', waitMs: 60_000, signal: abort.signal, onWait: () => abort.abort() };
  await expect(withLock(path, options, async () => {})).rejects.toMatchObject({ name: 'AbortError' });
});

test('a lock in a missing folder fails without waiting', async () => {
  path = join(folder, 'gone', 'vm');
  await expect(lock(60_000, async () => {})).rejects.toThrow('cannot lock the VM: no such file or directory');
});
