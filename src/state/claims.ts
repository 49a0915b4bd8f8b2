import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { UserError } from '../base/errors.js';
import { withFolderLock } from '../base/file-lock.js';
import { listFiles, readText, type StateFiles } from '../base/files.js';
import { isProcessAlive, ownProcess } from '../base/process-stat.js';
import { readRecord, writeRecord } from '../base/record-file.js';

/** Machines that a running belt works on; released when it exits or dies. */
export interface Claim extends AsyncDisposable {
  /** Safe to call twice. */
  release(): Promise<void>;
}

const claimRecord = z.object({
  pid: z.number(),
  /** The process's start time as its system counts it, which distinguishes reused pids. */
  startTime: z.optional(z.string()),
  bootId: z.optional(z.string()),
  hostname: z.string(),
  /** A past participle: `created`. */
  what: z.string(),
  names: z.array(z.string()),
});
type ClaimRecord = z.infer<typeof claimRecord>;

/**
 * @param what a participle, as in "node1 is being created"
 * @throws UserError, with nothing claimed, that names the process which has one of them
 */
export async function claimNames(
  clusterFolder: string,
  files: StateFiles,
  names: readonly string[],
  what: string,
): Promise<Claim> {
  const folder = join(clusterFolder, 'claims');
  const path = join(folder, `${crypto.randomUUID()}.json`);
  await withFolderLock(clusterFolder, files, async () => {
    for (const other of await liveClaims(folder, files)) refuseOverlap(names, other);
    const record: ClaimRecord = {
      ...(await ownProcess()),
      hostname: hostname(),
      what,
      names: [...names],
    };
    await writeRecord(path, record, files);
  });
  const release = (): Promise<void> => files.remove(path);
  return { release, [Symbol.asyncDispose]: release };
}

interface LiveClaim extends ClaimRecord {
  path: string;
}

/**
 * Deletes claims of dead processes. Claims are written as a whole under the lock, so a torn one is
 * what a power cut left.
 */
async function liveClaims(folder: string, files: StateFiles): Promise<LiveClaim[]> {
  const live: LiveClaim[] = [];
  for (const file of await listFiles(folder, '.json')) {
    const path = join(folder, file);
    const record = (await isTorn(path))
      ? undefined
      : await readRecord(path, claimRecord, 'the claim of a running belt');
    if (record && (await isAlive(record))) live.push({ ...record, path });
    else await files.remove(path);
  }
  return live;
}

async function isTorn(path: string): Promise<boolean> {
  try {
    JSON.parse((await readText(path)) ?? '');
    return false;
  } catch (error) {
    if (error instanceof SyntaxError) return true;
    throw error;
  }
}

function refuseOverlap(names: readonly string[], other: LiveClaim): void {
  const overlap = names.filter((name) => other.names.includes(name));
  if (overlap.length === 0) return;
  const isRemote = other.hostname !== hostname();
  const shown =
    overlap.length > 3
      ? `${overlap.slice(0, 3).join(', ')} and ${overlap.length - 3} more`
      : overlap.join(', ');
  const process = `process ${other.pid}${isRemote ? ` on ${other.hostname}` : ''}`;
  throw new UserError(
    `${shown} ${overlap.length > 1 ? 'are' : 'is'} being ${other.what} by another belt (${process})`,
    {
      hint: isRemote
        ? `wait until it is done; if no belt runs on ${other.hostname}: rm ${other.path}`
        : `wait until it is done, or end it: kill ${other.pid}`,
    },
  );
}

/** The folder may be shared: a process on another computer counts as alive. */
async function isAlive(claim: ClaimRecord): Promise<boolean> {
  return claim.hostname !== hostname() || isProcessAlive(claim);
}
