import { afterEach, beforeEach, expect, test } from 'vitest';
import { defaultEngineSettings } from '../../../src/engine/model/engine-settings.js';
import { initSwarm } from '../../../src/swarm/init-swarm.js';
import { joinSwarm } from '../../../src/swarm/join-swarm.js';
import { labelNodes } from '../../../src/swarm/label-nodes.js';
import { listInventory } from '../../../src/swarm/list-inventory.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
beforeEach(async () => {
  bed = await openTestBed();
});
afterEach(() => bed.close());

const inventory = (nodes: string[] = []) =>
  listInventory({ nodes, all: false, timeoutMs: 5_000 }, bed.context);

test('an inventory has roles and labels from the swarm, and labels from the records', async () => {
  const [node1, node2, node3] = await bed.running('node1', 'node2', 'node3');
  if (!node1 || !node2 || !node3) throw new Error('no machines');
  await bed.cluster.save({ ...node1, engine: { ...defaultEngineSettings, labels: ['zone=a=b', 'gpu'] } });
  await initSwarm(node1, {}, bed.context);
  await joinSwarm({ manager: node1, machines: [node2], role: 'worker' }, bed.context);
  await labelNodes(['node2', 'disk=ssd'], bed.context);
  const hosts = await inventory();
  expect(hosts.map(({ name, role, labels }) => ({ name, role, labels }))).toEqual([
    { name: 'node1', role: 'manager', labels: { zone: 'a=b', gpu: '' } },
    { name: 'node2', role: 'worker', labels: { disk: 'ssd' } },
    { name: 'node3', role: undefined, labels: {} },
  ]);
  expect(hosts[0]?.sshArguments).toContain('HostKeyAlias="node1"');
  expect((await inventory(['node2'])).map(({ name }) => name)).toEqual(['node2']);
});

test('an inventory without a swarm has no roles, and no warning', async () => {
  await bed.running('node1');
  expect(await inventory()).toMatchObject([{ name: 'node1', cluster: 'default', driver: 'memory' }]);
  expect(bed.reporter.lines).toEqual([]);
});

test('an inventory of machines that do not respond has a warning instead of roles', async () => {
  await bed.running('node1');
  (await bed.engine('node1')).answers.set('/info', () => ({ status: 500 }));
  expect(await inventory()).toMatchObject([{ name: 'node1' }]);
  expect(bed.reporter.lines).toEqual([expect.stringMatching(/^warning: no roles: /)]);
});
