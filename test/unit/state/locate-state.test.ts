import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { chooseCluster, listClusters, useCluster } from '../../../src/state/cluster-index.js';
import type { Environment } from '../../../src/state/environment.js';
import { locateState } from '../../../src/state/locate-state.js';

let top: string;
let home: string;

beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'belt-locate-'));
  home = join(top, 'home');
  await mkdir(join(home, 'project', 'deep', 'er'), { recursive: true });
});

afterEach(async () => {
  await rm(top, { recursive: true });
});

function at(path: string, variables: Environment['variables'] = {}): Environment {
  const uid = process.geteuid?.();
  return {
    variables,
    cwd: join(top, path),
    home,
    platform: 'linux',
    isRoot: false,
    ...(uid !== undefined && { uid }),
  };
}

describe('locateState', () => {
  test('the state is in ~/.belt by default, and nothing is created', async () => {
    const expected = { root: join(home, '.belt'), settingsFiles: [] };
    for (const path of ['home/project/deep', 'home', '.'])
      expect(await locateState(at(path))).toEqual(expected);
  });

  test('the state is in the nearest ancestor with .belt.yaml or .belt/', async () => {
    await mkdir(join(home, 'project/.belt'));
    expect(await locateState(at('home/project/deep/er'))).toEqual({
      root: join(home, 'project/.belt'),
      settingsFiles: [],
    });
    const settings = join(home, 'project/deep/.belt.yaml');
    await writeFile(settings, '');
    expect(await locateState(at('home/project/deep/er'))).toEqual({
      root: join(home, 'project/deep/.belt'),
      settingsFiles: [settings],
    });
    expect((await locateState(at('home/project'))).root).toBe(join(home, 'project/.belt'));
  });

  test("project settings take precedence over the user's settings", async () => {
    await writeFile(join(home, '.belt.yaml'), '');
    await writeFile(join(home, 'project/.belt.yaml'), '');
    expect((await locateState(at('home/project/deep'))).settingsFiles).toEqual([
      join(home, 'project/.belt.yaml'),
      join(home, '.belt.yaml'),
    ]);
    expect(await locateState(at('home'))).toEqual({
      root: join(home, '.belt'),
      settingsFiles: [join(home, '.belt.yaml')],
    });
  });

  test('a project takes precedence over BELT_HOME, and BELT_HOME over ~/.belt, even inside the home folder', async () => {
    await mkdir(join(home, '.belt'));
    await writeFile(join(home, '.belt.yaml'), '');
    const environment = at('home/project', { BELT_HOME: '../state' });
    expect(await locateState(environment)).toEqual({
      root: join(home, 'state'),
      settingsFiles: [join(home, '.belt.yaml')],
    });
    await mkdir(join(home, 'project/.belt'));
    expect((await locateState(environment)).root).toBe(join(home, 'project/.belt'));
    expect((await locateState(at('home', { BELT_HOME: '' }))).root).toBe(join(home, '.belt'));
  });

  test('folders above the home folder are ignored inside it', async () => {
    await mkdir(join(top, '.belt'));
    expect((await locateState(at('home/project'))).root).toBe(join(home, '.belt'));
    expect((await locateState(at('.'))).root).toBe(join(top, '.belt'));
  });

  test('--storage-path takes precedence over MACHINE_STORAGE_PATH as the cluster folder', async () => {
    const environment = at('home', { MACHINE_STORAGE_PATH: '/machines' });
    expect(await locateState(environment)).toEqual({
      root: join(home, '.belt'),
      settingsFiles: [],
      clusterFolder: '/machines',
    });
    expect((await locateState(environment, { 'storage-path': 'here' })).clusterFolder).toBe(
      join(home, 'here'),
    );
  });

  test('--cluster takes precedence over MACHINE_STORAGE_PATH and excludes --storage-path', async () => {
    const environment = at('home', { MACHINE_STORAGE_PATH: '/machines' });
    expect((await locateState(environment, { cluster: 'prod' })).clusterFolder).toBeUndefined();
    await expect(
      locateState(environment, { cluster: 'prod', 'storage-path': 'here' }),
    ).rejects.toBeInstanceOf(UsageError);
  });

  test('a file cannot be the folder of a cluster', async () => {
    const file = join(top, 'store.yml');
    await writeFile(file, '');
    await expect(locateState(at('home'), { 'storage-path': file })).rejects.toThrow(
      `${file} is not a folder`,
    );
  });

  test('BELT_CLUSTER names the cluster, unless a flag does', async () => {
    const environment = at('home', { BELT_CLUSTER: 'prod', MACHINE_STORAGE_PATH: '/machines' });
    expect(await locateState(environment)).toMatchObject({ cluster: 'prod' });
    expect((await locateState(environment)).clusterFolder).toBeUndefined();
    expect((await locateState(environment, { cluster: 'dev' })).cluster).toBe('dev');
    expect((await locateState(environment, { 'storage-path': '/here' })).cluster).toBeUndefined();
    expect((await locateState(at('home', { BELT_CLUSTER: '' }))).cluster).toBeUndefined();
  });

  test.runIf(process.getuid?.() === 0)(
    "another user's settings in a world-writable folder are refused",
    async () => {
      const shared = join(top, 'shared');
      await mkdir(join(shared, 'mine'), { recursive: true });
      await writeFile(join(shared, '.belt.yaml'), '');
      await chmod(shared, 0o1777);
      expect((await locateState(at('shared/mine'))).root).toBe(join(shared, '.belt'));
      await chown(join(shared, '.belt.yaml'), 65_534, 65_534);
      await expect(locateState(at('shared/mine'))).rejects.toThrow(
        `${shared}/.belt.yaml belongs to another user (uid 65534), in a world-writable folder`,
      );
      const sudo = { uid: 65_534, gid: 65_534 };
      expect((await locateState({ ...at('shared/mine'), sudo })).root).toBe(join(shared, '.belt'));
    },
  );
});

describe('clusters', () => {
  test('the cluster "default" always exists and is used until another one is chosen', async () => {
    const root = join(home, '.belt');
    expect(await listClusters(root)).toEqual(['default']);
    expect(await chooseCluster({ root })).toEqual({
      name: 'default',
      folder: join(root, 'default'),
      byFolder: false,
    });
    await mkdir(join(root, 'swarm2k'), { recursive: true });
    await mkdir(join(root, '.hidden'));
    expect(await listClusters(root)).toEqual(['default', 'swarm2k']);
    await useCluster(root, 'swarm2k');
    expect(await readFile(join(root, 'active'), 'utf8')).toBe('cluster: swarm2k\n');
    expect(await listClusters(root)).toEqual(['default', 'swarm2k']);
    expect(await chooseCluster({ root })).toEqual({
      name: 'swarm2k',
      folder: join(root, 'swarm2k'),
      byFolder: false,
    });
    expect((await chooseCluster({ root, cluster: 'default' })).name).toBe('default');
    await useCluster(root, 'default');
    expect((await chooseCluster({ root })).name).toBe('default');
  });

  test('a command of a named cluster requires that it exists, unless it may create it', async () => {
    const root = join(home, '.belt');
    await mkdir(join(root, 'swarm2k'), { recursive: true });
    await expect(chooseCluster({ root, cluster: 'swarm2' })).rejects.toMatchObject({
      errorCode: 'cluster-not-found',
      hint: 'did you mean "swarm2k"?',
    });
    expect(await chooseCluster({ root, cluster: 'swarm2' }, { mayBeNew: true })).toEqual({
      name: 'swarm2',
      folder: join(root, 'swarm2'),
      byFolder: false,
    });
  });

  test('a cluster that does not exist cannot be used', async () => {
    const root = join(home, '.belt');
    await mkdir(join(root, 'swarm2k'), { recursive: true });
    await expect(useCluster(root, 'swarm2')).rejects.toMatchObject({
      message: 'no cluster is called "swarm2"',
      hint: 'did you mean "swarm2k"?',
    });
    await expect(useCluster(root, 'x')).rejects.toMatchObject({
      hint: 'use one of: default, swarm2k',
    });
    expect((await chooseCluster({ root })).name).toBe('default');
  });

  test.each(['../x', '', '.', '.x', 'a/b', 'active', 'a'.repeat(64), 'a b'])(
    '%j is not a valid cluster name',
    async (name) => {
      const error = await chooseCluster({ root: home, cluster: name }).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toBe(`"${name}" cannot be the name of a cluster`);
    },
  );

  test('a folder given directly is the cluster', async () => {
    const location = { root: home, clusterFolder: '/home/ada/.docker/machine' };
    expect(await chooseCluster(location)).toEqual({
      name: 'machine',
      folder: '/home/ada/.docker/machine',
      byFolder: true,
    });
    expect(await chooseCluster({ root: home, clusterFolder: '/' })).toEqual({
      name: 'default',
      folder: '/',
      byFolder: true,
    });
  });
});
