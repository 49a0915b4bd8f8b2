import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Context } from '../../app/context.js';
import { readRecord, writeRecord } from '../../base/record-file.js';

/**
 * A recovery in progress, in `recovery.json` of the cluster's folder. As soon as the swarm has a
 * leader again, only this record distinguishes an unfinished recovery from a healthy swarm.
 */
const recoverySchema = z.object({
  swarmId: z.string(),
  /** The machine on which the new cluster is forced. */
  manager: z.string(),
  autolock: z.boolean(),
  /** The new cluster was forced. Undefined: not yet, or belt was interrupted before it wrote this. */
  begun: z.optional(z.boolean()),
  /** Path of the previous swarm folder on the manager. */
  kept: z.optional(z.string()),
  /** Machines that still have to rejoin. Undefined: a restore that has not listed the nodes yet. */
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
