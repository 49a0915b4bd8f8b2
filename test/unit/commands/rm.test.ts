import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import type { Config } from '@oclif/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import Rm from '../../../src/commands/rm.js';

let store: string;
Rm.id = 'rm';

beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), 'belt-rm-'));
  vi.stubEnv('HOME', store);
  vi.stubEnv('MACHINE_STORAGE_PATH', store);
  await mkdir(join(store, 'machines', 'empty'), { recursive: true });
  await mkdir(join(store, 'machines', 'bad'));
  await writeFile(join(store, 'machines', 'bad', 'config.json'), '{bad');
  await writeFile(join(store, 'machines', 'bad', 'id_rsa'), '');
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await rm(store, { recursive: true });
});

/** The parts of oclif that the command needs. */
const framework = {
  bin: 'belt',
  root: resolve('.'),
  runHook: async () => ({ successes: [], failures: [] }),
} as unknown as Config;

const left = async (): Promise<string[]> => (await readdir(join(store, 'machines'))).sort();

async function remove(...argv: string[]) {
  const stderr: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(stderr.push(String(text))));
  const command = new Rm(argv, framework);
  vi.spyOn(command, 'log').mockReturnValue();
  await command.init();
  const report = await command.run();
  return { report, stderr: stderr.join('') };
}

test('rm without an answer removes nothing, and fails', async () => {
  await mkdir(join(store, 'machines', 'node1'));
  await writeFile(
    join(store, 'machines', 'node1', 'config.json'),
    JSON.stringify({
      ConfigVersion: 3,
      Name: 'node1',
      DriverName: 'none',
      Driver: { MachineName: 'node1', URL: 'tcp://10.0.0.9:2376' },
    }),
  );
  const input = Object.assign(new PassThrough(), { isTTY: false });
  vi.spyOn(process, 'stdin', 'get').mockReturnValue(input as unknown as typeof process.stdin);
  input.end();
  await expect(remove('node1')).rejects.toMatchObject({
    message: 'aborted; nothing was removed',
    hint: 'belt rm --yes node1',
    errorCode: 'aborted',
  });
  expect(await left()).toEqual(['bad', 'empty', 'node1']);
});

test('rm --all in an empty cluster asks nothing', async () => {
  await rm(join(store, 'machines'), { recursive: true });
  const { report, stderr } = await remove('--all');
  expect(report).toEqual({ ok: [], failed: [], skipped: [] });
  expect(stderr).toBe('This cluster has no machines\n');
});

describe('rm of damaged records', () => {
  test('rm --force removes damaged records and warns about remaining machines', async () => {
    const { report, stderr } = await remove('-f', 'bad', 'empty', 'never');
    expect(report).toEqual({ ok: ['bad', 'empty'], failed: [], skipped: [] });
    expect(await left()).toEqual([]);
    expect(stderr).toContain(
      `bad is no longer recorded, but may still exist at its provider: state file ${join(store, 'machines/bad/config.json')} is damaged`,
    );
    expect(stderr).toContain(
      'empty is no longer recorded, but may still exist at its provider: there is no config.json in',
    );
    expect(stderr).toContain(`Can't remove "never": Docker machine "never" does not exist`);
  });

  test('patterns match damaged records, but not machines without a record', async () => {
    expect((await remove('-f', '*')).report.ok).toEqual(['bad']);
    expect(await left()).toEqual(['empty']);
  });

  test.each(['bad', 'empty'])('rm without --force keeps %s and suggests --force', async (name) => {
    await expect(remove('-y', name)).rejects.toMatchObject({
      hint: `repair it, restore it from a backup, or forget the machine: belt rm --force ${name}`,
    });
    expect(await left()).toEqual(['bad', 'empty']);
  });

  test('rm --all keeps damaged records and removes the others', async () => {
    expect((await remove('--all', '-y')).stderr).toContain('is damaged');
    expect(await left()).toEqual(['bad', 'empty']);
  });
});
