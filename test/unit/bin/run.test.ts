import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const run = resolve('bin/run.js');

/** Runs it as CommonJS, as Node.js did before 12.17, with another version. */
function runOn(version: string): { stderr: string; status: number | null } {
  const program = `Object.defineProperty(process.versions, 'node', { value: '${version}' });
    new Function(require('fs').readFileSync('${run}', 'utf8').replace(/^#!.*/, ''))();`;
  const { stderr, status } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  return { stderr, status };
}

test.each(['18.20.8', '20.18.3', '10.24.1', '8.17.0'])('belt refuses Node.js %s in one line', (version) => {
  expect(runOn(version)).toEqual({
    stderr: `belt needs Node.js 20.19 or newer; this is ${version}\n`,
    status: 1,
  });
});

test('bin/run.js requires the version that package.json declares', () => {
  const { engines } = JSON.parse(readFileSync(resolve('package.json'), 'utf8')) as {
    engines: { node: string };
  };
  expect(readFileSync(run, 'utf8')).toContain(`Node.js ${engines.node.replace('>=', '')} or newer`);
});
