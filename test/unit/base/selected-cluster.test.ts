import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/base/errors.js';
import { selectCluster, withSelectedCluster } from '../../../src/base/selected-cluster.js';

afterEach(() => selectCluster({}));

/** Top-level commands that do not act on the selected cluster. */
const global = ['cluster', 'completion', 'doctor', 'import', 'plugins', 'use', 'version'];

const commands = readdirSync(join(import.meta.dirname, '../../../src/commands')).map((file) =>
  file.replace(/\.ts$/, ''),
);

test('suggested commands stay as they are when no cluster was selected', () => {
  expect(withSelectedCluster('belt rm -f q1')).toBe('belt rm -f q1');
});

describe('with a selected cluster', () => {
  test('errors name it in their message and their hint', () => {
    selectCluster({ cluster: 'nope' });
    expect(new UserError('Use "belt ls" to list machines', { hint: 'belt start q1' })).toMatchObject({
      message: 'Use "belt --cluster nope ls" to list machines',
      hint: 'belt --cluster nope start q1',
    });
  });

  test.each([...new Set(commands)])('belt %s names it if it acts on a cluster', (name) => {
    selectCluster({ 'storage-path': "/it's here" });
    const expected = global.includes(name) ? `belt ${name} x` : `belt -s '/it'\\''s here' ${name} x`;
    expect(withSelectedCluster(`belt ${name} x`)).toBe(expected);
  });

  test.each([
    [
      'belt start NODES; if lost: belt swarm recover',
      'belt -s d start NODES; if lost: belt -s d swarm recover',
    ],
    ['run: belt create -d generic q1 --cluster a', 'run: belt create -d generic q1 --cluster a'],
    [
      'to resume: belt create q1 -s d\nto remove: belt rm q1',
      'to resume: belt create q1 -s d\nto remove: belt -s d rm q1',
    ],
    ['use "belt --host node1 docker ps"', 'use "belt -s d --host node1 docker ps"'],
    ['belt --cluster a rm --all', 'belt --cluster a rm --all'],
    ['belt cluster plan, or belt cluster rm a', 'belt -s d cluster plan, or belt cluster rm a'],
    ['the next time belt starts', 'the next time belt starts'],
  ])('%j becomes %j', (text, shown) => {
    selectCluster({ 'storage-path': 'd' });
    expect(withSelectedCluster(text)).toBe(shown);
    expect(withSelectedCluster(shown)).toBe(shown);
  });
});
