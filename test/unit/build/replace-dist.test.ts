import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceDist } from '../../../build/replace-dist.js';

let root = '';
let dist = '';

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'belt-dist-'));
  dist = join(root, 'dist');
});

afterEach(() => rm(root, { recursive: true }));

async function build(files: Record<string, string>): Promise<void> {
  const fresh = join(root, 'dist.new-1');
  for (const [file, content] of Object.entries(files)) await write(join(fresh, file), content);
  await replaceDist(fresh, dist, ['types']);
}

async function write(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(join(dist, folder)).catch(() => [])).filter((name) => !name.startsWith('.')).sort();
}

test('a build replaces entries and keeps the chunks of the previous build', async () => {
  await build({ 'cli/main.js': 'import "../chunks/a-1.js"', 'chunks/a-1.js': '1', 'chunks/b-1.js': '1' });
  await build({ 'cli/main.js': 'import "../chunks/a-2.js"', 'chunks/a-2.js': '2', 'chunks/b-1.js': '1' });
  expect(await readFile(join(dist, 'cli/main.js'), 'utf8')).toContain('a-2.js');
  expect(await filesIn('chunks')).toEqual(['a-1.js', 'a-2.js', 'b-1.js']);
  await build({ 'cli/main.js': 'import "../chunks/a-3.js"', 'chunks/a-3.js': '3' });
  expect(await filesIn('chunks')).toEqual(['a-2.js', 'a-3.js', 'b-1.js']);
});

test('a build removes obsolete entries and keeps the types', async () => {
  await write(join(dist, 'types/driver.d.ts'), 'types');
  await build({ 'commands/old.js': '', 'cli/main.js': '' });
  await build({ 'cli/main.js': '' });
  expect(await filesIn('commands')).toEqual([]);
  expect(await filesIn('types')).toEqual(['driver.d.ts']);
  expect(await readdir(root)).toEqual(['dist']);
});
