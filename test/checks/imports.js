/**
 * Prints how many imports in src/ stay inside their folder: `npm run imports`. `cli/` and
 * `commands/` count as one folder, because oclif requires a file per command.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const features = ['certs', 'engine', 'machines', 'swarm', 'clusters', 'contexts', 'plugins'];

/** @param {string} file */
function folderOf(file) {
  const [, folder = ''] = file.split('/');
  return folder === 'commands' ? 'cli' : folder;
}

const files = execFileSync('git', ['ls-files', 'src/*.ts'], { encoding: 'utf8' }).trim().split('\n');
const imports = files.flatMap((file) => {
  const text = readFileSync(file, 'utf8');
  const targets = [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path = '']) => path);
  return targets.map((path) => ({ from: folderOf(file), to: folderOf(join(dirname(file), path)) }));
});

/** @param {number} count */
const percent = (count) => `${((100 * count) / imports.length).toFixed(1)} %`;
const inside = imports.filter(({ from, to }) => from === to).length;
const acrossFeatures = imports.filter(
  ({ from, to }) => from !== to && features.includes(from) && features.includes(to),
).length;

console.log(`${files.length} files, ${imports.length} imports`);
console.log(`inside a folder: ${percent(inside)}`);
console.log(`from feature to feature: ${percent(acrossFeatures)}`);
