import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Context } from '../../app/context.js';
import { readRecord, writeRecord } from '../../base/record-file.js';

/** Distinguishes an unfinished recovery from a healthy swarm once a leader is back. */
const recoverySchema = z.object({
  swarmId: z.string(),
  manager: z.string(),
  autolock: z.boolean(),
  /** Undefined before the new cluster is forced, or after an interruption. */
  begun: z.optional(z.boolean()),
  /** Path of the manager's previous swarm folder. */
  kept: z.optional(z.string()),
  /** Machines yet to rejoin; undefined while a restore has not listed the nodes. */
  members: z.optional(z.array(z.object({ name: z.string(), role: z.enum(['manager', 'worker']) }))),
});
export type Recovery = z.infer<typeof recoverySchema>;

export function readRecovery({ cluster }: Context): Promise<Recovery | undefined> {
  return readRecord(recordPath(cluster.folder), recoverySchema, 'the record of a recovery');
}

export function writeRecovery(recovery: Recovery, { cluster }: Context): Promise<void> {
  return writeRecord(recordPath(cluster.folder), recovery, cluster.files);
}

export function deleteRecovery({ cluster }: Context): Promise<void> {
  return cluster.files.remove(recordPath(cluster.folder));
}

function recordPath(folder: string): string {
  return join(folder, 'recovery.json');
}
