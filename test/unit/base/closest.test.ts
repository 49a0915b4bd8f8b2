import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { closest, editDistance } from '../../../src/base/closest.js';

describe('closest', () => {
  test.each([
    ['regoin', ['region', 'image', 'size'], 'region'],
    ['nspwan', ['nspawn', 'none'], 'nspawn'],
    ['NODE1', ['node2', 'node1'], 'node1'],
    ['nod1', ['node1', 'node2'], 'node1'],
    ['a', ['b'], 'b'],
  ])('closest finds %s in %j', (word, candidates, expected) => {
    expect(closest(word, candidates)).toBe(expected);
  });

  test.each([
    ['web', ['database']],
    ['elephant', ['region']],
    ['x', []],
    ['', ['image']],
  ])('closest finds nothing for %j in %j', (word, candidates) => {
    expect(closest(word, candidates)).toBeUndefined();
  });
});

describe('editDistance', () => {
  test.each([
    ['', '', 0],
    ['abc', '', 3],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['region', 'regoin', 1],
  ])('editDistance from %j to %j is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
  });

  test('property: editDistance is symmetric, zero only for equal words, and at most the longer length', () => {
    const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });
    fc.assert(
      fc.property(word, word, (one, other) => {
        const distance = editDistance(one, other);
        expect(editDistance(other, one)).toBe(distance);
        expect(distance === 0).toBe(one === other);
        expect(distance).toBeLessThanOrEqual(Math.max(one.length, other.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(one.length - other.length));
      }),
    );
  });
});
