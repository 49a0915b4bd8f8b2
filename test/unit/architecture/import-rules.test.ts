import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

/* Tests the import rules: each must report a forbidden import and accept the allowed ones. */

const project = join(import.meta.dirname, '../../..');
const rulesFile = '.dependency-cruiser.cjs';
const { forbidden } = createRequire(import.meta.url)(join(project, rulesFile)) as {
  forbidden: { name: string }[];
};

/** A small tree that follows every rule: the imports of each file. */
const right: Readonly<Record<string, readonly string[]>> = {
  'bin/run.js': ['../src/cli/main.js'],
  'src/base/errors.ts': [],
  'src/base/templates.ts': ['node:fs/promises', './errors.js'],
  'src/state/store.ts': ['../machines/model/machine.js', '../base/errors.js', 'zod'],
  'src/ssh/pool.ts': ['ssh2', '../base/errors.js'],
  'src/drivers/driver.ts': ['../machines/model/machine.js', '../base/templates.js'],
  'src/drivers/kit/images.ts': ['../driver.js'],
  'src/drivers/one/index.ts': ['../driver.js', '../kit/images.js', 'zod'],
  'src/drivers/two/index.ts': ['../driver.js'],
  'src/app/context.ts': ['../state/store.js', '../ssh/pool.js', '../drivers/driver.js'],
  'src/ui/board.ts': ['listr2', '../app/context.js'],
  'src/certs/rotate.ts': ['../app/context.js'],
  'src/certs/views/table.ts': ['../../ui/board.js', '../rotate.js'],
  'src/engine/model/plan.ts': ['../../base/errors.js'],
  'src/engine/provision.ts': ['./model/plan.js', '../certs/rotate.js', '../app/context.js'],
  'src/machines/model/machine.ts': ['../../engine/model/plan.js', '../../base/errors.js'],
  'src/machines/create.ts': ['./model/machine.js', '../engine/provision.js', '../drivers/two/index.js'],
  'src/swarm/model/node.ts': ['../../machines/model/machine.js'],
  'src/swarm/join.ts': ['./model/node.js', '../machines/create.js'],
  'src/clusters/plan.ts': ['../swarm/join.js'],
  'src/contexts/create.ts': ['../clusters/plan.js'],
  'src/plugins/install.ts': ['../app/context.js'],
  'src/cli/main.ts': [
    '@oclif/core',
    '../contexts/create.js',
    '../plugins/install.js',
    '../drivers/one/index.js',
  ],
  'src/commands/create.ts': ['@oclif/core', '../cli/main.js', '../certs/views/table.js'],
};

/** One forbidden import per rule, except the rule about unreachable files. */
const wrong: readonly [rule: string, file: string, target: string][] = [
  ['layer-base', 'src/base/extra.ts', '../state/store.js'],
  ['layer-state', 'src/state/extra.ts', '../drivers/driver.js'],
  ['layer-ssh', 'src/ssh/extra.ts', '../state/store.js'],
  ['layer-drivers', 'src/drivers/one/extra.ts', '../../state/store.js'],
  ['layer-app', 'src/app/extra.ts', '../ui/board.js'],
  ['layer-ui', 'src/ui/extra.ts', '../certs/rotate.js'],
  ['layer-certs', 'src/certs/extra.ts', '../engine/provision.js'],
  ['layer-engine', 'src/engine/extra.ts', '../machines/create.js'],
  ['layer-machines', 'src/machines/extra.ts', '../swarm/join.js'],
  ['layer-swarm', 'src/swarm/extra.ts', '../clusters/plan.js'],
  ['layer-clusters', 'src/clusters/extra.ts', '../contexts/create.js'],
  ['layer-contexts', 'src/contexts/extra.ts', '../plugins/install.js'],
  ['layer-plugins', 'src/plugins/extra.ts', '../contexts/create.js'],
  ['layer-cli', 'src/cli/extra.ts', '../commands/create.js'],
  ['layer-commands', 'src/commands/extra.ts', '../../bin/run.js'],
  ['models-are-pure', 'src/swarm/model/extra.ts', '../join.js'],
  ['drivers-are-independent', 'src/drivers/two/extra.ts', '../one/index.js'],
  ['oclif-only-in-cli', 'src/machines/extra.ts', '@oclif/core'],
  ['listr2-only-in-ui', 'src/machines/extra.ts', 'listr2'],
  ['ssh2-only-in-ssh', 'src/machines/extra.ts', 'ssh2'],
  ['no-cycles', 'src/machines/ring.ts', './rung.js'],
];

const folderCycles = 'no-folder-cycles';
const deadFiles = 'no-dead-files';

let tree: string;

beforeEach(async () => {
  tree = await mkdtemp(join(tmpdir(), 'belt-imports-'));
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

/** Runs the check as `npm run arrows` does. @returns `rule: from` for each violation */
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

test('every import rule has a test with a forbidden import', () => {
  const rules = [...wrong.map(([rule]) => rule), folderCycles, deadFiles];
  expect(rules.sort()).toEqual(forbidden.map(({ name }) => name).sort());
});

test('a tree that follows the rules passes', { timeout: 60_000 }, async () => {
  expect(await violations()).toEqual([]);
});

test.each([
  ['a plain import', statically],
  ['an import of types only', forItsType],
  ['an import when used', whenUsed],
])('%s in the wrong direction fails, and the error names the rule', { timeout: 60_000 }, async (_, write) => {
  const imports = new Map<string, string[]>();
  for (const [, file, target] of wrong) {
    const known = imports.get(file) ?? (right[file] ?? []).map(statically);
    imports.set(file, [...known, write(target)]);
  }
  for (const [file, lines] of imports) await put(file, lines);
  await put('src/machines/rung.ts', [statically('./ring.js')]);
  const found = (await violations()).filter(
    (violation) => !violation.startsWith(deadFiles) && !violation.startsWith(folderCycles),
  );
  expect(found).toEqual(wrong.map(([rule, file]) => `${rule}: ${file}`).sort());
});

test('two folders that import each other fail, even without a cycle of files', {
  timeout: 60_000,
}, async () => {
  await put('src/swarm/upgrade/plan.ts', [statically('../recovery/record.js')]);
  await put('src/swarm/recovery/record.ts', [statically('../join.js')]);
  await put('src/swarm/recovery/rejoin.ts', [statically('../upgrade/nodes.js')]);
  await put('src/swarm/upgrade/nodes.ts', [statically('../join.js')]);
  const cycles = ['recovery', 'upgrade'].map((name) => `${folderCycles}: src/swarm/${name}`);
  expect(await violations()).toEqual(expect.arrayContaining(cycles));
});

test('a file that no command and no program imports fails', { timeout: 60_000 }, async () => {
  await put('src/machines/alone.ts', [statically('./create.js')]);
  expect(await violations()).toEqual([`${deadFiles}: src/machines/alone.ts`]);
});
