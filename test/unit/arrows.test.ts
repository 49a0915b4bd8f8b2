import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

/* The check of the arrows between folders is itself checked: each rule must find a wrong import, and none a right one. */

const project = join(import.meta.dirname, '../..');
const rulesFile = '.dependency-cruiser.cjs';
const { forbidden } = createRequire(import.meta.url)(join(project, rulesFile)) as {
  forbidden: { name: string }[];
};

/** A small tree that obeys every rule: imports of each file, by its path. */
const right: Readonly<Record<string, readonly string[]>> = {
  'bin/run.js': ['../src/cli/main.js'],
  'src/cli/main.ts': ['@oclif/core', '../ui/board.js', '../config/store.js', '../ssh/ssh.js'],
  'src/cli/base-command.ts': [
    '@oclif/core',
    '../operations/create.js',
    '../drivers/driver.js',
    '../errors.js',
  ],
  'src/commands/create.ts': [
    '@oclif/core',
    '../cli/base-command.js',
    '../ui/board.js',
    '../operations/create.js',
    '../machines/machine.js',
  ],
  'src/ui/board.ts': ['listr2', '../machines/machine.js', '../operations/create.js'],
  'src/operations/create.ts': [
    '../machines/machine.js',
    '../machines/patterns.js',
    '../swarm/node.js',
    '../engine/api.js',
    '../drivers/driver.js',
    '../drivers/one/index.js',
    '../drivers/two/index.js',
    '../ssh/ssh.js',
    '../pki/ca.js',
    '../config/store.js',
    '../templates.js',
  ],
  'src/machines/machine.ts': [],
  'src/machines/patterns.ts': ['./machine.js', '../errors.js'],
  'src/swarm/node.ts': ['../machines/machine.js', '../errors.js'],
  'src/engine/api.ts': ['../errors.js'],
  'src/drivers/driver.ts': ['../machines/machine.js', '../templates.js'],
  'src/drivers/one/index.ts': ['../driver.js', 'zod'],
  'src/drivers/two/index.ts': ['../driver.js'],
  'src/ssh/ssh.ts': ['ssh2', '../errors.js'],
  'src/pki/ca.ts': ['../errors.js'],
  'src/config/store.ts': ['../machines/machine.js', 'zod'],
  'src/errors.ts': [],
  'src/templates.ts': ['node:fs/promises'],
};

/** One wrong import for each rule but the one about files that nothing reaches. */
const wrong: readonly [rule: string, file: string, target: string][] = [
  ['arrows-of-machines', 'src/machines/extra.ts', '../config/store.js'],
  ['arrows-of-swarm', 'src/swarm/extra.ts', '../engine/api.js'],
  ['arrows-of-engine', 'src/engine/extra.ts', '../ssh/ssh.js'],
  ['arrows-of-drivers', 'src/drivers/one/extra.ts', '../../config/store.js'],
  ['arrows-of-ssh', 'src/ssh/extra.ts', '../config/store.js'],
  ['arrows-of-pki', 'src/pki/extra.ts', '../ssh/ssh.js'],
  ['arrows-of-config', 'src/config/extra.ts', '../drivers/driver.js'],
  ['arrows-of-operations', 'src/operations/extra.ts', '../ui/board.js'],
  ['arrows-of-ui', 'src/ui/extra.ts', '../config/store.js'],
  ['arrows-of-cli', 'src/cli/extra.ts', '../engine/api.js'],
  ['arrows-of-commands', 'src/commands/extra.ts', '../config/store.js'],
  ['leaves-import-nothing', 'src/errors.ts', './machines/machine.js'],
  ['one-driver-does-not-know-another', 'src/drivers/two/extra.ts', '../one/index.js'],
  ['oclif-stays-above', 'src/operations/extra.ts', '@oclif/core'],
  ['listr2-stays-in-ui', 'src/operations/extra.ts', 'listr2'],
  ['ssh2-stays-in-ssh', 'src/operations/extra.ts', 'ssh2'],
  ['no-cycles', 'src/machines/ring.ts', './rung.js'],
];

const deadFiles = 'no-dead-files';

let tree: string;

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'belt-arrows-'));
  for (const file of [rulesFile, 'tsconfig.json', 'package.json'])
    await cp(join(project, file), join(tree, file));
  await symlink(join(project, 'node_modules'), join(tree, 'node_modules'));
  for (const [file, targets] of Object.entries(right)) await put(file, targets.map(statically));
});

afterEach(() => rm(tree, { recursive: true }));

async function put(file: string, imports: readonly string[]): Promise<void> {
  await mkdir(dirname(join(tree, file)), { recursive: true });
  await writeFile(join(tree, file), [...imports, 'export const here = 1;', ''].join('\n'));
}

const statically = (target: string): string => `import '${target}';`;
const forItsType = (target: string): string => `import type { here as there } from '${target}';`;
const whenUsed = (target: string): string => `export const later = () => import('${target}');`;

/** Runs the check as `npm run arrows` does. @returns `rule: from` of each violation */
async function violations(): Promise<string[]> {
  const program = join(project, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [program, '--config', rulesFile, '--output-type', 'json', 'src', 'bin'];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: tree,
    maxBuffer: 64 * 1024 * 1024,
  });
  const { summary } = JSON.parse(stdout) as {
    summary: { violations: { rule: { name: string; severity: string }; from: string }[] };
  };
  return summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`).sort();
}

test('every rule has a wrong import here', () => {
  const rules = [...wrong.map(([rule]) => rule), deadFiles];
  expect(rules.sort()).toEqual(forbidden.map(({ name }) => name).sort());
});

test('a tree that obeys the rules passes', { timeout: 60_000 }, async () => {
  expect(await violations()).toEqual([]);
});

test.each([
  ['a plain import', statically],
  ['an import of types only', forItsType],
  ['an import when used', whenUsed],
])('%s in the wrong direction fails, and the rule is named', { timeout: 60_000 }, async (_, write) => {
  const imports = new Map<string, string[]>();
  for (const [, file, target] of wrong) {
    const known = imports.get(file) ?? (right[file] ?? []).map(statically);
    imports.set(file, [...known, write(target)]);
  }
  for (const [file, lines] of imports) await put(file, lines);
  await put('src/machines/rung.ts', [statically('./ring.js')]);
  const found = (await violations()).filter((violation) => !violation.startsWith(deadFiles));
  expect(found).toEqual(wrong.map(([rule, file]) => `${rule}: ${file}`).sort());
});

test('a file that neither a command nor the program reaches fails', { timeout: 60_000 }, async () => {
  await put('src/machines/alone.ts', [statically('./machine.js')]);
  expect(await violations()).toEqual([`${deadFiles}: src/machines/alone.ts`]);
});
