import { UserError } from '../../base/errors.js';

/** A JSON object by its keys, in their order. A map: a key may be called "constructor". */
export type JsonKeys = Map<string, unknown>;

/** @throws UserError that names the file, when it is not a JSON object */
export function parseJsonFile(path: string, text: string): JsonKeys {
  const hint = 'put it right on the machine; the engine cannot start with it either';
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new Map(Object.entries(value));
    }
  } catch (cause) {
    throw new UserError(`${path} is not JSON: ${(cause as Error).message}`, { hint, cause });
  }
  throw new UserError(`${path} is not a JSON object`, { hint });
}

/** @param like a text whose indentation is taken */
export function formatJsonFile(keys: JsonKeys, like: string): string {
  const indent = /^([ \t]+)"/m.exec(like)?.[1] ?? 2;
  return `${JSON.stringify(Object.fromEntries(keys), undefined, indent)}\n`;
}
