import { afterEach, beforeEach, expect, test } from 'vitest';
import { AbortError, ExternalError } from '../../../src/base/errors.js';
import { findLeftovers, type Leftovers, removeLeftovers } from '../../../src/machines/find-leftovers.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
  await bed.running('node1', 'node2', 'node3');
});

afterEach(() => bed.close());

function names({ strays, gone }: Leftovers): { strays: string[]; gone: string[] } {
  return { strays: strays.map(({ name }) => name), gone: gone.map(({ name }) => name) };
}

test('gc finds nothing when records and provider match', async () => {
  expect(await findLeftovers([], bed.context)).toEqual({ strays: [], gone: [], files: [], notAsked: [] });
});

test('gc finds machines without a record, and records of missing machines', async () => {
  await bed.cluster.remove('node1');
  bed.driver.machines.delete('node3');
  const found = await findLeftovers([], bed.context);
  expect(names(found)).toEqual({ strays: ['node1'], gone: ['node3'] });
  expect(found.strays[0]).toMatchObject({ driver: 'memory', id: 'id-1', addresses: { public: '10.0.0.1' } });

  const outcomes = await removeLeftovers(found, bed.context);
  expect(outcomes.map(({ name, status }) => `${name} ${status}`)).toEqual(['node1 ok', 'node3 ok']);
  expect([...bed.driver.machines.keys()]).toEqual(['node2']);
  expect((await bed.cluster.machines()).machines.map(({ name }) => name)).toEqual(['node2']);
  expect(await bed.claims()).toEqual([]);
});

test('gc queries the named drivers when all records are lost', async () => {
  for (const name of ['node1', 'node2', 'node3']) await bed.cluster.remove(name);
  expect(names(await findLeftovers([], bed.context)).strays).toEqual([]);
  expect(names(await findLeftovers(['memory'], bed.context)).strays).toEqual(['node1', 'node2', 'node3']);
});

test('gc ignores a machine whose creation did not finish', async () => {
  const [node] = (await bed.cluster.machines()).machines;
  if (node) await bed.cluster.save({ ...node, phase: 'creating' });
  bed.driver.machines.delete('node1');
  expect(await findLeftovers([], bed.context)).toEqual({ strays: [], gone: [], files: [], notAsked: [] });
});

test('gc reports a provider that cannot be queried and keeps its records', async () => {
  bed.driver.listError = new ExternalError('no route to host');
  expect(await findLeftovers([], bed.context)).toEqual({
    strays: [],
    gone: [],
    files: [],
    notAsked: ['memory'],
  });
  expect(bed.reporter.lines).toContain('warning: memory cannot be queried: no route to host');
});

test('gc does not treat an interruption as an empty list', async () => {
  bed.driver.list = async () => {
    bed.interrupt();
    throw new AbortError();
  };
  await expect(findLeftovers([], bed.context)).rejects.toThrow(AbortError);
});
