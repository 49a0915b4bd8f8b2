import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Edit, editSettings } from '../../../src/state/edit-settings.js';
import { parseSettings } from '../../../src/state/settings-file.js';

const edit = (text: string, ...edits: Edit[]): Promise<string> => editSettings('/p/config.yml', text, edits);
const region = (value?: string | string[]): Edit => ({
  section: 'ocean',
  key: 'region',
  ...(value !== undefined && { value }),
});

describe('changing an existing value', () => {
  test.each([
    [
      'ocean:\n  region: nyc3   # near\n  size: 1gb\n',
      'sgp1',
      'ocean:\n  region: sgp1   # near\n  size: 1gb\n',
    ],
    [
      'ocean: {size: 1gb,   region: nyc3 } # one line\n',
      'sgp1',
      'ocean: {size: 1gb,   region: sgp1 } # one line\n',
    ],
    ["ocean:\n    region:   'nyc3'\n", 'sgp1', 'ocean:\n    region:   sgp1\n'],
    ['ocean:\n  region: nyc3', 'sgp1', 'ocean:\n  region: sgp1'],
    [
      'ocean:\n  region: # none yet\n  size: 1gb\n',
      'sgp1',
      'ocean:\n  region: sgp1 # none yet\n  size: 1gb\n',
    ],
    [
      'ocean:\n  region:\n  - a\n  - b # two\n  size: 1gb\n',
      'sgp1',
      'ocean:\n  region: sgp1 # two\n  size: 1gb\n',
    ],
    ['ocean:\n  region: |\n    nyc3\n  size: 1gb\n', 'sgp1', 'ocean:\n  region: sgp1\n  size: 1gb\n'],
    ['r: &r nyc3\nocean:\n  region: *r\n', 'sgp1', 'r: &r nyc3\nocean:\n  region: sgp1\n'],
    ['ocean:\n  region: nyc3\n', '18153887', 'ocean:\n  region: "18153887"\n'],
    ['ocean:\n  region: nyc3\n', 'a, b: #c', 'ocean:\n  region: "a, b: #c"\n'],
    ['? ocean\n: region: nyc3\n', 'sgp1', '? ocean\n: region: sgp1\n'],
    ['ocean: {region: nyc3}\n', 'a]b', 'ocean: {region: "a]b"}\n'],
  ])('editing changes %j to %j', async (text, value, expected) => {
    expect(await edit(text, region(value))).toBe(expected);
  });

  test('a value can be replaced with a list', async () => {
    expect(await edit('ocean:\n  region: nyc3\n', region(['a', 'b, c']))).toBe(
      'ocean:\n  region: [a, "b, c"]\n',
    );
  });
});

describe('adding a key', () => {
  test.each([
    [
      'ocean:\n  size: 1gb # small\n\n# the lake\nlake:\n',
      'ocean:\n  size: 1gb # small\n  region: sgp1\n\n# the lake\nlake:\n',
    ],
    [
      'ocean:\n    tags:\n      - a\n      - b # last\nlake:\n',
      'ocean:\n    tags:\n      - a\n      - b # last\n    region: sgp1\nlake:\n',
    ],
    ['ocean:\n  size:\nlake:\n', 'ocean:\n  size:\n  region: sgp1\nlake:\n'],
    ['ocean: {size: 1gb }\n', 'ocean: {size: 1gb, region: sgp1 }\n'],
    ['ocean: {}\n', 'ocean: {region: sgp1}\n'],
    [
      'ocean: # to be filled\n\n# the lake\nlake:\n',
      'ocean: # to be filled\n  region: sgp1\n\n# the lake\nlake:\n',
    ],
    ['ocean:', 'ocean:\n  region: sgp1'],
    ['driver: ocean\n', 'driver: ocean\nocean:\n  region: sgp1\n'],
    ['driver: ocean', 'driver: ocean\nocean:\n  region: sgp1'],
    ['# nothing yet\n', '# nothing yet\nocean:\n  region: sgp1\n'],
    ['', 'ocean:\n  region: sgp1\n'],
    ['driver: ocean\n...\n', 'driver: ocean\nocean:\n  region: sgp1\n...\n'],
    ['{driver: ocean}\n', '{driver: ocean, ocean: {region: sgp1}}\n'],
    ['{ocean: }\n', '{ocean: {region: sgp1} }\n'],
  ])('a key is added to %j', async (text, expected) => {
    expect(await edit(text, region('sgp1'))).toBe(expected);
  });
});

describe('removing a key', () => {
  test.each([
    ['ocean:\n  region: nyc3 # near\n  size: 1gb\n', 'ocean:\n  size: 1gb\n'],
    ['ocean:\n  region: nyc3\n', 'ocean:\n'],
    ['ocean: {region: nyc3, size: 1gb}\n', 'ocean: {size: 1gb}\n'],
    ['ocean: {size: 1gb, region: nyc3}\n', 'ocean: {size: 1gb}\n'],
    ['ocean: {region: nyc3}\n', 'ocean: {}\n'],
    ['ocean:\n  size: 1gb\n', 'ocean:\n  size: 1gb\n'],
    ['driver: lake\n', 'driver: lake\n'],
  ])('a key is removed from %j', async (text, expected) => {
    expect(await edit(text, region())).toBe(expected);
  });
});

test('top-level keys can be changed and added', async () => {
  expect(await edit('# d\ndriver: a # why\n', { key: 'driver', value: 'b' })).toBe('# d\ndriver: b # why\n');
  expect(await edit('ocean:\n  region: a\n', { key: 'driver', value: 'b' })).toBe(
    'ocean:\n  region: a\ndriver: b\n',
  );
});

test('several edits are applied in order', async () => {
  const edits: Edit[] = [
    { key: 'driver', value: 'lake' },
    { section: 'lake', key: 'depth', value: '3' },
    region(),
  ];
  expect(await edit('driver: ocean\nocean:\n  region: a\n  size: b\n', ...edits)).toBe(
    'driver: lake\nocean:\n  size: b\nlake:\n  depth: "3"\n',
  );
});

test.each([['defaults: &d\n  region: a\nocean: *d\n', 'behind an alias']])(
  'editing %j is refused: %s',
  async (text) => {
    await expect(edit(text, region('b'))).rejects.toMatchObject({
      message: '/p/config.yml holds "ocean: region" in a form that belt cannot change',
    });
  },
);

test('property: an edited value is read back, and every other line stays', async () => {
  const word = fc.stringMatching(/^[a-z]{1,6}$/);
  const value = fc.oneof(
    word,
    fc.string({ maxLength: 12 }),
    fc.array(fc.string({ maxLength: 5 }), { maxLength: 3 }),
  );
  const comment = fc.constantFrom('', '', '   # why', ' #');
  const line = fc
    .tuple(word, word, comment)
    .map(([key, text, why]) => ({ key, line: `${key}: ${text}${why}` }));
  const lines = fc.uniqueArray(line, { selector: ({ key }) => key, maxLength: 4 });
  const sections = fc.uniqueArray(
    fc.record({
      key: fc.stringMatching(/^[A-Z]{1,4}$/),
      lines,
      indent: fc.constantFrom('  ', '    '),
      gap: fc.constantFrom('', '\n', '# about\n'),
    }),
    {
      selector: ({ key }) => key,
      maxLength: 4,
    },
  );
  const target = fc.constantFrom('A', 'B', 'XY', 'Z');
  await fc.assert(
    fc.asyncProperty(sections, target, word, value, async (parts, section, key, wanted) => {
      const text = parts
        .map(
          ({ key: name, lines: inner, indent, gap }) =>
            `${gap}${name}:\n${inner.map((each) => `${indent}${each.line}\n`).join('')}`,
        )
        .join('');
      const edited = await edit(text, { section, key, value: wanted });
      const read = (await parseSettings('f', edited)).sections.get(section)?.entries.get(key)?.value;
      expect(read).toEqual(wanted);
      const kept = new Set(edited.split('\n'));
      const gone = text.split('\n').filter((each) => !kept.has(each));
      expect(gone.length).toBeLessThanOrEqual(1);
      const back = await edit(edited, { section, key });
      expect((await parseSettings('f', back)).sections.get(section)?.entries.has(key) ?? false).toBe(false);
    }),
    { numRuns: 500 },
  );
});
