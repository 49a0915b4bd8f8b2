import type { ClusterStore } from '../config/cluster-store.js';
import type { Driver } from '../drivers/driver.js';
import type { KnownHosts, Ssh } from '../ssh/index.js';
import type { Templates } from '../templates.js';
import type { KeyType } from './certs/key-type.js';
import type { Reporter } from './reporter.js';

/** The clusters beside the one in use. */
export interface Clusters {
  names(): Promise<string[]>;
  /** @throws UserError when there is none of that name */
  use(name: string): Promise<void>;
  /** Makes a folder elsewhere a cluster of that name, in place. @throws UserError when another cluster has the name */
  link(name: string, folder: string): Promise<void>;
  open(name: string, folder: string): Promise<ClusterStore>;
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
  /** What belt puts on machines. */
  templates: Templates;
  /** The password for sudo where a machine asks for one: the person is asked once a run. @throws UserError without a terminal */
  sudoPassword(): Promise<string>;
  /** Of the keys of a new certificate authority. @throws UserError when what is set is no such type */
  keyType(): Promise<KeyType>;
  reporter: Reporter;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
}
