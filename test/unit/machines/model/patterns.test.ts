import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../../src/base/errors.js';
import { expandNames } from '../../../../src/machines/model/patterns.js';
import { recordFault } from '../../../lab/record-fault.js';

function errorOf(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}

describe('expandNames', () => {
  test.each([
    [['node1'], ['node1']],
    [['node[1:4]'], ['node1', 'node2', 'node3', 'node4']],
    [['mg[0:2]'], ['mg0', 'mg1', 'mg2']],
    [['node[08:11]'], ['node08', 'node09', 'node10', 'node11']],
    [['n[098:101]'], ['n098', 'n099', 'n100', 'n101']],
    [['n[00:02]'], ['n00', 'n01', 'n02']],
    [['n[9:10]'], ['n9', 'n10']],
    [['n[1,3,5:7]'], ['n1', 'n3', 'n5', 'n6', 'n7']],
    [['n[08-10,12,14:15]'], ['n08', 'n09', 'n10', 'n12', 'n14', 'n15']],
    [['n[01,7,003]'], ['n01', 'n7', 'n003']],
    [['dc[1:2]-node[1:3]'], ['dc1-node1', 'dc1-node2', 'dc1-node3', 'dc2-node1', 'dc2-node2', 'dc2-node3']],
    [['[1:2][3:4]'], ['13', '14', '23', '24']],
    [['mg0,node[1:2]'], ['mg0', 'node1', 'node2']],
    [['node[1:2],mg[1,2],x'], ['node1', 'node2', 'mg1', 'mg2', 'x']],
    [
      ['b', 'a[1:2]'],
      ['b', 'a1', 'a2'],
    ],
    [
      ['node2', 'node[1:3]', 'node2'],
      ['node2', 'node1', 'node3'],
    ],
    [['n[3,1,3]'], ['n3', 'n1']],
    [['Web-1'], ['Web-1']],
    [['x[5:5]y'], ['x5y']],
  ])('expandNames expands %j', (patterns, names) => {
    expect(expandNames(patterns)).toEqual(names);
  });

  test.each([
    ['node[4:1]', 8, 'the range ends before it begins: 1 is less than 4'],
    ['node[1:', 5, '"[" is never closed'],
    ['node[1:4', 5, '"[" is never closed'],
    ['node1:4]', 6, '":" is not allowed in a machine name (letters, digits and hyphens are)'],
    ['node1]', 6, '"]" without "["'],
    ['node[a:b]', 6, '"a" is not a number'],
    ['node[1:4b]', 9, '"4b" is not a number'],
    ['node[]', 6, 'a number is missing'],
    ['node[1:]', 8, 'a number is missing'],
    ['node[:4]', 6, 'a number is missing'],
    ['node[1,]', 8, 'a number is missing'],
    ['node[1:2:3]', 9, 'a range has one ":" or "-"'],
    ['node[4-1]', 8, 'the range ends before it begins: 1 is less than 4'],
    ['node[1-2-3]', 9, 'a range has one ":" or "-"'],
    ['node[1-]', 8, 'a number is missing'],
    ['node[[1:2]]', 6, '"[1" is not a number'],
    ['node[-1:2]', 6, '"-1" is not a number'],
    ['node[ 1:2]', 6, '" 1" is not a number'],
    ['node[1:010]', 8, '"010" and "1" do not have the same number of digits'],
    ['node[1:10001]', 6, 'more than 10000 names'],
    ['a[1:200]b[1:200]', 10, 'more than 10000 names'],
    ['node[1:99999999999999999999]', 8, 'the number is too large'],
    ['', 1, 'a name is missing'],
    ['a,,b', 3, 'a name is missing'],
    ['a,', 3, 'a name is missing'],
    [',a', 1, 'a name is missing'],
    ['node_1', 5, '"_" is not allowed in a machine name (letters, digits and hyphens are)'],
    ['a,b c', 4, '" " is not allowed in a machine name (letters, digits and hyphens are)'],
    ['node*', 5, '"*" is not allowed in a machine name (letters, digits and hyphens are)'],
    ['dev.local', 4, '"." is not allowed in a machine name (letters, digits and hyphens are)'],
    ['../etc', 1, '"." is not allowed in a machine name (letters, digits and hyphens are)'],
    ['-node1', 1, 'the name "-node1" begins with a hyphen'],
    ['x,node[1:2]-', 12, 'the name "node1-" ends with a hyphen'],
    ['Node1,node1', 7, '"node1" and "Node1" differ only in case'],
  ])('%j is refused at character %i: %s', (pattern, character, reason) => {
    const error = errorOf(() => expandNames([pattern]));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message.split('\n')).toEqual([
      `bad node pattern ${JSON.stringify(pattern)}, at character ${character}: ${reason}`,
      `  ${pattern}`,
      `  ${' '.repeat(character - 1)}^`,
    ]);
  });

  test('a pattern that cannot be shown on one line gets only the first line of the error', () => {
    expect(errorOf(() => expandNames(['né'])).message).toBe(
      'bad node pattern "né", at character 2: "é" is not allowed in a machine name (letters, digits and hyphens are)',
    );
    expect(errorOf(() => expandNames(['a\nb'])).message).toBe(
      'bad node pattern "a\\nb", at character 2: "\\n" is not allowed in a machine name (letters, digits and hyphens are)',
    );
  });

  test('a name has at most 63 characters', () => {
    const longest = 'a'.repeat(63);
    expect(expandNames([longest])).toEqual([longest]);
    expect(errorOf(() => expandNames([`${'a'.repeat(62)}[9:10]`])).message).toMatch(
      /at character 1: "a{62}10" has 64 characters, a machine name at most 63/,
    );
  });

  test('10000 names are allowed over all arguments, without duplicates', () => {
    expect(expandNames(['n[1:10000]', 'n[1:10000]'])).toHaveLength(10_000);
    expect(errorOf(() => expandNames(['n[1:10000]', 'x'])).message).toMatch(
      /^bad node pattern "x", .*more than 10000 names/,
    );
  });

  const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,10}[a-z0-9])?$/);

  test('property: a plain name stands for itself, and commas join arguments', () => {
    fc.assert(
      fc.property(fc.uniqueArray(label, { minLength: 1, maxLength: 8 }), (labels) => {
        expect(expandNames(labels)).toEqual(labels);
        expect(expandNames([labels.join(',')])).toEqual(labels);
      }),
    );
  });

  test('property: a range contains every number between its ends once, with the width of its first', () => {
    const range = fc.record({
      head: label,
      low: fc.integer({ min: 0, max: 9999 }),
      count: fc.integer({ min: 1, max: 50 }),
      width: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(range, ({ head, low, count, width }) => {
        const digits = String(low).padStart(width, '0');
        const pads = digits.length > 1 && digits.startsWith('0');
        const number = (value: number): string =>
          pads ? String(value).padStart(digits.length, '0') : String(value);
        const expected = Array.from({ length: count }, (_, index) => `${head}${number(low + index)}`);
        expect(expandNames([`${head}[${digits}:${number(low + count - 1)}]`])).toEqual(expected);
      }),
    );
  });

  test('property: several brackets multiply', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 99 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(numbers, numbers, (ones, others) => {
        const expected = ones.flatMap((one) => others.map((other) => `a${one}-b${other}`));
        expect(expandNames([`a[${ones.join(',')}]-b[${others.join(',')}]`])).toEqual(expected);
      }),
    );
  });

  test('property: any text expands to unique RFC 1123 labels or is a UsageError with a caret below the character', () => {
    let tried = 0;
    const soup = fc.string({
      unit: fc.constantFrom('a', 'B', '-', '[', ']', ':', ',', '0', '1', '9', ' ', '*', 'é', '\n'),
      maxLength: 16,
    });
    fc.assert(
      fc.property(soup, (pattern) => {
        tried++;
        let names: string[];
        try {
          names = expandNames([pattern]);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          const [first = '', drawn, caret] = (error as UsageError).message.split('\n');
          const [, character] = /, at character (\d+): .*[^.]$/.exec(first) ?? [];
          expect(Number(character)).toBeGreaterThanOrEqual(1);
          expect(Number(character)).toBeLessThanOrEqual(pattern.length + 1);
          if (drawn !== undefined)
            expect([drawn, caret]).toEqual([`  ${pattern}`, `  ${' '.repeat(Number(character) - 1)}^`]);
          return;
        }
        expect(new Set(names).size).toBe(names.length);
        for (const name of names) expect(name).toMatch(/^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/);
      }),
      { numRuns: 2_000 },
    );
    recordFault({ kind: 'Untrusted input', fault: 'random text as a pattern of names', tried });
  });
});
