import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Config } from '@oclif/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import Rm from '../../../src/commands/rm.js';

let store: string;

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

/** As much of the framework as the command needs. */
const framework = {
  bin: 'belt',
  root: resolve('.'),
  runHook: async () => ({ successes: [], failures: [] }),
} as unknown as Config;

const left = async (): Promise<string[]> => (await readdir(join(store, 'machines'))).sort();

async function remove(...argv: string[]) {
  const told: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(told.push(String(text))));
  const command = new Rm(argv, framework);
  vi.spyOn(command, 'log').mockReturnValue();
  await command.init();
  const report = await command.run();
  return { report, told: told.join('') };
}

describe('machines whose records cannot be read', () => {
  test('are forgotten with --force, with what may be left', async () => {
    const { report, told } = await remove('-f', 'bad', 'empty', 'never');
    expect(report).toEqual({ ok: ['bad', 'empty'], failed: [], skipped: [] });
    expect(await left()).toEqual([]);
    expect(told).toContain(
      `bad is no longer recorded, but may still exist at its provider: state file ${join(store, 'machines/bad/config.json')} is damaged`,
    );
    expect(told).toContain(
      'empty is no longer recorded, but may still exist at its provider: there is no config.json in',
    );
    expect(told).toContain(`Can't remove "never": Docker machine "never" does not exist`);
  });

  test('are found by patterns where a record is damaged, and by name alone where there is none', async () => {
    expect((await remove('-f', '*')).report.ok).toEqual(['bad']);
    expect(await left()).toEqual(['empty']);
  });

  test.each(['bad', 'empty'])('are kept without --force, which is named (%s)', async (name) => {
    await expect(remove('-y', name)).rejects.toMatchObject({
      hint: `repair it, bring it back from a backup, or have the machine forgotten: belt rm --force ${name}`,
    });
    expect(await left()).toEqual(['bad', 'empty']);
  });

  test('do not keep --all from the others', async () => {
    expect((await remove('--all', '-y')).told).toContain('is damaged');
    expect(await left()).toEqual(['bad', 'empty']);
  });
});
