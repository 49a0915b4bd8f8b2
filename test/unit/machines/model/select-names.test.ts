import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError, UserError } from '../../../../src/base/errors.js';
import { expandAddresses, expandNames } from '../../../../src/machines/model/patterns.js';
import { exclusions, selectNames } from '../../../../src/machines/model/select-names.js';

function errorOf(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}

describe('selectNames', () => {
  const existing = ['mg0', 'mg1', 'mg12', 'node1', 'node2', 'node10', 'dev.local', 'a,b', 'x[1]', 'my_vm'];

  test.each([
    [['node1'], ['node1']],
    [
      ['node[1:2]', 'mg0'],
      ['node1', 'node2', 'mg0'],
    ],
    [['node*'], ['node1', 'node2', 'node10']],
    [['mg?'], ['mg0', 'mg1']],
    [['mg?,node1'], ['mg0', 'mg1', 'node1']],
    [['*1'], ['mg1', 'node1']],
    [['mg[0:1]*'], ['mg0', 'mg1', 'mg12']],
    [
      ['node10', 'node*'],
      ['node10', 'node1', 'node2'],
    ],
    [['dev.local'], ['dev.local']],
    [['dev.*'], ['dev.local']],
    [['my_vm'], ['my_vm']],
    [['a,b'], ['a,b']],
    [['x[1]'], ['x[1]']],
    [['*'], existing],
  ])('selectNames selects %j', (patterns, names) => {
    expect(selectNames(patterns, existing)).toEqual(names);
  });

  test('--all selects all and excludes names', () => {
    expect(selectNames([], existing, { all: true })).toEqual(existing);
    expect(selectNames([], [], { all: true })).toEqual([]);
    expect(errorOf(() => selectNames(['mg0'], existing, { all: true }))).toEqual(
      new UsageError('--all leaves no room for names: mg0'),
    );
  });

  test('selectNames without names selects nothing', () => {
    const hint = 'name machines (node1, node[1:4] or "node*"), or use --all';
    expect(errorOf(() => selectNames([], existing))).toEqual(
      new UsageError('no machine specified', { hint }),
    );
  });

  test('a machine that does not exist is reported', () => {
    const error = errorOf(() => selectNames(['nod1'], existing)) as UserError;
    expect(error).toBeInstanceOf(UserError);
    expect(error).not.toBeInstanceOf(UsageError);
    expect(error.message).toBe('Docker machine "nod1" does not exist. Use "belt ls" to list machines');
    expect(error.hint).toBe('did you mean "node1"?');
  });

  test('all missing names are reported, including globs without a match', () => {
    const error = errorOf(() => selectNames(['node[1:4]', 'zz*'], existing)) as UserError;
    expect(error.message).toBe(
      'Docker machine "node3" does not exist. Nor do "node4", "zz*". Only node[1:2] exist. Use "belt ls" to list machines',
    );
    expect(error.hint).toBeUndefined();
    expect(errorOf(() => selectNames(['node[1:4]'], existing))).toMatchObject({
      message:
        'Docker machine "node3" does not exist. Nor does "node4". Only node[1:2] exist. Use "belt ls" to list machines',
      hint: 'belt create node[3:4]',
    });
    expect(errorOf(() => selectNames(['zz*', 'y?'], existing)).message).toBe(
      'no machine matches "zz*", "y?"',
    );
    expect((errorOf(() => selectNames(['q[1:20]'], existing)) as UserError).message).toBe(
      'Docker machine "q1" does not exist. Nor do "q2", "q3", "q4", "q5", "q6", "q7", "q8", "q9", "q10", 10 more. Use "belt ls" to list machines',
    );
  });

  test('an invalid pattern is a usage error for selectNames too', () => {
    expect(errorOf(() => selectNames(['node[2:1]'], existing))).toBeInstanceOf(UsageError);
    expect(errorOf(() => selectNames(['a b'], existing)).message).toBe(
      'bad node pattern "a b", at character 2: " " is not allowed in a node pattern (names, [1:4], *, ? and, first, ! are)\n  a b\n   ^',
    );
  });

  test('property: every existing name selects itself', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1 }), (names) => {
        for (const name of names) expect(selectNames([name], names)).toEqual([name]);
      }),
    );
  });
});

describe('exclusions', () => {
  const machines = Array.from({ length: 9 }, (_, index) => `node${index + 1}`);
  const select = (...patterns: string[]) => selectNames(patterns, machines).join(' ');

  test.each<[string[], string]>([
    [['node[1:4]', '!node3'], 'node1 node2 node4'],
    [['!node3', 'node[1:4]'], 'node1 node2 node4'],
    [['node[1:4],!node3'], 'node1 node2 node4'],
    [['node*', '!node[2:8]'], 'node1 node9'],
    [['node[1:3]', '!node7'], 'node1 node2 node3'],
    [['node[1:5]', ...exclusions(['node3,node[1,5]'])], 'node2 node4'],
  ])('%j leaves out what an exclusion matches', (patterns, names) => {
    expect(select(...patterns)).toBe(names);
  });

  test('--all takes exclusions', () => {
    expect(selectNames(['!node[2:9]'], machines, { all: true })).toEqual(['node1']);
  });

  test('an exclusion that matches no machine is refused, as it may be mistyped', () => {
    expect(() => select('node*', '!nod3')).toThrow('Docker machine "nod3" does not exist');
    expect(() => select('node*', '!db*')).toThrow('no machine matches "db*"');
  });

  test('exclusions alone select nothing', () => {
    expect(() => select('!node3')).toThrow('!node3 only excludes machines');
    expect(() => select('node3', '!node3')).toThrow('no machine is left: node3 !node3 excludes');
    expect(() => select('!')).toThrow('bad node pattern "!", at character 2: a name is missing');
  });

  test.each([
    'node[1:3]&node[2:4]',
    'node[1:3]|db',
    'node[1:3];db',
    'node{1..3}',
    'node(1)',
    'a/b',
    '^node1',
    'no!de',
    '!!node1',
    'node1=2',
    '$node',
  ])('%j is refused at the character that no pattern has', (pattern) => {
    expect(() => select(pattern)).toThrow(/^bad node pattern .* is not allowed in a node pattern/);
  });

  test.each([
    ['node{1..3}', 'node[1:3]'],
    ['node{01..10}', 'node[01:10]'],
    ['node{1,3}', 'node[1,3]'],
    ['node{1:3}', 'node[1:3]'],
    ['node(1:3)', 'node[1:3]'],
    ['db,node[1..3]', 'db,node[1:3]'],
    ['node1..3', 'node[1:3]'],
  ])('%j is refused, and %j suggested', (pattern, meant) => {
    const hint = `did you mean "${meant}"?`;
    expect(() => select(pattern)).toThrow(expect.objectContaining({ hint }));
    expect(() => expandNames([pattern])).toThrow(expect.objectContaining({ hint }));
  });

  test('a range may have a hyphen, as in ClusterShell and Slurm', () => {
    expect(select('node[1-2]')).toEqual(select('node[1:2]'));
    expect(expandAddresses('10.0.0.[1-3]')).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  });

  test('new machines cannot be excluded', () => {
    expect(() => expandNames(['node[1:4],!node3'])).toThrow('"!" is not allowed in a machine name');
  });
});
