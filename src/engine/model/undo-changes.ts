import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../base/errors.js';

/** A map, because a key may be "constructor". */
export type JsonKeys = Map<string, unknown>;

/** @throws UserError naming the file when it is not a JSON object */
export function parseJsonFile(path: string, text: string): JsonKeys {
  const hint = 'repair it on the machine; the engine cannot start with it either';
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

/** @param like text whose indentation is used */
export function formatJsonFile(keys: JsonKeys, like: string): string {
  const indent = /^([ \t]+)"/m.exec(like)?.[1] ?? 2;
  return `${JSON.stringify(Object.fromEntries(keys), undefined, indent)}\n`;
}

export interface UndoResult {
  /** Undefined when the file does not exist. */
  text?: string;
  /** Keys that both sides changed, left as they are. */
  conflicts: string[];
}

/**
 * Undoes the changes from `before` to `written` and keeps those from `written` to `current`: a
 * three-way merge of JSON objects by key, and of lists by element.
 * @param current undefined when the file was removed; it stays removed
 * @throws UserError naming the file when a text is not a JSON object
 */
export function undoChanges(
  path: string,
  before: string,
  written: string,
  current: string | undefined,
): UndoResult {
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
  // Avoids reformatting a file with the same content.
  if (isSame(merged, theirs)) return { text: current, conflicts };
  if (isSame(merged, ours)) return { text: before, conflicts };
  return { text: formatJsonFile(merged, current), conflicts };
}

/** Undefined stands for a missing key. */
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
