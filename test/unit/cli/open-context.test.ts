import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type OpenContext, openContext } from '../../../src/cli/open-context.js';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'belt-open-'));
  vi.stubEnv('HOME', home);
  vi.stubEnv('BELT_HOME', join(home, '.belt'));
  vi.stubEnv('MACHINE_STORAGE_PATH', join(home, 'machine'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const open = (flags: Parameters<typeof openContext>[1]): Promise<OpenContext> =>
  openContext(resolve('.'), flags);

test('--cluster takes precedence over MACHINE_STORAGE_PATH', async () => {
  const { context } = await open({ cluster: 'default' });
  expect(context.cluster).toMatchObject({ folder: join(home, '.belt', 'default'), byFolder: false });
  expect((await open({})).context.cluster).toMatchObject({ folder: join(home, 'machine'), byFolder: true });
});

test('use warns about MACHINE_STORAGE_PATH, which takes precedence', async () => {
  const { context } = await open({ cluster: 'default' });
  const warn = vi.spyOn(context.reporter, 'warn').mockReturnValue();
  await context.clusters.use('default');
  expect(warn).toHaveBeenCalledExactlyOnceWith(
    'MACHINE_STORAGE_PATH is set and takes precedence over the cluster in use: unset it to use "default"',
  );
  vi.stubEnv('MACHINE_STORAGE_PATH', '');
  await context.clusters.use('default');
  expect(warn).toHaveBeenCalledOnce();
});
