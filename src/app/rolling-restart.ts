import type { Machine } from '../machines/model/machine.js';
import type { Outcome } from './fan-out.js';
import type { Step } from './reporter.js';

/**
 * Restarts engines so that no swarm loses its quorum. `swarm/rolling-restart.ts` implements it, and
 * the context hands it to the features below `swarm/`.
 */
export interface RollingRestart {
  /**
   * Runs work that restarts engines. Managers of a swarm go one after the other, the leader last,
   * each once the previous one is back. All other machines follow at the same time.
   */
  restartEngines<T>(machines: readonly Machine[], work: EngineWork<T>): Promise<Outcome<T>[]>;
  /**
   * Calls `work` with the managers among the machines, in the order to restart them. No other belt
   * takes managers away until it ends.
   * @throws UserError while another belt takes managers away
   */
  withManagerRestarts(
    machines: readonly Machine[],
    options: { force: boolean },
    work: (restarts: readonly ManagerRestart[]) => Promise<void>,
  ): Promise<void>;
}

export interface EngineWork<T> {
  /** Calls `beforeRestart` before the engine restarts: it throws where the swarm would lose its quorum. */
  work: (machine: Machine, step: Step, beforeRestart: () => Promise<void>) => Promise<T>;
  /** Shown on the machine's line at its end. */
  doneMessage: (value: T) => string;
  /** Continues with the next manager of a swarm after one that failed. */
  continueOnError?: boolean;
  /** Restarts managers even where their swarm loses its quorum for a while. */
  force: boolean;
}

/** The restart of one manager. */
export interface ManagerRestart {
  readonly name: string;
  /** @throws UserError when the swarm would lose its quorum meanwhile, unless forced */
  require(): Promise<void>;
  /** Waits until the swarm has the manager back. @throws ExternalError after 90 s */
  waitUntilBack(step: Step): Promise<void>;
}
