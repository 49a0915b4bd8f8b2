import { readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  abandonedManagers,
  addAbandonedManagers,
  forgetAbandonedManagers,
  recordAbandonedManagers,
} from '../../../../src/swarm/recovery/abandoned-managers.js';
import type { Swarm } from '../../../../src/swarm/session.js';
import { openTestBed, type TestBed } from '../../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
});
afterEach(() => bed.close());

const names = async (): Promise<string[]> => [...(await abandonedManagers(bed.context).names())].sort();
const abandoned = (name: string) => ({ name, swarmId: 's1', nodeId: `s1-${name}`, successor: 'mg1' });

test('a forced new cluster records the managers that it left behind, and no others', async () => {
  const machines = await bed.running('mg1', 'mg2', 'mg3', 'node1');
  const member = (index: number, node: object) => ({
    machine: machines[index],
    node: { id: `n${index}`, role: 'manager', ...node },
  });
  const swarm = {
    id: 's1',
    manager: machines[0],
    members: async () => [
      member(0, { reachability: 'reachable' }),
      member(1, {}),
      member(2, { reachability: 'reachable' }),
      member(3, { role: 'worker' }),
      { node: { id: 'n9', role: 'manager' } },
    ],
  };
  await recordAbandonedManagers(swarm as unknown as Swarm, 'n0', bed.context);
  expect(await names()).toEqual(['mg2']);
});

test('a manager that is abandoned twice has one record', async () => {
  await addAbandonedManagers([abandoned('mg2'), abandoned('mg3')], bed.context);
  await addAbandonedManagers([abandoned('mg2')], bed.context);
  expect(await names()).toEqual(['mg2', 'mg3']);
});

test('the record is deleted with its last manager', async () => {
  await addAbandonedManagers([abandoned('mg2'), abandoned('mg3')], bed.context);
  await forgetAbandonedManagers(['mg3', 'node1'], bed.context);
  expect(await names()).toEqual(['mg2']);
  await forgetAbandonedManagers(['mg2'], bed.context);
  expect(await names()).toEqual([]);
  expect(await readdir(bed.cluster.folder)).not.toContain('abandoned-managers.json');
});

test('other machines do not leave their swarm', async () => {
  const [machine] = await bed.running('mg1');
  const { leaveOldSwarm } = abandonedManagers(bed.context);
  if (machine) await leaveOldSwarm(machine, () => {});
  expect(bed.ssh.commands).toEqual([]);
});
