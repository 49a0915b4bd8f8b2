import { isDeepStrictEqual } from 'node:util';
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

/** A file without the changes of one of those who changed it. */
export interface Undone {
  /** Undefined: the file does not exist. */
  text?: string;
  /** Keys that both have changed: they stay as the others have them. */
  conflicts: string[];
}

/**
 * Takes back what was changed from `before` to `written`, and keeps what others have changed since, up to `current`: a three-way
 * merge of JSON objects, by key, lists by their elements. Where only belt changed anything, the text of `before` comes back.
 * @param current undefined when the file has been removed: it is not brought back
 * @throws UserError that names the file, when a text is not a JSON object
 */
export function undoChanges(
  path: string,
  before: string,
  written: string,
  current: string | undefined,
): Undone {
  if (current === written) return { text: before, conflicts: [] };
  if (current === undefined || current.trim() === '') {
    return { ...(current !== undefined && { text: current }), conflicts: [] };
  }
  const ours = parseJsonFile(path, before);
  const base = parseJsonFile(path, written);
  const theirs = parseJsonFile(path, current);
  const merges = [...new Set([...theirs.keys(), ...ours.keys()])].map((key) => {
    return { key, ...undoValue(ours.get(key), base.get(key), theirs.get(key)) };
  });
  const merged = new Map(
    merges.filter(({ value }) => value !== undefined).map(({ key, value }) => [key, value]),
  );
  const conflicts = merges.filter(({ conflict }) => conflict).map(({ key }) => key);
  // What says the same already is not written in another way.
  if (isSame(merged, theirs)) return { text: current, conflicts };
  if (isSame(merged, ours)) return { text: before, conflicts };
  return { text: formatJsonFile(merged, current), conflicts };
}

/** Undefined is a key that is not there. */
function undoValue(
  before: unknown,
  written: unknown,
  current: unknown,
): { value: unknown; conflict?: boolean } {
  if (isSame(before, written)) return { value: current };
  if (isSame(current, written) || isSame(current, before)) return { value: before };
  if (Array.isArray(before) && Array.isArray(written) && Array.isArray(current)) {
    return { value: undoList(before, written, current) };
  }
  return { value: current, conflict: true };
}

function undoList(before: unknown[], written: unknown[], current: unknown[]): unknown[] {
  const added = without(written, before);
  const removed = without(before, written);
  return [...without(current, added), ...without(removed, current)];
}

function without(list: unknown[], others: unknown[]): unknown[] {
  return list.filter((item) => !others.some((other) => isSame(item, other)));
}

function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other);
}
