import { damagedFileError, readText, type StateFiles } from '../base/files.js';

/**
 * Reads one name from a YAML file such as `.belt/active` (`cluster: name`), as in the 2016 belt. A
 * file in belt's own format needs no YAML parser, which takes about 20 ms to load.
 * @returns undefined for a missing or empty file. @throws UserError when it is damaged
 */
export async function readPointer(path: string, key: string): Promise<string | undefined> {
  const text = await readText(path);
  if (text === undefined || text.trim() === '') return undefined;
  const [, found, plain] = /^(\w+): ([A-Za-z0-9][A-Za-z0-9._-]*)\n$/.exec(text) ?? [];
  if (found === key) return plain;
  return readYamlPointer(path, key, text);
}

/** Without `value` the file is removed. */
export async function writePointer(
  path: string,
  key: string,
  value: string | undefined,
  files: StateFiles,
): Promise<void> {
  if (value === undefined) await files.remove(path);
  else await files.write(path, `${key}: ${value}\n`);
}

async function readYamlPointer(path: string, key: string, text: string): Promise<string | undefined> {
  const { isMap, isScalar, parseDocument } = await import('../base/yaml.js');
  const document = parseDocument(text);
  const node = isMap(document.contents) ? document.contents.get(key, true) : undefined;
  if (document.errors.length > 0 || !isScalar(node))
    throw damagedFileError(path, `it does not say "${key}: NAME"`);
  const value: unknown = node.value;
  if (value === null || value === '') return undefined;
  return typeof value === 'string' ? value : (node.source ?? String(value));
}
