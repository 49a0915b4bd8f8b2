import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

const record = '.files.json';

/**
 * Moves a fresh build over `dist`, file by file, so that no file of it is ever missing or half
 * written. A belt that runs meanwhile still finds the chunks it was started with: their names carry
 * a hash, and they are removed only by the build after this one.
 * @param {string} fresh the folder of the new build, on the same file system; removed afterwards
 * @param {string} dist
 * @param {readonly string[]} [kept] folders in `dist` that other programs write
 */
export async function replaceDist(fresh, dist, kept = []) {
  const files = await filesIn(fresh);
  const previous = await readFiles(join(dist, record));
  // Chunks first: an entry must not come before what it imports.
  for (const file of files.toSorted((one, other) => Number(isChunk(other)) - Number(isChunk(one)))) {
    await mkdir(dirname(join(dist, file)), { recursive: true });
    await rename(join(fresh, file), join(dist, file));
  }
  await rm(fresh, { recursive: true });
  const used = new Set([...files, ...previous.filter(isChunk), record]);
  for (const file of await filesIn(dist)) {
    if (!used.has(file) && !kept.some((folder) => file.startsWith(`${folder}/`)))
      await rm(join(dist, file), { force: true });
  }
  await writeFile(join(dist, record), JSON.stringify(files));
}

/** @param {string} file */
function isChunk(file) {
  return file.startsWith('chunks/');
}

/**
 * @param {string} path
 * @returns {Promise<string[]>} none where there was no build before
 */
async function readFiles(path) {
  return readFile(path, 'utf8').then(JSON.parse, () => []);
}

/** @param {string} folder @returns {Promise<string[]>} */
async function filesIn(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(folder, '/').length));
}
