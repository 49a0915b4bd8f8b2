import * as z from 'zod/mini';
import { damagedFileError, readJson, requireVersion, type StateFiles } from './files.js';

const recordVersion = 1;

/**
 * The version is checked first, as newer formats differ in shape.
 * @param what completes "it is not …": `the record of a machine`
 * @throws UserError if the file is damaged or has a newer format
 */
export async function readRecord<Schema extends z.ZodMiniType>(
  path: string,
  schema: Schema,
  what: string,
): Promise<z.output<Schema> | undefined> {
  const content = await readJson(path);
  if (content === undefined) return undefined;
  const versioned = z.object({ version: z.number() }).safeParse(content);
  if (!versioned.success) throw damagedFileError(path, `it is not ${what}`);
  requireVersion(path, versioned.data.version, recordVersion);
  const { success, data } = schema.safeParse(content);
  if (!success) throw damagedFileError(path, `it is not ${what}`);
  return data;
}

/** @param files default: readable by all users, for what the whole computer shares */
export async function writeRecord(
  path: string,
  content: object,
  files: Pick<StateFiles, 'write'> = publicFiles,
): Promise<void> {
  await files.write(path, `${JSON.stringify({ version: recordVersion, ...content }, undefined, 2)}\n`);
}

const publicFiles: Pick<StateFiles, 'write'> = {
  async write(path, text) {
    const { default: writeFileAtomic } = await import('write-file-atomic');
    await writeFileAtomic(path, text, { mode: 0o644 });
  },
};
