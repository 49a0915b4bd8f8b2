import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createContext,
  type DockerClient,
  listContexts,
  removeContexts,
  removeContextsOf,
  sshConfigPath,
} from '../../../src/contexts/docker-contexts.js';
import { engineEndpoint } from '../../../src/machines/model/machine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
/** The docker client's contexts: descriptions by name. */
let contexts: Map<string, string>;
/** Their endpoints; default: `x`. */
let endpoints: Map<string, string>;

const docker: DockerClient = async ([, verb, ...args]) => {
  const name = args.find((word) => !word.startsWith('-')) ?? '';
  const missing = { code: 1, stdout: '', stderr: `context "${name}" not found` };
  if (verb === 'ls') {
    const rows = [...contexts].map(([Name, Description]) =>
      JSON.stringify({ Name, Description, DockerEndpoint: endpoints.get(Name) ?? 'x' }),
    );
    return { code: 0, stdout: rows.join('\n'), stderr: '' };
  }
  if (verb === 'create' || verb === 'update')
    contexts.set(name, args[args.indexOf('--description') + 1] ?? '');
  else if (!contexts.has(name)) return missing;
  if (verb === 'rm') contexts.delete(name);
  return { code: 0, stdout: '', stderr: '' };
};

beforeEach(async () => {
  bed = await openTestBed();
  contexts = new Map([['default', '']]);
  endpoints = new Map();
  const [node1] = await bed.running('node1', 'node2');
  if (!node1) throw new Error('no machine');
  await bed.cluster.save({
    ...node1,
    name: 'box',
    driver: 'none',
    driverData: { URL: 'tcp://10.0.0.9:2376' },
  });
});
afterEach(() => bed.close());

const create = async (name: string, ssh = true) =>
  createContext({ machine: await bed.cluster.machine(name), ssh }, docker, bed.context);
const remove = (nodes: string[], all = false) =>
  removeContexts({ nodes, all, force: false }, docker, bed.context);
const contextNames = async () => (await listContexts(docker)).map(({ name }) => name);

test('a context over SSH is created next to a machine known only by its URL', async () => {
  await create('node1');
  expect(await contextNames()).toEqual(['belt-node1']);
  const config = await readFile(sshConfigPath(bed.context), 'utf8');
  expect(config).toContain('belt-node2');
  expect(config).not.toContain('box');
});

test('a context over SSH is refused for a machine known only by its URL', async () => {
  await expect(create('box')).rejects.toThrow('box is known only by its URL');
  expect(await contextNames()).toEqual([]);
});

test('the SSH configuration is written before the context is created', async () => {
  bed.context.cluster.files.write = async () => {
    throw new Error('the disk is full');
  };
  await expect(create('node1')).rejects.toThrow('the disk is full');
  expect(await contextNames()).toEqual([]);
});

test('the context of a removed machine is removed by name', async () => {
  await create('node1');
  await create('node2');
  await bed.cluster.remove('node1');
  expect(await remove(['node1'])).toEqual(['belt-node1']);
  await expect(remove(['node1'])).rejects.toThrow('node1');
  await expect(remove(['box'])).rejects.toThrow('docker: context "belt-box" not found');
  expect(await contextNames()).toEqual(['belt-node2']);
});

test('a glob removes existing contexts only', async () => {
  await create('node1');
  expect(await remove(['node*'])).toEqual(['belt-node1']);
});

test('--all removes the contexts of this cluster only', async () => {
  await create('node1');
  contexts.set('belt-other-node9', 'belt: node9 of cluster other');
  await bed.cluster.remove('node1');
  expect(await remove([], true)).toEqual(['belt-node1']);
  expect([...contexts.keys()]).toEqual(['default', 'belt-other-node9']);
});

test("contexts of removed machines are removed, but not another belt's with the same names", async () => {
  const machines = await Promise.all(['node1', 'node2', 'box'].map((name) => bed.cluster.machine(name)));
  await create('node1');
  contexts.set('belt-node2', 'belt: node2 of cluster default');
  contexts.set('belt-other-node1', 'belt: node1 of cluster other');
  contexts.set('mine', 'of node1');
  endpoints.set('belt-node1', 'ssh://belt-node1').set('belt-node2', 'tcp://192.0.2.1:2376');
  expect(await removeContextsOf(machines, docker, bed.context)).toEqual(['belt-node1']);
  endpoints.set('belt-node2', engineEndpoint(await bed.cluster.machine('node2'))?.url ?? '');
  expect(await removeContextsOf(machines, docker, bed.context)).toEqual(['belt-node2']);
  expect([...contexts.keys()]).toEqual(['default', 'belt-other-node1', 'mine']);
});

test('a context over SSH of another store is kept', async () => {
  contexts.set('belt-node1', 'belt: node1 of cluster default');
  endpoints.set('belt-node1', 'ssh://belt-node1');
  const machines = [await bed.cluster.machine('node1')];
  expect(await removeContextsOf(machines, docker, bed.context)).toEqual([]);
});
