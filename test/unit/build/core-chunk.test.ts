import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { coreModules } from '../../../build/core-chunk.js';

/** Without types, which the build removes. */
async function importsOf(module: string): Promise<string[]> {
  const code = await readFile(`src/${module}.ts`, 'utf8');
  return [...code.matchAll(/^(?:import|export) (?!type )(.*?)from '(.+?)';/gms)]
    .filter(([, names = '']) =>
      names
        .replace(/[{}\s]/g, '')
        .split(',')
        .some((name) => name && !name.startsWith('type')),
    )
    .map(([, , path = '']) => (path.startsWith('.') ? posix.join(posix.dirname(module), path) : path))
    .map((path) => path.replace(/\.js$/, ''));
}

test.each(coreModules.map((module) => [module]))('%s imports only core modules', async (module) => {
  const others = (await importsOf(module)).filter(
    (path) => !path.startsWith('node:') && !coreModules.includes(path),
  );
  expect(others).toEqual([]);
});
