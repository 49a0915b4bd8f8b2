import { readFile } from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import type * as z from 'zod/mini';
import { messageOf, UserError } from '../../base/errors.js';

/**
 * Reads a JSON file of belt's; undefined when there is none.
 * @throws UserError that names the file when it is damaged, or written by a newer belt.
 */
export async function readJson<T>(path: string, schema: z.ZodMiniType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new UserError(`cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
  return schema.parse(parseText(path, text, schema));
}

/** Replaces a JSON file in one step; readable to all, as nothing secret belongs in one. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o644 });
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

function parseText<T>(path: string, text: string, schema: z.ZodMiniType<T>): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new UserError(`${path} is damaged: ${messageOf(error)}`, { cause: error });
  }
  const { success, error } = schema.safeParse(value);
  if (success) return value;
  const [issue] = error.issues;
  throw new UserError(`${path} is damaged: ${issue?.path.join('.')}: ${issue?.message}`, { cause: error });
}
