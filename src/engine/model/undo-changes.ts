import { isDeepStrictEqual } from 'node:util';
import { UserError } from '../../base/errors.js';
import { findJsonProblem } from '../../base/json-problem.js';

/** A map, because a key may be "constructor". */
export type JsonKeys = Map<string, unknown>;

/** @throws UserError naming the file when it is not a JSON object */
export function parseJsonFile(path: string, text: string): JsonKeys {
  const hint = 'repair it on the machine; the engine cannot start with it either';
  const json = withoutBom(text);
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return new Map(Object.entries(value));
    }
  } catch (cause) {
    const { line, column, problem } = findJsonProblem(json) ?? { line: 1, column: 1, problem: String(cause) };
    throw new UserError(`${path} is not JSON: line ${line}, column ${column}: ${problem}`, { hint, cause });
  }
  throw new UserError(`${path} is not a JSON object`, { hint });
}

/** @param like text whose indentation, line ends and byte order mark are used */
export function formatJsonFile(keys: JsonKeys, like: string): string {
  const indent = /^([ \t]+)"/m.exec(like)?.[1] ?? 2;
  const bom = like.slice(0, like.length - withoutBom(like).length);
  const text = `${bom}${JSON.stringify(Object.fromEntries(keys), undefined, indent)}\n`;
  return like.includes('\r\n') ? text.replaceAll('\n', '\r\n') : text;
}

/**
 * The engine joins objects under a key that is there twice, which belt would not.
 * @throws UserError naming the place
 */
export function requireUniqueKeys(path: string, text: string): void {
  const { line, column, problem } = findJsonProblem(withoutBom(text), { unique: true }) ?? {};
  if (problem === undefined) return;
  throw new UserError(`${path} cannot be changed: line ${line}, column ${column}: ${problem}`, {
    hint: 'join the two on the machine',
  });
}

/** Windows editors write a byte order mark, which engines since 23.0 accept. */
function withoutBom(text: string): string {
  return text.replace(/^\uFEFF/, '');
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
  const { merged, conflicts } = undoKeys(ours, base, theirs);
  // Avoids reformatting a file with the same content.
  if (isSame(merged, theirs)) return { text: current, conflicts };
  if (isSame(merged, ours)) return { text: before, conflicts };
  return { text: formatJsonFile(merged, current), conflicts };
}

function undoKeys(
  before: JsonKeys,
  written: JsonKeys,
  current: JsonKeys,
): { merged: JsonKeys; conflicts: string[] } {
  const merges = [...new Set([...current.keys(), ...before.keys()])].map((key) => {
    return { key, ...undoValue(before.get(key), written.get(key), current.get(key)) };
  });
  const merged = merges.flatMap(({ key, value }): [string, unknown][] =>
    value === undefined ? [] : [[key, value]],
  );
  const conflicts = merges.filter(({ conflict }) => conflict).map(({ key }) => key);
  return { merged: new Map(merged), conflicts };
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
  if (isObject(before) && isObject(written) && isObject(current)) {
    const [ours, base, theirs] = [before, written, current].map((value) => new Map(Object.entries(value)));
    const { merged, conflicts } = undoKeys(ours as JsonKeys, base as JsonKeys, theirs as JsonKeys);
    return { value: Object.fromEntries(merged), conflict: conflicts.length > 0 };
  }
  return { value: current, conflict: true };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
