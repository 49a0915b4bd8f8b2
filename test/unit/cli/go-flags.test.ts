import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/base/errors.js';
import { normalizeFlags } from '../../../src/cli/go-flags.js';

const shapes = [
  { name: 'force', char: 'f', isSwitch: true },
  { name: 'debug', char: 'D', isSwitch: true },
  { name: 'all', isSwitch: true },
  { name: 'driver', char: 'd', isSwitch: false },
  { name: 'engine-opt', isSwitch: false },
  { name: 'availability', char: 'a', isSwitch: false, values: ['active', 'pause', 'drain'] },
];

function plain(line: string): { words: string; off: string[] } {
  const { words, off } = normalizeFlags(line.split(' '), shapes);
  return { words: words.join(' '), off };
}

describe('Go flags', () => {
  test.each(['true', 't', 'T', 'TRUE', 'True', '1'])('a switch with =%s is on', (word) => {
    expect(plain(`--force=${word} node1`)).toEqual({ words: '--force node1', off: [] });
    expect(plain(`-f=${word} node1`)).toEqual({ words: '-f node1', off: [] });
  });

  test.each(['false', 'f', 'F', 'FALSE', 'False', '0'])('a switch with =%s is off', (word) => {
    expect(plain(`--force=${word} node1`)).toEqual({ words: 'node1', off: ['force'] });
    expect(plain(`node1 -f=${word}`)).toEqual({ words: 'node1', off: ['force'] });
  });

  test.each([
    ['--force=yes', '--force'],
    ['-force=', '--force'],
    ['-f=no', '-f'],
  ])('"%s" is refused', (word, flag) => {
    expect(() => plain(word)).toThrow(UsageError);
    expect(() => plain(word)).toThrow(`${flag} must be true or false, not "`);
  });

  test.each([
    ['--availability Drain', '--availability drain'],
    ['--availability=PAUSE Drain', '--availability=pause Drain'],
    ['-fa Drain', '-fa drain'],
    ['-availability aCTIVE', '--availability active'],
    ['--availability Idle', '--availability Idle'],
    ['--driver Drain', '--driver Drain'],
  ])('listed values are accepted in any case: "%s"', (typed, expected) => {
    expect(plain(typed).words).toBe(expected);
  });

  test('listed values of positional arguments are accepted in any case', () => {
    const normalize = (line: string) =>
      normalizeFlags(line.split(' '), shapes, [['worker', 'manager'], undefined]).words.join(' ');
    expect(normalize('--driver Manager -f Manager Worker')).toBe('--driver Manager -f manager Worker');
    expect(normalize('Boss -- Manager')).toBe('Boss -- Manager');
  });

  test('the last occurrence of a repeated switch wins', () => {
    expect(plain('--force=false --force')).toEqual({ words: '--force', off: [] });
    expect(plain('--force -f=0').off).toEqual(['force']);
  });

  test.each([
    ['-driver virtualbox q1', '--driver virtualbox q1'],
    ['-driver=virtualbox q1', '--driver=virtualbox q1'],
    ['-debug -all', '--debug --all'],
    ['-engine-opt=a=b', '--engine-opt=a=b'],
    ['-d=virtualbox', '--driver=virtualbox'],
  ])('"%s" is normalized to "%s"', (typed, expected) => {
    expect(plain(typed)).toEqual({ words: expected, off: [] });
  });

  test.each([
    '-dvirtualbox q1',
    '-Df q1',
    '-',
    '-x',
    '--unknown=false q1',
    '-unknown x',
    '-- -debug --force=false',
    'q1 -- --driver -all',
    '--driver -all',
    '-d --force=false',
    '--engine-opt --debug=false',
    '-Dd --force=false',
    '--driver',
  ])('"%s" stays unchanged', (typed) => {
    expect(plain(typed)).toEqual({ words: typed, off: [] });
  });

  test('property: normalizing twice changes nothing', () => {
    const word = fc.constantFrom(
      '--force',
      '-f',
      '-D',
      '-Df',
      '--driver=x',
      '-dx',
      'node1',
      '--',
      '-driver',
      '--all=1',
    );
    fc.assert(
      fc.property(fc.array(word), (typed) => {
        const { words } = normalizeFlags(typed, shapes);
        expect(normalizeFlags(words, shapes)).toEqual({ words, off: [] });
      }),
    );
  });
});
