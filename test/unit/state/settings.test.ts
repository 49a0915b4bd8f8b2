import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtInDrivers } from '../../../src/drivers/registry.js';
import { engineDefinitions } from '../../../src/engine/model/engine-options.js';
import { defaultEngineSettings } from '../../../src/engine/model/engine-settings.js';
import { engineFlag, resolveEngineSettings } from '../../../src/state/engine-section.js';
import {
  describeSettings,
  requireKnownSections,
  resolveDriver,
  resolveDriverSettings,
  type SettingDefinition,
  valuesOf,
} from '../../../src/state/settings.js';
import { parseSettings, readSettingsFiles, type SettingsFile } from '../../../src/state/settings-file.js';
import { recordFault } from '../../lab/record-fault.js';

const definitions: SettingDefinition[] = [
  { key: 'region', type: 'string', default: 'nyc3', env: ['OCEAN_REGION', 'REGION'] },
  { key: 'ssh_port', type: 'integer', default: 22 },
  { key: 'ipv6', type: 'boolean', default: false, env: ['OCEAN_IPV6'] },
  { key: 'tags', type: 'list', env: ['OCEAN_TAGS'] },
  { key: 'access_token', type: 'string', env: ['OCEAN_TOKEN'], secret: true },
];

function file(text: string, path = '/p/.belt.yaml'): Promise<SettingsFile> {
  return parseSettings(path, text);
}

describe('precedence', () => {
  test('settings come from flags, then the environment, the files in order, and defaults', async () => {
    const files = [
      await file('ocean:\n  region: cluster1\n', '/p/.belt/x/config.yml'),
      await file('ocean:\n  region: project1\n  ssh_port: 2222\n'),
      await file('ocean:\n  ssh_port: 2223\n  tags: [a, b]\n', '/home/ada/.belt.yaml'),
    ];
    const resolve = (
      flags: Record<string, string>,
      variables: Record<string, string>,
      from = files,
    ): unknown => resolveDriverSettings('ocean', definitions, { flags, variables, files: from })['region'];
    const all = { OCEAN_REGION: 'env1', REGION: 'env2' };
    expect(resolve({ region: 'flag1' }, all)).toEqual({
      value: 'flag1',
      origin: 'flag --ocean-region',
      secret: false,
    });
    expect(resolve({}, all)).toEqual({ value: 'env1', origin: 'environment OCEAN_REGION', secret: false });
    expect(resolve({}, { OCEAN_REGION: '', REGION: 'env2' })).toEqual({
      value: 'env2',
      origin: 'environment REGION',
      secret: false,
    });
    expect(resolve({}, {})).toEqual({
      value: 'cluster1',
      origin: '/p/.belt/x/config.yml line 2',
      secret: false,
    });
    expect(resolve({}, {}, files.slice(1))).toEqual({
      value: 'project1',
      origin: '/p/.belt.yaml line 2',
      secret: false,
    });
    expect(resolve({}, {}, files.slice(2))).toEqual({ value: 'nyc3', origin: 'default', secret: false });
    expect(valuesOf(resolveDriverSettings('ocean', definitions, { variables: {}, files }))).toEqual({
      region: 'cluster1',
      ssh_port: 2222,
      ipv6: false,
      tags: ['a', 'b'],
    });
  });

  test('--debug shows where settings come from, without secrets', async () => {
    const files = [await file('ocean:\n  access_token: dop_v1_secret\n  tags: [a, b]\n')];
    expect(
      describeSettings(
        resolveDriverSettings('ocean', definitions, { variables: { OCEAN_IPV6: '1' }, files }),
      ),
    ).toEqual([
      'region = nyc3 (default)',
      'ssh_port = 22 (default)',
      'ipv6 = true (environment OCEAN_IPV6)',
      'tags = a,b (/p/.belt.yaml line 3)',
      'access_token = [redacted] (/p/.belt.yaml line 2)',
    ]);
  });
});

describe('values', () => {
  const settingOf = async (key: string, yaml: string): Promise<unknown> => {
    const files = [await file(`ocean:\n  ${key}: ${yaml}\n`)];
    return valuesOf(resolveDriverSettings('ocean', definitions, { variables: {}, files }))[key];
  };

  test.each([
    ['region', '18153887', '18153887'],
    ['region', '007', '007'],
    ['region', '1e3', '1e3'],
    ['region', 'no', 'no'],
    ['region', '"a: b"', 'a: b'],
    ['region', '', 'nyc3'],
    ['region', '~', 'nyc3'],
    ['ssh_port', '2222', 2222],
    ['ssh_port', '"2222"', 2222],
    ['ipv6', 'true', true],
    ['ipv6', 'yes', true],
    ['ipv6', '"off"', false],
    ['tags', '[a, 1, "c,d"]', ['a', '1', 'c,d']],
    ['tags', 'a, b,', ['a', 'b']],
    ['tags', '[]', []],
  ])('the value of %s is parsed: %s', async (key, yaml, value) => {
    expect(await settingOf(key, yaml)).toEqual(value);
  });

  test.each([
    ['region', '[a]', 'region must be one value, not ["a"]'],
    ['ssh_port', 'many', 'ssh_port must be a whole number, not "many"'],
    ['ssh_port', '22.5', 'ssh_port must be a whole number, not "22.5"'],
    ['ssh_port', '[22]', 'ssh_port must be a whole number, not ["22"]'],
    ['ipv6', 'maybe', 'ipv6 must be true or false, not "maybe"'],
    ['ipv6', 'constructor', 'ipv6 must be true or false, not "constructor"'],
    ['access_token', '[dop_v1_secret]', 'access_token must be one value'],
  ])('the value of %s is refused: %s', async (key, yaml, reason) => {
    await expect(settingOf(key, yaml)).rejects.toMatchObject({ message: `/p/.belt.yaml line 2: ${reason}` });
  });

  test('YAML aliases are resolved', async () => {
    const files = [await file('ocean: &o\n  region: &r fra1\n  tags: [*r, x]\nlake: *o\n')];
    expect(valuesOf(resolveDriverSettings('lake', definitions, { variables: {}, files }))).toMatchObject({
      region: 'fra1',
      tags: ['fra1', 'x'],
    });
  });
});

describe('unknown keys', () => {
  test('an unknown key in a section is refused', async () => {
    const files = [await file('ocean:\n  region: a\n\n  regoin: b\n')];
    expect(() => resolveDriverSettings('ocean', definitions, { variables: {}, files })).toThrow(
      expect.objectContaining({
        message: '/p/.belt.yaml line 4: "regoin" is not a setting of the ocean driver',
        hint: 'did you mean "region"?',
      }),
    );
    expect(resolveDriverSettings('lake', [], { variables: {}, files })).toEqual({});
  });

  test('an unknown key at the top level is refused', async () => {
    const check = async (text: string): Promise<void> =>
      requireKnownSections(await file(text), ['ocean', 'nspawn'], { groups: false });
    await check('driver: ocean\nocean:\n  anything: goes\nnspawn:\n');
    await expect(check('nspwan:\n  image: x\n')).rejects.toMatchObject({
      message: '/p/.belt.yaml line 1: "nspwan" is not a setting or driver',
      hint: 'did you mean "nspawn"?',
    });
    await expect(check('\ncolor: red\n')).rejects.toMatchObject({
      message: '/p/.belt.yaml line 2: "color" is not a setting or driver',
      hint: 'use one of: driver, key_type, docker_client, ocean, nspawn, engine',
    });
    await expect(check('ocean: sgp1\n')).rejects.toThrow(
      '/p/.belt.yaml line 1: "ocean" is a driver, and must hold settings by name',
    );
    await expect(check('ocean:\n  region:\n    deep: 1\n')).rejects.toThrow(
      '/p/.belt.yaml line 2 holds neither a value nor a list of values',
    );
    await expect(check('engine: local\n')).rejects.toThrow(
      '/p/.belt.yaml line 1: "engine" is a section, and must hold settings by name',
    );
    await expect(check('\nworkers:\n  nodes: node1\n')).rejects.toThrow(
      '/p/.belt.yaml line 2: "workers" is a group of machines, and those belong in a cluster\'s config.yml',
    );
    await expect(check('driver:\n  name: ocean\n')).rejects.toThrow(
      '/p/.belt.yaml line 1: driver must be one value',
    );
  });
});

describe('invalid settings files', () => {
  test.each([
    [
      'ocean:\n  region: "a\n',
      '/p/.belt.yaml line 3, column 1 is not YAML: a quote before it is never closed',
    ],
    [
      'ocean:\n\tregion: a\n',
      '/p/.belt.yaml line 2, column 1 is not YAML: the line is indented with a tab: use spaces',
    ],
    ['a: 1\na: 2\n', '/p/.belt.yaml line 2, column 1 is not YAML: the key exists twice: remove one'],
    ['just text\n', '/p/.belt.yaml line 1 is not of the form "KEY: VALUE"'],
    ['- a\n- b\n', '/p/.belt.yaml line 1 is not of the form "KEY: VALUE"'],
    ['ocean:\n  a:\n    b:\n      c: 1\n', '/p/.belt.yaml line 3 holds neither a value nor a list of values'],
    ['ocean:\n  tags: [[a]]\n', '/p/.belt.yaml line 2 holds a list of more than plain values'],
  ])('the settings file %j is refused', async (text, message) => {
    await expect(file(text)).rejects.toMatchObject({ message });
  });

  test.each(['', '---\n', '# nothing\n', '~\n'])('the settings file %j is empty', async (text) => {
    expect(await file(text)).toEqual({ path: '/p/.belt.yaml', general: new Map(), sections: new Map() });
  });

  test('property: any text is valid or an error with a line number', async () => {
    let tried = 0;
    const soup = fc.string({
      unit: fc.constantFrom('a', ':', ' ', '\n', '-', '[', ']', '{', '}', '&', '*', '"', '#', '1', '~', '?'),
      maxLength: 24,
    });
    await fc.assert(
      fc.asyncProperty(soup, async (text) => {
        tried++;
        const result = await file(text).catch((error: Error) => error.message);
        expect(typeof result === 'string' ? result : `${result.path} line 1 `).toMatch(
          /^\/p\/\.belt\.yaml line \d+(, column \d+)? /,
        );
      }),
      { numRuns: 1_000 },
    );
    recordFault({ kind: 'Untrusted input', fault: 'random text as a settings file', tried });
  });

  test('missing files are ignored', async () => {
    expect(await readSettingsFiles(['/nowhere/.belt.yaml'])).toEqual([]);
  });
});

describe('the driver of new machines', () => {
  test('the driver comes from the flag, then MACHINE_DRIVER, the files, and nspawn on Linux', async () => {
    const files = [await file('driver: ocean\n')];
    const flags = { driver: 'lake' };
    const variables = { MACHINE_DRIVER: 'river' };
    expect(resolveDriver('linux', { flags, variables, files })).toEqual({
      value: 'lake',
      origin: 'flag --driver',
    });
    expect(resolveDriver('linux', { variables, files })).toEqual({
      value: 'river',
      origin: 'environment MACHINE_DRIVER',
    });
    expect(resolveDriver('darwin', { variables: {}, files })).toEqual({
      value: 'ocean',
      origin: '/p/.belt.yaml line 1',
    });
    expect(resolveDriver('linux', { variables: {}, files: [] })).toEqual({
      value: 'nspawn',
      origin: 'default',
    });
    expect(() => resolveDriver('darwin', { variables: {}, files: [] })).toThrow(
      'no driver chosen, and only Linux has a default one',
    );
  });
});

test('docs/configuration.md has a row for every setting, with its flag, variable and default', async () => {
  const text = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  for (const name of builtInDrivers.names) {
    for (const { key, flag, env = [], default: value } of (await builtInDrivers.load(name)).settings) {
      const flagName = flag || `${name}-${key.replaceAll('_', '-')}`;
      const shown = flag === false ? 'none' : `\`--${flagName}\``;
      const row = text.split('\n').find((line) => line.startsWith(`| \`${key}\` | ${shown} |`));
      expect(row, `${name} ${key}`).toBeDefined();
      for (const word of [...env, ...(value === undefined ? [] : [String(value)])])
        expect(row).toContain(`\`${word}\``);
    }
  }
});

test('docs/configuration.md has a row for every setting of engines, with its flag and variable', async () => {
  const text = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  for (const { key, env = [] } of engineDefinitions as readonly SettingDefinition[]) {
    const row = text.split('\n').find((line) => line.startsWith(`| \`${key}\` | \`--${engineFlag(key)}\` |`));
    expect(row, key).toBeDefined();
    for (const word of env) expect(row).toContain(`\`${word}\``);
  }
});

describe('.belt.example.yaml', () => {
  test('.belt.example.yaml is valid and contains every driver setting with its default', async () => {
    const path = new URL('../../../.belt.example.yaml', import.meta.url);
    const example = await parseSettings('.belt.example.yaml', await readFile(path, 'utf8'));
    requireKnownSections(example, builtInDrivers.names, { groups: false });
    expect([...example.general.keys()]).toEqual(['driver', 'key_type', 'docker_client']);
    expect([...example.sections.keys()].sort()).toEqual(['engine', ...builtInDrivers.names].sort());
    expect([...(example.sections.get('engine')?.entries.keys() ?? [])]).toEqual(
      engineDefinitions.map(({ key }) => key),
    );
    expect(resolveEngineSettings({ variables: {}, files: [example] })).toEqual(defaultEngineSettings);
    for (const name of builtInDrivers.names) {
      const { settings } = await builtInDrivers.load(name);
      expect([...(example.sections.get(name)?.entries.keys() ?? [])]).toEqual(settings.map(({ key }) => key));
      const defaults = resolveDriverSettings(name, settings, { variables: {}, files: [] });
      const written = resolveDriverSettings(name, settings, { variables: {}, files: [example] });
      expect(valuesOf(written)).toEqual(valuesOf(defaults));
    }
  });
});

test.each([
  ['a: 1\n---\nb: 2\n', 'line 2, column 1 is not YAML: a second document begins here'],
  ['a:\n    b: 1\n  c: 2\n', 'line 3, column 1 is not YAML: begin all keys of one level in the same column'],
  ['a: 1\n  b: 2\n', 'line 1, column 4 is not YAML: a key inside a value: begin all keys of one level'],
  ['a: [1, 2\nb: 1\n', 'line 2, column 1 is not YAML: a "[" or "{" before it is never closed'],
  ['driver nspawn\nsize: 1\n', 'line 1, column 1 is not YAML: the line has no ": " after its key'],
  ['a: @x\n', 'line 1, column 4 is not YAML: a value cannot begin with this character'],
  ['a: *.example.com\n', 'line 1, column 4 is not YAML: a value cannot begin with this character'],
  ['a: !node1\n', 'line 1, column 4 is not YAML: a value cannot begin with this character'],
  ['a: &x\n', 'line 1, column 6 is not YAML: a value cannot begin with this character'],
  [
    'a: "C:\\x"\n',
    'line 1, column 7 is not YAML: a backslash has a meaning between double quotes: use single quotes',
  ],
  ['a: 1\nb\n', 'line 2, column 1 is not YAML: the line has no ": " after its key'],
  ['x: &x\n  a: 1\ngeneric:\n  <<: *x\n', 'line 4 merges a map ("<<"): write its settings out'],
  ['a: b\u0000c\n', 'line 1, column 5 is not YAML: an invisible character (U+0000): remove it'],
  ['a: 1\n\uFEFFb: 2\n', 'line 2, column 1 is not YAML: an invisible character (U+FEFF): remove it'],
  ['a:\n\u00A0 b: 1\n', 'line 2, column 1 is not YAML: an invisible character (U+00A0): use a space'],
  ['a: Z\uFFFDrich\n', 'line 1, column 5 is not YAML: the file is not in UTF-8'],
])('%j is explained in words', async (text, message) => {
  await expect(parseSettings('/p/.belt.yaml', text)).rejects.toThrow(`/p/.belt.yaml ${message}`);
});

test('too many open brackets are an error', async () => {
  const text = `a: ${'['.repeat(20_000)}`;
  await expect(parseSettings('/p/.belt.yaml', text)).rejects.toThrow(
    'is not YAML: too many brackets are open',
  );
});

test.each([
  ['UTF-8', Buffer.from('\uFEFFsize: 2gb\n')],
  ['UTF-16 (little endian)', Buffer.from('\uFEFFsize: 2gb\n', 'utf16le')],
  ['UTF-16 (big endian)', Buffer.from('\uFEFFsize: 2gb\n', 'utf16le').swap16()],
])('settings may begin with a byte order mark in %s', async (_, bytes) => {
  const folder = await mkdtemp(join(tmpdir(), 'belt-bom-'));
  await writeFile(join(folder, 'x.yaml'), bytes);
  const [file] = await readSettingsFiles([join(folder, 'x.yaml')]);
  await rm(folder, { recursive: true });
  expect(file?.general.get('size')?.value).toBe('2gb');
});
