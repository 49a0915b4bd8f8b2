import { describe, expect, test } from 'vitest';
import { UsageError, UserError } from '../../../src/base/errors.js';
import { documentFormatIn, namesIn, openOutput } from '../../../src/cli/output.js';

const report = {
  ok: [{ name: 'node1', nodeId: 'x' }],
  failed: [{ name: 'node2', error: 'no' }],
  skipped: [],
};

async function format(output: string, result: unknown): Promise<string | undefined> {
  return (await openOutput({ output })).render?.(result);
}

describe('openOutput', () => {
  test('table and wide formats are left to the command', async () => {
    expect(await openOutput({})).toEqual({ format: 'table' });
    expect(await openOutput({ output: 'wide' })).toEqual({ format: 'wide' });
  });

  test('json output is indented by two spaces', async () => {
    expect(await format('json', { name: 'a' })).toBe('{\n  "name": "a"\n}');
    expect((await openOutput({ json: true })).format).toBe('json');
  });

  test('yaml output is the same document, without undefined fields and folded lines', async () => {
    const long = 'word '.repeat(40).trim();
    expect(await format('yaml', { name: 'a', size: undefined, why: long })).toBe(`name: a\nwhy: ${long}`);
  });

  test('name output lists the names of successful results, one per line', async () => {
    expect(await format('name', report)).toBe('node1');
    expect(await format('name', [{ name: 'a' }, { name: 'b' }])).toBe('a\nb');
  });

  test('a go-template is applied to the whole document', async () => {
    expect(await format('go-template={{range .ok}}{{.name}}\\n{{end}}', report)).toBe('node1');
    expect(await format('go-template={{json .}}', { a: 1 })).toBe('{"a":1}');
  });

  test('an unknown format is a usage error that lists the formats', async () => {
    await expect(openOutput({ output: 'xml' })).rejects.toThrow(
      new UsageError(
        'unknown output format "xml": use table, wide, json, yaml, name or go-template=TEMPLATE',
      ),
    );
  });

  test('an invalid template is refused before the command runs', async () => {
    await expect(openOutput({ output: 'go-template={{' })).rejects.toThrow(UserError);
  });

  test('--json contradicts any other format', async () => {
    await expect(openOutput({ json: true, output: 'yaml' })).rejects.toThrow(
      '--json cannot be combined with --output yaml',
    );
    expect((await openOutput({ json: true, output: 'json' })).format).toBe('json');
  });
});

test.each<[unknown, string[]]>([
  [{ active: 'node1' }, ['node1']],
  [{ removed: 'base', machines: ['a'] }, ['base']],
  [{ ok: ['a', 'b'], failed: [], skipped: [] }, ['a', 'b']],
  [{ certificates: [{ kind: 'client' }, { kind: 'server', machine: 'a', names: ['x'] }] }, ['client', 'a']],
  [{ managers: { total: 1, nodes: [{ name: 'mg1' }] } }, ['mg1']],
  [{ token: 'SWMTKN' }, []],
])('name output of %j lists its names', (result, names) => {
  expect(namesIn(result)).toEqual(names);
});

test.each<[string, 'json' | 'yaml' | undefined]>([
  ['ls --json', 'json'],
  ['ls -o yaml', 'yaml'],
  ['ls -oyaml', 'yaml'],
  ['ls --output=json --nope', 'json'],
  ['ls -output json', 'json'],
  ['ls -o name', undefined],
  ['ls --json=false', undefined],
  ['exec node1 -- ps -o json', undefined],
  ['ls -o', undefined],
])('errors of "belt %s" are printed as %s', (line, format) => {
  expect(documentFormatIn(line.split(' '))).toBe(format);
});
