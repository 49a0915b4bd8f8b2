import type { Machine } from '../machines/model/machine.js';
import type { Outcome } from './fan-out.js';
import type { Step } from './reporter.js';

/** Restarts engines without losing a swarm's quorum, for the features below `swarm/`. */
export interface RollingRestart {
  /** Restarts managers of a swarm one by one, the leader last, and all other machines at once. */
  restartEngines<T>(machines: readonly Machine[], work: EngineWork<T>): Promise<Outcome<T>[]>;
  /**
   * Calls `work` with the managers in restart order; no other belt demotes or removes managers.
   * @throws UserError while another belt does
   */
  withManagerRestarts(
    machines: readonly Machine[],
    options: { force: boolean },
    work: (restarts: readonly ManagerRestart[]) => Promise<void>,
  ): Promise<void>;
}

export interface EngineWork<T> {
  /** `beforeRestart` throws if the swarm would lose its quorum; call it before the restart. */
  work: (machine: Machine, step: Step, beforeRestart: () => Promise<void>) => Promise<T>;
  doneMessage: (value: T) => string;
  /** Continues with the next manager after a failure. */
  continueOnError?: boolean;
  force: boolean;
}

export interface ManagerRestart {
  readonly name: string;
  /** @throws UserError if the swarm would lose its quorum, unless forced */
  require(): Promise<void>;
  /** Waits until the swarm has the manager back. @throws ExternalError after 90 s */
  waitUntilBack(step: Step): Promise<void>;
}
