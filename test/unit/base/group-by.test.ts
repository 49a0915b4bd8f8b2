import fc from 'fast-check';
import { expect, test } from 'vitest';
import { groupBy } from '../../../src/base/group-by.js';
import { clusterAddress, reachAddress } from '../../../src/machines/model/machine.js';

test('groupBy keeps the order of first appearance, and the order within groups', () => {
  expect([...groupBy(['b1', 'a1', 'b2', 'c1', 'a2'], ([letter = '']) => letter)]).toEqual([
    ['b', ['b1', 'b2']],
    ['a', ['a1', 'a2']],
    ['c', ['c1']],
  ]);
});

test('property: groupBy keeps every item exactly once, whatever the keys', () => {
  const item = fc.record({
    key: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor')),
    value: fc.nat(),
  });
  fc.assert(
    fc.property(fc.array(item), (items) => {
      const groups = groupBy(items, ({ key }) => key);
      expect([...groups.keys()]).toEqual([...new Set(items.map(({ key }) => key))]);
      for (const [key, group] of groups) expect(group).toEqual(items.filter((each) => each.key === key));
    }),
  );
});

test.each([
  [{ public: '203.0.113.1', private: '10.0.0.1' }, '203.0.113.1', '10.0.0.1'],
  [{ public: '203.0.113.1' }, '203.0.113.1', '203.0.113.1'],
  [{ private: '10.0.0.1' }, '10.0.0.1', '10.0.0.1'],
  [{}, undefined, undefined],
])('machine addresses %j: belt connects to %s, other machines to %s', (addresses, reach, cluster) => {
  expect([reachAddress({ addresses }), clusterAddress({ addresses })]).toEqual([reach, cluster]);
});
