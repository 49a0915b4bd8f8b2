import { mkdir, mkdtemp, readdir, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { alone } from '../../../../src/drivers/virtualbox/vm-lock.js';

describe('the lock that VirtualBox’s callers share', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'belt-lock-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('lets one work at a time, and leaves nothing', async () => {
    let working = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++working);
      await new Promise((done) => setTimeout(done, 20));
      working--;
    };
    await Promise.all(Array.from({ length: 4 }, () => alone(join(folder, 'vm'), 10_000, work)));
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test('is free again after a failure', async () => {
    const failed = alone(join(folder, 'vm'), 0, () => Promise.reject(new Error('no')));
    await expect(failed).rejects.toThrow('no');
    expect(await alone(join(folder, 'vm'), 0, async () => 'yes')).toBe('yes');
  });

  test('says who has it, and what to do, when the wait is over', async () => {
    await mkdir(join(folder, 'vm.lock'));
    await expect(alone(join(folder, 'vm'), 100, async () => {})).rejects.toMatchObject({
      message: `another belt has kept ${folder}/vm locked for 0 s`,
      hint: `wait until it is done; if none is running: rmdir ${folder}/vm.lock`,
    });
  });

  test('is taken over from a belt that was killed', async () => {
    const lock = join(folder, 'vm.lock');
    await mkdir(lock);
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(lock, longAgo, longAgo);
    expect(await alone(join(folder, 'vm'), 100, async () => 'done')).toBe('done');
  });

  test('waits for no folder that is not there', async () => {
    await expect(alone(join(folder, 'gone', 'vm'), 60_000, async () => {})).rejects.toThrow(
      /^cannot lock .*gone\/vm: ENOENT/,
    );
  });
});
