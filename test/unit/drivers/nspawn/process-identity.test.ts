import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import {
  isAlive,
  type ProcessIdentity,
  parseIdentity,
  sendSignal,
  waitForEnd,
} from '../../../../src/drivers/nspawn/process-identity.js';

describe.skipIf(process.platform !== 'linux')('a process', () => {
  test('a process is identified from its start to its end, and not confused with another', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const exit = once(child, 'exit');
    await once(child, 'spawn');
    const identity = await identityOf(child.pid ?? 0);
    expect(identity.pid).toBe(child.pid);
    expect(await isAlive(identity)).toBe(true);
    expect(await isAlive({ ...identity, startTime: `${Number(identity.startTime) + 1}` })).toBe(false);
    expect(await isAlive({ ...identity, bootId: 'another boot' })).toBe(false);
    expect(await waitForEnd(identity, 0)).toBe(false);
    sendSignal(identity.pid, 'SIGKILL');
    expect(await waitForEnd(identity, 10_000)).toBe(true);
    await exit;
    sendSignal(identity.pid, 'SIGTERM');
  });
});

test('program names with blanks and brackets do not shift the fields', () => {
  const fields = Array.from({ length: 50 }, (_, index) => String(index + 4));
  expect(parseIdentity(`7 (a) R (b c)) S ${fields.join(' ')}\nboot\n`)).toEqual({
    pid: 7,
    startTime: '22',
    bootId: 'boot',
  });
  expect(parseIdentity('')).toBeUndefined();
  expect(parseIdentity('7 (sh)')).toBeUndefined();
});

async function identityOf(pid: number): Promise<ProcessIdentity> {
  const read = (path: string) => readFile(path, 'utf8');
  const identity = parseIdentity(
    (await read(`/proc/${pid}/stat`)) + (await read('/proc/sys/kernel/random/boot_id')),
  );
  if (!identity) throw new Error(`no process ${pid}`);
  return identity;
}
