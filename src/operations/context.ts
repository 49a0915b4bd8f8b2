import type { ClusterStore } from '../config/cluster-store.js';
import type { Driver } from '../drivers/driver.js';
import type { KnownHosts, Ssh } from '../ssh/index.js';
import type { Reporter } from './reporter.js';

/** The clusters beside the one in use. */
export interface Clusters {
  names(): Promise<string[]>;
  /** @throws UserError when there is none of that name */
  use(name: string): Promise<void>;
}

/** What every operation works with; `cli/` makes one for each run. */
export interface Context {
  /** Where all clusters are. */
  clusters: Clusters;
  /** The cluster in use. */
  cluster: ClusterStore;
  /** The named driver with its settings merged; opened once a run. */
  driver(name: string): Promise<Driver>;
  /** SSH with the cluster's keys; loaded when first asked for. */
  ssh(): Promise<Ssh>;
  knownHosts(): Promise<KnownHosts>;
  reporter: Reporter;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
}
