import { afterEach, beforeEach, expect, test } from 'vitest';
import { AbortError, ExternalError } from '../../../src/base/errors.js';
import type { MachineEvent } from '../../../src/drivers/driver.js';
import { MachineBatch, type MachineCompletion } from '../../../src/machines/driver-events.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
});

afterEach(() => bed.close());

const plainly: MachineCompletion = { after: async (machine) => machine, doneText: 'done' };

async function* script(...events: (MachineEvent | Error)[]): AsyncIterable<MachineEvent> {
  for (const event of events) {
    if (event instanceof Error) throw event;
    yield event;
  }
}

async function follow(names: string[], events: (MachineEvent | Error)[], following = plainly) {
  const batch = new MachineBatch(await bed.running(...names), bed.context);
  await batch.follow(names, async () => script(...events), following);
  return [...(await batch.close()).values()];
}

test('changes accumulate in the record, without the state', async () => {
  await follow(
    ['node1'],
    [
      { type: 'changed', name: 'node1', change: { state: 'starting', driverData: { rack: 8, row: 'b' } } },
      { type: 'changed', name: 'node1', change: { memory: 1024, size: '1gb' } },
      { type: 'changed', name: 'node1', change: { addresses: { public: '203.0.113.9' } } },
    ],
  );
  expect(await bed.onDisk('node1')).toEqual({
    name: 'node1',
    driver: 'memory',
    phase: 'ready',
    id: 'id-1',
    size: '1gb',
    memory: 1024,
    addresses: { public: '203.0.113.9' },
    ssh: { user: 'root', port: 22, keyPath: bed.cluster.sshKeyPath },
    driverData: { rack: 8, row: 'b' },
    createdAt: '2026-01-02T03:04:05.000Z',
  });
});

test('work on one machine does not delay the others', async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const seen: string[] = [];
  const after = async (machine: Machine): Promise<Machine> => {
    if (machine.name === 'node1') await held;
    seen.push(machine.name);
    if (machine.name === 'node2') release();
    return machine;
  };
  await follow(
    ['node1', 'node2'],
    [
      { type: 'done', name: 'node1' },
      { type: 'done', name: 'node2' },
    ],
    {
      after,
      doneText: 'started',
    },
  );
  expect(seen).toEqual(['node2', 'node1']);
  expect(bed.reporter.lines).toEqual([
    'open node1 node2',
    'node2 done: started',
    'node1 done: started',
    'close',
  ]);
});

test('work on a machine receives its current record and reports its steps on its line', async () => {
  const after: MachineCompletion['after'] = async (machine, step) => {
    step(`at ${machine.addresses.public}`);
    return machine;
  };
  await follow(
    ['node1'],
    [
      { type: 'changed', name: 'node1', change: { addresses: { public: '203.0.113.9' } } },
      { type: 'done', name: 'node1' },
    ],
    { after, doneText: 'started' },
  );
  expect(bed.reporter.lines).toContain('node1: at 203.0.113.9');
});

test('a machine for which the driver reports no end is skipped', async () => {
  expect(await follow(['node1', 'node2'], [{ type: 'done', name: 'node2' }])).toEqual([
    { name: 'node1', status: 'skipped' },
    { name: 'node2', status: 'ok', value: await bed.onDisk('node2') },
  ]);
});

test('a machine whose work began but did not end is interrupted', async () => {
  const events: MachineEvent[] = [{ type: 'progress', name: 'node1', text: 'stopping' }];
  expect(await follow(['node1', 'node2'], [...events, new AbortError()])).toEqual([
    { name: 'node1', status: 'interrupted' },
    { name: 'node2', status: 'skipped' },
  ]);
});

test('the first failure of a machine wins', async () => {
  const first = new ExternalError('no disk left');
  const outcomes = await follow(
    ['node1'],
    [{ type: 'failed', name: 'node1', error: first }, new ExternalError('the provider hung up')],
  );
  expect(outcomes).toEqual([{ name: 'node1', status: 'failed', error: first }]);
  expect(bed.reporter.lines).toEqual(['open node1', 'node1 failed: no disk left', 'close']);
});

test('a driver that reports an unknown machine fails', async () => {
  const [outcome] = await follow(['node1'], [{ type: 'changed', name: 'node9', change: { id: 'x' } }]);
  expect(outcome).toMatchObject({
    status: 'failed',
    error: new Error('the driver reported node9, which was not requested'),
  });
});
