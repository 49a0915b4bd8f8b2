import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldNames } from '../../../../src/machines/model/fold-names.js';
import { expandNames } from '../../../../src/machines/model/patterns.js';

test.each([
  [['node1'], ['node1']],
  [['node1', 'node2'], ['node[1:2]']],
  [['node10', 'node9', 'node11'], ['node[9:11]']],
  [
    ['node1', 'node3', 'mg1', 'node4'],
    ['node[1,3:4]', 'mg1'],
  ],
  [
    ['db', 'db2', 'db1'],
    ['db', 'db[1:2]'],
  ],
  [['n08', 'n09', 'n10'], ['n[08:10]']],
  [['n1', 'n01'], ['n[1,01]']],
  [
    ['dc1-node1', 'dc1-node2', 'dc2-node1'],
    ['dc1-node[1:2]', 'dc2-node1'],
  ],
  [[], []],
])('the names %j fold to %j', (names, patterns) => {
  expect(foldNames(names)).toEqual(patterns);
});

test('property: folded patterns expand to the same names', () => {
  const name = fc
    .tuple(fc.constantFrom('n', 'node', 'dc1-n', 'x0y'), fc.stringMatching(/^(0{0,3}\d{1,3})?$/))
    .map(([prefix, digits]) => `${prefix}${digits}`);
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 40 }), (names) => {
      expect(expandNames(foldNames(names)).toSorted()).toEqual(names.toSorted());
    }),
  );
});

test('ninety-seven numbered names fold to one pattern', () => {
  const names = Array.from({ length: 97 }, (_, index) => `node${index + 1}`);
  expect(foldNames(names.toReversed())).toEqual(['node[1:97]']);
});
