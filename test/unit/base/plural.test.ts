import { expect, test } from 'vitest';
import { plural } from '../../../src/base/plural.js';

test('plural uses the singular for one and the plural otherwise', () => {
  expect(plural(1, 'node')).toBe('1 node');
  expect(plural(0, 'node')).toBe('0 nodes');
  expect(plural(2, 'address', 'addresses')).toBe('2 addresses');
});
