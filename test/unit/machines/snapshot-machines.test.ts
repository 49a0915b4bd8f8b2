import { afterEach, beforeEach, expect, test } from 'vitest';
import { ExternalError } from '../../../src/base/errors.js';
import type { SnapshotRequest } from '../../../src/drivers/driver.js';
import { snapshotMachines } from '../../../src/machines/snapshot-machines.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

const now = new Date('2026-01-02T03:04:05Z');
let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
});

afterEach(() => bed.close());

function withSnapshots(failing?: string): void {
  Object.assign(bed.driver, {
    snapshot: async function* (specs: readonly SnapshotRequest[]) {
      for (const { machine, imageName: as } of specs) {
        const { name } = machine;
        if (name === failing) yield { type: 'failed', name, error: new ExternalError('no room') };
        else
          yield* [
            { type: 'kept', name, id: `id of ${as}` },
            { type: 'done', name },
          ];
      }
    },
  });
}

test.each([
  [undefined, ['node1'], ['node1-20260102-0304']],
  ['base', ['node1'], ['base']],
  ['base', ['node1', 'node2'], ['base-node1', 'base-node2']],
])('snapshots named %s of %j are called %j', async (name, nodes, expected) => {
  withSnapshots();
  const outcomes = await snapshotMachines(await bed.running(...nodes), { name, now }, bed.context);
  expect(outcomes).toEqual(
    nodes.map((machine, index) => ({
      name: machine,
      status: 'ok',
      value: { machine, name: expected[index], id: `id of ${expected[index]}` },
    })),
  );
});

test('a failed snapshot does not affect other machines', async () => {
  withSnapshots('node1');
  const outcomes = await snapshotMachines(await bed.running('node1', 'node2'), { now }, bed.context);
  expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'ok']);
});

test('a driver without snapshots is refused before anything is done', async () => {
  const machines = await bed.running('node1');
  await expect(snapshotMachines(machines, { now }, bed.context)).rejects.toThrow(
    'cannot create a snapshot of node1: the driver memory does not support snapshots',
  );
  expect(bed.driver.calls).toEqual([]);
});
