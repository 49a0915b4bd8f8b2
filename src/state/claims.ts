import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { UserError } from '../base/errors.js';
import { withFolderLock } from '../base/file-lock.js';
import { listFiles, type StateFiles } from '../base/files.js';
import { isProcessAlive, readProcessStat } from '../base/process-stat.js';
import { readRecord, writeRecord } from '../base/record-file.js';

/**
 * Machines that a running belt works on. No other belt touches them until it lets go of them or
 * dies.
 */
export interface Claim {
  /** Lets go; safe to call twice. */
  release(): Promise<void>;
}

const claimRecord = z.object({
  pid: z.number(),
  /** When the process began, as its system counts; tells it from a later one with the same pid. */
  startTime: z.optional(z.string()),
  hostname: z.string(),
  /** A past participle: `created`. */
  what: z.string(),
  names: z.array(z.string()),
});
type ClaimRecord = z.infer<typeof claimRecord>;

/**
 * Claims all the names or none.
 * @param clusterFolder where the claims of the cluster are
 * @param what what is being done to the machines, as in "node1 is being created": `created`,
 * `removed`
 * @throws UserError that names the process which has one of them
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
    const startTime = (await readProcessStat(process.pid))?.startTime;
    const record: ClaimRecord = {
      pid: process.pid,
      ...(startTime !== undefined && { startTime }),
      hostname: hostname(),
      what,
      names: [...names],
    };
    await writeRecord(path, record, files);
  });
  return { release: () => files.remove(path) };
}

interface LiveClaim extends ClaimRecord {
  path: string;
}

/** Those of dead processes are swept away. */
async function liveClaims(folder: string, files: StateFiles): Promise<LiveClaim[]> {
  const live: LiveClaim[] = [];
  for (const file of await listFiles(folder, '.json')) {
    const path = join(folder, file);
    const record = await readRecord(path, claimRecord, 'the claim of a running belt');
    if (!record) continue;
    if (await isAlive(record)) live.push({ ...record, path });
    else await files.remove(path);
  }
  return live;
}

function refuseOverlap(names: readonly string[], other: LiveClaim): void {
  const taken = names.filter((name) => other.names.includes(name));
  if (taken.length === 0) return;
  const elsewhere = other.hostname !== hostname();
  const shown =
    taken.length > 3 ? `${taken.slice(0, 3).join(', ')} and ${taken.length - 3} more` : taken.join(', ');
  const process = `process ${other.pid}${elsewhere ? ` on ${other.hostname}` : ''}`;
  throw new UserError(
    `${shown} ${taken.length > 1 ? 'are' : 'is'} being ${other.what} by another belt (${process})`,
    {
      hint: elsewhere
        ? `wait until it is done; if no belt runs on ${other.hostname}: rm ${other.path}`
        : `wait until it is done, or end it: kill ${other.pid}`,
    },
  );
}

/**
 * A process of another computer (the folder may be shared) cannot be seen from here: it counts as
 * alive.
 */
async function isAlive({ pid, startTime, hostname: host }: ClaimRecord): Promise<boolean> {
  if (host !== hostname()) return true;
  return isProcessAlive(pid, startTime);
}
