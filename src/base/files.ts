import { constants, createReadStream, createWriteStream } from 'node:fs';
import { access, chmod, chown, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { codeOf, isMissing } from './errno.js';
import { ExternalError, messageOf, UserError } from './errors.js';
import { readBoundedFile } from './size-limit.js';

export interface FileOwner {
  uid: number;
  gid: number;
}

/** Private whatever the umask, atomic, and owned by the user who called sudo. */
export interface StateFiles {
  /** Replaces the file atomically and creates missing folders. @throws UserError */
  write(path: string, text: string): Promise<void>;
  /**
   * Writes to a temporary file, which then replaces `path`. @throws UserError; what `fill` throws
   */
  receive<T>(path: string, fill: (sink: Writable, partPath: string) => Promise<T>): Promise<T>;
  /** Creates the folder and its missing parents. @throws UserError */
  makeFolder(path: string): Promise<void>;
  /** Removes a file, or a folder with its contents; a missing one is fine. @throws UserError */
  remove(path: string): Promise<void>;
}

export function stateFiles(owner?: FileOwner): StateFiles {
  async function makeFolder(path: string): Promise<void> {
    await withExplainedErrors('create', path, async () => {
      const topmost = await mkdir(path, { recursive: true, mode: 0o700 });
      for (const folder of topmost === undefined ? [] : foldersBetween(topmost, path)) {
        await chmod(folder, 0o700);
        if (owner) await chown(folder, owner.uid, owner.gid);
      }
    });
  }

  return {
    makeFolder,
    async write(path, text) {
      await makeFolder(dirname(path));
      const { default: writeFileAtomic } = await import('write-file-atomic');
      await withExplainedErrors('write', path, () =>
        writeFileAtomic(path, text, { mode: 0o600, ...(owner && { chown: owner }) }),
      );
    },
    async receive(path, fill) {
      const part = join(dirname(path), `.${basename(path)}.${process.pid}.part`);
      return withExplainedErrors('write', path, async () => {
        if (await isFolder(path)) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
        const file = await open(part, 'wx', 0o600);
        const sink = createWriteStream(part, { fd: file.fd, autoClose: false });
        // `finished` reports it.
        sink.on('error', () => {});
        try {
          if (owner) await chown(part, owner.uid, owner.gid);
          const value = await fill(sink, part);
          if (!sink.writableEnded) sink.end();
          await finished(sink);
          await file.sync();
          await rename(part, path);
          return value;
        } finally {
          await file.close();
          await rm(part, { force: true });
        }
      });
    },
    async remove(path) {
      await withExplainedErrors('remove', path, () =>
        rm(path, { recursive: true, force: true, maxRetries: 3 }),
      );
    },
  };
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isDirectory() ?? false;
}

/** @throws UserError if the file does not exist or is not readable */
export async function fileSource(path: string): Promise<() => Readable> {
  await withExplainedErrors('read', path, async () => (await open(path)).close());
  return () => createReadStream(path);
}

/** @returns undefined if the file does not exist. @throws UserError if it is not readable */
export async function readText(path: string): Promise<string | undefined> {
  return ignoreMissing(path, () => readBoundedFile(path));
}

/**
 * @returns undefined if the file does not exist. @throws UserError if it is damaged or unreadable
 */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw damagedFileError(path, await jsonFault(text));
  }
}

/** The names of visible subfolders; empty if the folder does not exist. */
export async function listFolders(path: string): Promise<string[]> {
  const entries = (await ignoreMissing(path, () => readdir(path, { withFileTypes: true }))) ?? [];
  return entries.filter((entry) => !entry.isFile() && !entry.name.startsWith('.')).map((entry) => entry.name);
}

/** The names of files with this ending; empty if the folder does not exist. */
export async function listFiles(path: string, ending: string): Promise<string[]> {
  const names = (await ignoreMissing(path, () => readdir(path))) ?? [];
  return names.filter((name) => name.endsWith(ending));
}

/** belt never overwrites a damaged state file: it may be the only record of a machine. */
export function damagedFileError(path: string, reason: string): UserError {
  return new UserError(`state file ${path} is damaged: ${reason}`, {
    hint: 'repair it, restore it from a backup, or move it away',
  });
}

/** @param what the name of the format's number. @throws UserError for a newer format */
export function requireVersion(path: string, found: number, known: number, what = 'version'): void {
  if (found <= known) return;
  throw new UserError(
    `state file ${path} was written by a newer program (${what} ${found}, this one reads up to ${known})`,
    { hint: 'upgrade belt' },
  );
}

function foldersBetween(topmost: string, path: string): string[] {
  const folders = [path];
  for (let folder = path; folder !== topmost && folder !== dirname(folder); ) {
    folder = dirname(folder);
    folders.unshift(folder);
  }
  return folders;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

export async function folderExists(path: string): Promise<boolean> {
  return (await ignoreMissing(path, () => stat(path)))?.isDirectory() ?? false;
}

/** @returns undefined if the path does not exist. @throws UserError if it is not readable */
export async function ignoreMissing<T>(path: string, read: () => Promise<T>): Promise<T | undefined> {
  return withExplainedErrors('read', path, async () => {
    try {
      return await read();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  });
}

interface Explanation {
  reason: string;
  hint: string;
}

const ownershipHint =
  'check the owner with "ls -ld"; to own what root created, run "sudo chown -R $USER" on the .belt folder';

/** @see errno(3) */
const explanations: Readonly<Record<string, Explanation>> = {
  EACCES: { reason: 'permission denied', hint: ownershipHint },
  EPERM: { reason: 'not permitted', hint: ownershipHint },
  EROFS: {
    reason: 'read-only file system',
    hint: 'use another state folder: BELT_HOME=/path/to/folder belt ls',
  },
  ENOSPC: {
    reason: 'no space left on device',
    hint: 'free some space (see "df -h"), then run the same command again',
  },
  EDQUOT: { reason: 'disk quota exceeded', hint: 'free some space, then run the same command again' },
  EMFILE: { reason: 'too many open files', hint: 'raise the limit: ulimit -n 4096' },
  ENOENT: { reason: 'no such file or directory', hint: 'check the path' },
  EEXIST: { reason: 'a file with that name already exists', hint: 'move it away' },
  ENOTDIR: { reason: 'a parent of that path is a file, not a folder', hint: 'move it away' },
  EISDIR: { reason: 'a folder with that name already exists', hint: 'move it away' },
};

export async function withExplainedErrors<T>(
  action: string,
  path: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === undefined) throw cause;
    const explanation = explanations[code];
    if (!explanation) throw new ExternalError(`cannot ${action} ${path}: ${messageOf(cause)}`, { cause });
    throw new UserError(`cannot ${action} ${path}: ${explanation.reason}`, { hint: explanation.hint, cause });
  }
}

/** JSON.parse quotes the text, which may hold a secret, and rarely names the line. */
async function jsonFault(text: string): Promise<string> {
  if (text.trim() === '') return 'the file is empty';
  const { parseDocument } = await import('./yaml.js');
  const position = parseDocument(text, { schema: 'json' }).errors[0]?.linePos?.[0];
  return position ? `invalid JSON at line ${position.line}, column ${position.col}` : 'invalid JSON';
}
