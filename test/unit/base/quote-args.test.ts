import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quoteArgs } from '../../../src/base/quote-args.js';

describe('quoteArgs', () => {
  test.each([
    [['docker', 'service', 'ls'], 'docker service ls'],
    [['--format={{.ID}}'], `'--format={{.ID}}'`],
    [[''], `''`],
    [["it's"], `'it'\\''s'`],
    [['$HOME', 'a  b', '`x`', '~', '*', 'A=b'], `'$HOME' 'a  b' '\`x\`' '~' '*' 'A=b'`],
    [['alpine:3.20', '/data', 'a@b', '50%', '1,2', 'x_y-z+.'], 'alpine:3.20 /data a@b 50% 1,2 x_y-z+.'],
  ])('quoteArgs quotes %j as %s', (args, line) => {
    expect(quoteArgs(args)).toBe(line);
  });

  test('property: a real shell splits the quoted arguments into the original ones', () => {
    const text = fc.string({ unit: 'binary' }).filter((arg) => !arg.includes('\0'));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 8 }), (args) => {
        const { stdout } = spawnSync('sh', ['-c', `printf '%s\\0' ${quoteArgs(args)}`], { encoding: 'utf8' });
        expect(stdout.split('\0').slice(0, -1)).toEqual(args);
      }),
      { numRuns: 200 },
    );
  });
});
