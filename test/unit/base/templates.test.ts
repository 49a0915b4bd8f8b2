import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { templatesIn } from '../../../src/base/templates.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belt-templates-'));
});

afterEach(() => rm(folder, { recursive: true }));

async function render(text: string, values?: Record<string, string>): Promise<string> {
  await writeFile(join(folder, 'unit.conf'), text);
  return templatesIn(folder).render('unit.conf', values);
}

test('render replaces each placeholder and keeps all other text', async () => {
  expect(await render('a {{x}} b {{ x }} {{y_1}}{{x}} { {{x}}} $1', { x: '1', y_1: '2' })).toBe(
    'a 1 b {{ x }} 21 { 1} $1',
  );
  expect(await render('no places\n')).toBe('no places\n');
  expect(await render('[{{x}}]', { x: '' })).toBe('[]');
});

test('property: render inserts values unchanged', async () => {
  const value = fc.oneof(fc.string(), fc.constantFrom('{{b}}', '$&', '$1', "$'", '\\n'));
  await fc.assert(
    fc.asyncProperty(value, value, async (a, b) => {
      expect(await render('<{{a}}|{{b}}|{{a}}>', { a, b })).toBe(`<${a}|${b}|${a}>`);
    }),
    { numRuns: 50 },
  );
});

test.each(['x', 'constructor', 'toString'])(
  'render throws for a placeholder without a value: %s',
  async (key) => {
    await expect(render(`{{${key}}}`)).rejects.toThrow(new Error(`template unit.conf: no value for ${key}`));
  },
);

test('render throws for a value without a placeholder', async () => {
  await expect(render('{{x}}', { x: '1', y: '2', z: '3' })).rejects.toThrow(
    new Error('template unit.conf: unused values: y, z'),
  );
});

test('render names a missing template', async () => {
  await expect(templatesIn(folder).render('none.conf')).rejects.toThrow(join(folder, 'none.conf'));
});
