import { chmod, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ClientChoice, chooseDockerClient } from '../../../src/cli/docker-client.js';
import type { DockerClientSetting } from '../../../src/engine/model/docker-client-setting.js';
import { readEnvironment } from '../../../src/state/environment.js';

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'belt-client-')));
});
afterEach(() => rm(folder, { recursive: true }));

const choose = (setting: DockerClientSetting): Promise<ClientChoice> =>
  chooseDockerClient(setting, { ...readEnvironment(), variables: { PATH: folder } });

async function install(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  await chmod(path, 0o755);
  return path;
}

test('auto uses a client of this computer, and remote does not', async () => {
  const program = await install('docker', '\u007fELF');
  expect(await choose({ place: 'auto' })).toEqual({
    program,
    isForced: false,
    reason: 'docker_client: auto',
  });
  expect(await choose({ place: 'local', origin: 'f line 1' })).toEqual({
    program,
    isForced: true,
    reason: 'docker_client: local, f line 1',
  });
  expect(await choose({ place: 'remote', origin: 'f line 1' })).toEqual({
    isForced: true,
    reason: 'docker_client: remote, f line 1',
  });
});

test('without a client, auto uses the machine and local is an error', async () => {
  const problem = 'no docker client is installed on this computer';
  expect(await choose({ place: 'auto' })).toEqual({ isForced: false, reason: problem });
  await expect(choose({ place: 'local', origin: 'f line 1' })).rejects.toThrow(
    `f line 1: docker_client is local, but ${problem}`,
  );
});

test('podman and snaps are not clients for other engines', async () => {
  const path = await install('docker', '#!/bin/sh\nexec /usr/bin/podman "$@"\n');
  expect(await choose({ place: 'auto' })).toEqual({
    isForced: false,
    reason: `${path} is podman, which ignores DOCKER_HOST`,
  });
  for (const [target, reason] of [
    ['podman', `${path} is podman, which ignores DOCKER_HOST`],
    ['snap', `${path} is a snap, which cannot read belt's certificates`],
  ] as const) {
    await rm(path);
    await symlink(await install(target, '\u007fELF'), path);
    expect(await choose({ place: 'auto' })).toEqual({ isForced: false, reason });
  }
});
