import { expect, test } from 'vitest';
import { ensureShared, listMachines, requireNoStrays } from '../../../../src/drivers/kit/provider-objects.js';
import type { Machine } from '../../../../src/machines/model/machine.js';

const machines = ['node1', 'node2', 'node3'].map((name) => ({ name }) as Machine);

test('list returns recorded machines in their order, missing ones included, then strays of the cluster', async () => {
  const objects = [{ called: 'stray' }, { called: 'node3' }, { called: 'foreign' }, { called: 'node1' }];
  const listed = await listMachines(machines, {
    objects,
    find: ({ name }) => objects.find(({ called }) => called === name),
    observe: ({ called }, machine) => ({ name: called, state: machine ? 'running' : 'stopped' }),
    isStray: ({ called }) => called !== 'foreign',
  });
  expect(listed).toEqual([
    { name: 'node1', state: 'running' },
    { name: 'node2', state: 'missing' },
    { name: 'node3', state: 'running' },
    { name: 'stray', state: 'stopped' },
  ]);
});

test('list reports a machine as missing, and drops a stray, when the object disappears while it is read', async () => {
  const listed = await listMachines(machines.slice(0, 1), {
    objects: ['node1', 'stray'],
    find: ({ name }) => name,
    observe: async () => undefined,
  });
  expect(listed).toEqual([{ name: 'node1', state: 'missing' }]);
});

test('create refuses a stray, but finishes a machine that an earlier create began', () => {
  const words = { found: 'EC2 has an instance', driver: 'amazonec2' };
  const names = new Set(['node1']);
  const refuse = (id?: string) =>
    requireNoStrays([{ name: 'node1', ...(id && { id }) }], names, (spec) => spec.id !== undefined, words);
  expect(() => refuse()).toThrow('EC2 has an instance node1 of this cluster without a record');
  expect(() => refuse('i-1')).not.toThrow();
});

test('a shared resource is created once, and found where another process created it first', async () => {
  const fail = () => Promise.reject(new Error('duplicate'));
  const nothing = async () => undefined;
  expect(await ensureShared(async () => 'found', fail, nothing)).toBe('found');
  expect(await ensureShared(nothing, async () => 'created', nothing)).toBe('created');
  expect(await ensureShared(nothing, fail, async () => 'theirs')).toBe('theirs');
  await expect(ensureShared(nothing, fail, nothing)).rejects.toThrow('duplicate');
});
