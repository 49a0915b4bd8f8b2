import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseLabels, withLabels } from '../../../../src/swarm/model/node-labels.js';

describe('parseLabels', () => {
  test('labels and nodes are separated in any order', () => {
    expect(parseLabels(['node[1:2]', 'zone=a', 'node5', 'disk-', 'empty=', 'path=a=b-'])).toEqual({
      nodes: ['node[1:2]', 'node5'],
      change: { set: { zone: 'a', empty: '', path: 'a=b-' }, remove: ['disk'] },
    });
  });

  test.each([
    [['node1'], 'no labels specified'],
    [['node1', '=a'], '"=a" has no label key'],
    [['node1', '-'], '"-" has no label key'],
    [['node1', 'zone=a', 'zone-'], 'label "zone" is given twice'],
    [['node1', 'zone=a', 'zone=b'], 'label "zone" is given twice'],
  ])('the labels %j are refused', (words, message) => {
    expect(() => parseLabels(words)).toThrow(
      expect.objectContaining({ name: 'UsageError', message }) as Error,
    );
  });
});

const labels = fc.dictionary(fc.string({ minLength: 1 }), fc.string());

test('property: a label change is applied, keeps other labels, and is idempotent', () => {
  fc.assert(
    fc.property(labels, labels, fc.array(fc.string()), (before, set, others) => {
      const remove = others.filter((key) => !Object.hasOwn(set, key));
      const after = withLabels(before, { set, remove });
      expect(after).toMatchObject(set);
      for (const key of remove) expect(Object.keys(after)).not.toContain(key);
      for (const [key, value] of Object.entries(before))
        if (!remove.includes(key) && !Object.hasOwn(set, key)) expect(after[key]).toBe(value);
      expect(withLabels(after, { set, remove })).toEqual(after);
    }),
  );
});
