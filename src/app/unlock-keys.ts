import type { Machine } from '../machines/model/machine.js';
import type { Step } from './reporter.js';

/**
 * Keys of autolocked swarms, whose managers need them after a restart. In memory only. For the
 * features below `swarm/`.
 */
export interface UnlockKeys {
  /**
   * Call it before managers of a swarm restart: a locked manager does not know its key.
   * @param source a manager
   * @returns whether the swarm is autolocked
   */
  remember(managers: readonly Machine[], source: Machine): Promise<boolean>;
  /** Unlocks a locked manager, and warns when its key cannot be had; ignores other machines. */
  unlock(machine: Machine, step: Step): Promise<void>;
}
