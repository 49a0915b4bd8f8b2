import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from '../machines/model/machine.js';
import type { Step } from './reporter.js';

export function abandonedManagersPath(clusterFolder: string): string {
  return join(clusterFolder, 'abandoned-managers.json');
}

/** Without loading what reads the record. */
export function mayHaveAbandonedManagers(clusterFolder: string): boolean {
  return existsSync(abandonedManagersPath(clusterFolder));
}

/**
 * Managers that a forced new cluster left behind. With their old state they could elect a leader of
 * a second swarm with the same ID. For the features below `swarm/`.
 */
export interface AbandonedManagers {
  /** Names of their machines. */
  names(): Promise<ReadonlySet<string>>;
  /** Takes the engine out of its old swarm; does nothing for other machines. */
  leaveOldSwarm(machine: Machine, step: Step): Promise<void>;
}
