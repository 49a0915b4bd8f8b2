import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSshConfigFor, selectSshMachines, sshAddress } from '../../../src/machines/openssh-client.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
beforeEach(async () => {
  bed = await openTestBed();
});
afterEach(() => bed.close());

const namesOf = async (nodes: string[], all = false) =>
  (await selectSshMachines(nodes, bed.context, { all })).map(({ name }) => name);

test('all machines with SSH are selected by default, and those without are named', async () => {
  const [node1] = await bed.running('node1', 'node2');
  if (!node1) throw new Error('no machine');
  await bed.cluster.save({ ...node1, name: 'box', driver: 'none', addresses: {} });
  await bed.cluster.save({ ...node1, name: 'half', phase: 'creating', addresses: {} });
  expect(await namesOf([])).toEqual(['node1', 'node2']);
  expect(await namesOf(['!node1'])).toEqual(['node2']);
  expect(await namesOf(['node2'])).toEqual(['node2']);
  expect(bed.reporter.lines).toEqual(Array(2).fill('warning: left out box, half: no SSH or no address yet'));
  await expect(namesOf(['node1', 'node3'])).rejects.toThrow('"node3" does not exist');
});

test('an empty cluster is reported', async () => {
  expect(await namesOf([])).toEqual([]);
  expect(bed.reporter.lines).toEqual(['note: This cluster has no machines']);
});

test('pinned host keys are required, of jump hosts too', async () => {
  const [node1, node2] = await bed.running('node1', 'node2');
  if (!node1 || !node2) throw new Error('no machines');
  const jump = { host: '10.0.0.9', port: 22, user: 'ops' };
  const behind = { ...node2, ssh: { ...node2.ssh, jump } };
  const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEzYmZ+1vGSuPdSyBAgfVBQGqJVF7vbLPqbMSE0LnvVF';
  for (const name of ['node2', '[10.0.0.9]:22']) await bed.knownHosts.add(name, key);
  const config = await openSshConfigFor([node1, behind], bed.context);
  const checking = [...config.matchAll(/^Host (.*)|StrictHostKeyChecking (.*)/gm)].map((match) => match[0]);
  expect(checking).toEqual([
    'Host node1',
    'StrictHostKeyChecking accept-new',
    'Host _jump-to-node2',
    'StrictHostKeyChecking yes',
    'Host node2',
    'StrictHostKeyChecking yes',
  ]);
  expect(sshAddress(behind)).toMatchObject({ name: 'node2', jumpHost: '10.0.0.9' });
});
