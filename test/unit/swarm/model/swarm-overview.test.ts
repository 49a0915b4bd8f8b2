import { expect, test } from 'vitest';
import { splitWarnings } from '../../../../src/swarm/model/swarm-overview.js';

test('no warning of a second swarm without split managers', () => {
  expect(splitWarnings([], [])).toEqual([]);
});

test('managers without a leader are not called a second swarm', () => {
  const [one] = splitWarnings([{ name: 'mg2', hasLeader: false }], ['mg2']);
  expect(one).toBe(
    'mg2 still runs as a manager with the ID of this swarm, which does not list it; to end that: belt swarm leave --force mg2, then join again with belt swarm join',
  );
});

test('the warning of a second swarm names the machines that have to leave', () => {
  const split = [
    { name: 'mg1', hasLeader: true },
    { name: 'mg2', hasLeader: false },
  ];
  expect(splitWarnings(split, ['mg3', 'mg4'])).toEqual([
    'a second swarm with the same ID runs on mg[1:2], and both accept changes; to end that: belt swarm leave --force mg[3:4], then join again with belt swarm join',
  ]);
});
