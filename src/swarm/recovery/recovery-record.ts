import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Context } from '../../app/context.js';
import { readRecord, writeRecord } from '../../base/record-file.js';

/**
 * A recovery that was begun, in `recovery.json` of the cluster's folder until it has ended: from
 * the moment that the swarm has a leader again nothing else could tell an unfinished one from a
 * swarm that is as it should be.
 */
const recoverySchema = z.object({
  swarmId: z.string(),
  /** The machine that the swarm begins anew on. */
  manager: z.string(),
  /** The swarm locks its managers. */
  autolock: z.boolean(),
  /** It has begun anew there; absent: not yet, or belt was cut short before it could note it. */
  begun: z.optional(z.boolean()),
  /** Where its folder was copied to, or moved to, there. */
  kept: z.optional(z.string()),
  /**
   * The other machines of the swarm, which rejoin it as nodes; undefined: a restore has to
   * begin before it can ask the swarm.
   */
  members: z.optional(z.array(z.object({ name: z.string(), role: z.enum(['manager', 'worker']) }))),
});
export type Recovery = z.infer<typeof recoverySchema>;

export function readRecovery({ cluster }: Context): Promise<Recovery | undefined> {
  return readRecord(pathOf(cluster.folder), recoverySchema, 'the record of a recovery');
}

export function writeRecovery(recovery: Recovery, { cluster }: Context): Promise<void> {
  return writeRecord(pathOf(cluster.folder), recovery, cluster.files);
}

export function deleteRecovery({ cluster }: Context): Promise<void> {
  return cluster.files.remove(pathOf(cluster.folder));
}

function pathOf(folder: string): string {
  return join(folder, 'recovery.json');
}
