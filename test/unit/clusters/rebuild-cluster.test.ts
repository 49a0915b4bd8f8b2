import { afterEach, beforeEach, expect, test } from 'vitest';
import { planRebuild, rebuildCluster } from '../../../src/clusters/rebuild-cluster.js';
import { clusterOf, tagsOf } from '../../../src/drivers/digitalocean/droplets.js';
import type { FoundMachine } from '../../../src/machines/model/machine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

const [one, other] = ['3f0b2a1c-1111-4222-8333-000000000001', '3f0b2a1c-1111-4222-8333-000000000002'];

let bed: TestBed;
let found: FoundMachine[];

beforeEach(async () => {
  bed = await openTestBed();
  found = [];
  Object.assign(bed.driver, { discover: async () => found });
});

afterEach(() => bed.close());

function machine(name: string, id: string, more: Partial<FoundMachine> = {}): FoundMachine {
  return {
    name,
    id: `id-${name}`,
    state: 'running',
    addresses: { public: '10.0.0.1' },
    size: '1gb',
    cluster: { id, name: 'prod' },
    ssh: { user: 'root', port: 22 },
    createdAt: '2026-01-02T03:04:05.000Z',
    ...more,
  };
}

const plan = (more: object = {}) => planRebuild({ driver: 'memory', ...more }, bed.context);

test('planRebuild finds the only cluster and keeps its name', async () => {
  found = [machine('node1', one), machine('node2', one, { state: 'stopped' })];
  const { context, lost, unchanged } = await plan();
  expect(context.cluster.name).toBe('prod');
  expect(lost.map(({ machine: { name }, state }) => `${name} ${state}`)).toEqual([
    'node1 running',
    'node2 stopped',
  ]);
  expect(lost[0]?.machine).toEqual({
    name: 'node1',
    driver: 'memory',
    phase: 'ready',
    id: 'id-node1',
    size: '1gb',
    addresses: { public: '10.0.0.1' },
    ssh: { user: 'root', port: 22, keyPath: context.cluster.sshKeyPath },
    driverData: {},
    createdAt: '2026-01-02T03:04:05.000Z',
  });
  expect(unchanged).toEqual([]);
  expect(await context.clusters.names()).toEqual(['default']);
});

test('planRebuild selects a cluster by name or ID', async () => {
  found = [machine('node1', one), machine('node1', other), machine('db1', other)];
  await expect(plan({ cluster: 'prod' })).rejects.toThrow(
    `memory has 2 clusters: prod ${one} (node1); prod ${other} (node1, db1)`,
  );
  const { lost } = await plan({ cluster: other });
  expect(lost.map(({ machine: { name } }) => name)).toEqual(['node1', 'db1']);
  await expect(plan({ cluster: 'test' })).rejects.toThrow('memory has no cluster "test"');
});

test('planRebuild refuses an empty account and a driver without tags', async () => {
  await expect(plan()).rejects.toThrow('memory has no machines created by belt');
  Object.assign(bed.driver, { discover: undefined });
  await expect(plan()).rejects.toThrow('driver memory does not tag machines');
});

test('existing records are kept, and another cluster with that name is refused', async () => {
  await bed.running('node1');
  const id = await bed.cluster.establish();
  const here = { cluster: { id, name: 'default' } };
  found = [machine('node1', id, { ...here, size: '8gb' }), machine('node2', id, here)];
  const { lost, unfinished, unchanged } = await plan();
  // The record has no engine, so its creation is resumed.
  expect(unfinished.map(({ machine: { name, size } }) => `${name} ${size}`)).toEqual(['node1 512mb']);
  expect([lost.map(({ machine: { name } }) => name), unchanged]).toEqual([['node2'], []]);

  found = [machine('node1', one, { cluster: { id: one, name: 'default' } })];
  await expect(plan()).rejects.toThrow('is a different cluster');
  expect((await plan({ as: 'again' })).context.cluster.name).toBe('again');
});

test('machines that refuse the login or are stopped are recorded and reported as failed', async () => {
  found = [machine('node1', one), machine('node2', one, { state: 'stopped' })];
  bed.ssh.refused.add('node1');
  const rebuilt = await plan();
  const outcomes = await rebuildCluster(rebuilt, { timeoutMs: 1000 });
  const errors = outcomes.map((outcome) => (outcome.status === 'failed' ? outcome.error.message : ''));
  expect(errors).toEqual([
    'node1: refused by 10.0.0.1 port 22',
    'recorded, but not provisioned: it is stopped',
  ]);
  const { machines } = await rebuilt.context.cluster.machines();
  expect(machines.map(({ name, engine }) => [name, engine])).toEqual([
    ['node1', undefined],
    ['node2', undefined],
  ]);
  expect(rebuilt.context.cluster.id).toBe(one);
});

test('DigitalOcean tags identify the cluster', () => {
  expect(clusterOf(tagsOf({ id: one, name: 'my.cluster' }, ['web']))).toEqual({
    id: one,
    name: 'my_cluster',
  });
  expect(clusterOf(['belt', `belt-id:${one}`])).toBeUndefined();
});
