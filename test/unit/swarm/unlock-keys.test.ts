import { afterEach, beforeEach, expect, test } from 'vitest';
import { restartMachines, startMachines } from '../../../src/machines/lifecycle.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { withQuorumGuard } from '../../../src/swarm/quorum-guard.js';
import { restartEngines } from '../../../src/swarm/rolling-restart.js';
import { swarmStatus } from '../../../src/swarm/swarm-status.js';
import type { Engine, Swarm } from '../support/engine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
let swarm: Swarm;
const managers = ['mg1', 'mg2', 'mg3'];

beforeEach(async () => {
  bed = await openTestBed();
  await bed.running(...managers, 'node1');
  swarm = (await engine('mg1')).newSwarm('s1');
  swarm.spec.EncryptionConfig = { AutoLockManagers: true };
  for (const name of ['mg2', 'mg3']) (await engine(name)).beIn(swarm, 'manager');
  (await engine('node1')).beIn(swarm, 'worker');
  await bed.cluster.setActiveMachine('mg1');
  bed.driver.onMoment = async (moment, name) => {
    if (moment === 'ended' && managers.includes(name)) await lock(name);
  };
});

afterEach(() => bed.close());

const engine = (name: string): Promise<Engine> => bed.engine(name);

async function lock(name: string): Promise<void> {
  (await engine(name)).state = 'locked';
}

function machines(...wanted: string[]): Promise<Machine[]> {
  return Promise.all(wanted.map((name) => bed.cluster.machine(name)));
}

function states(): Promise<string[]> {
  return Promise.all(managers.map(async (name) => (await engine(name)).state));
}

function warnings(): string[] {
  return bed.reporter.lines.filter((line) => line.startsWith('warning: '));
}

test('restart unlocks each manager of an autolocked swarm before the next restarts', async () => {
  const outcomes = await restartMachines(await machines(...managers), {}, bed.context);
  expect(outcomes.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
  expect(await states()).toEqual(['active', 'active', 'active']);
  expect(warnings()).toEqual([]);
});

test('a change of engines unlocks the only manager with the key from before its restart', async () => {
  for (const name of ['mg2', 'mg3']) {
    swarm.nodes.splice(1, 1);
    (await engine(name)).state = 'inactive';
  }
  const work = async (_machine: Machine, _step: unknown, beforeRestart: () => Promise<void>) => {
    await beforeRestart();
    await lock('mg1');
  };
  const change = { work, doneMessage: () => 'done', force: false };
  expect(await restartEngines(await machines('mg1'), change, bed.context)).toMatchObject([{ status: 'ok' }]);
  expect((await engine('mg1')).state).toBe('active');
});

test('start unlocks a manager with the key from another one', async () => {
  await startMachines(await machines('mg2'), bed.context);
  expect(await states()).toEqual(['active', 'active', 'active']);
});

test('start warns about managers whose key no other manager provides', async () => {
  for (const name of managers) await lock(name);
  const outcomes = await startMachines(await machines('mg2'), bed.context);
  expect(outcomes).toMatchObject([{ status: 'ok' }]);
  expect(warnings()).toEqual([
    'warning: mg2 is locked, and no other manager of its swarm provides the key; to unlock it: belt swarm unlock mg2',
  ]);
});

test('a shutdown of an autolocked swarm says that its managers will be locked', async () => {
  const all = await machines(...managers, 'node1');
  await withQuorumGuard(all, { action: 'stopping', force: false }, bed.context, async () => {});
  expect(warnings()).toEqual([
    'warning: the swarm is autolocked: after a start, its managers need the key from "belt swarm unlock-key"; to unlock them: belt swarm unlock',
  ]);
});

test('swarm status shows locked managers and how to unlock them', async () => {
  await lock('mg3');
  const { managers: shown, warnings: printed } = await swarmStatus(undefined, bed.context);
  expect(shown.nodes.map(({ name, status }) => `${name} ${status}`)).toEqual([
    'mg1 ready',
    'mg2 ready',
    'mg3 locked',
  ]);
  expect(printed[0]).toBe('mg3 is locked; to unlock: belt swarm unlock mg3');
});
