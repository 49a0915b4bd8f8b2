import { damagedFileError, readText, type StateFiles } from '../base/files.js';

/**
 * The YAML files that hold one name under one key: `.belt/active` (`cluster: name`) and a cluster's
 * `active` (`host: name`), as the belt of 2016 wrote them. Every `belt docker` reads both, so a
 * file that looks as belt writes it does without the YAML parser (some 20 ms to load).
 *
 * @returns undefined when the file does not exist or is empty. @throws UserError when it is damaged
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
