import type { Templates } from '../base/templates.js';
import type { KeyType } from '../certs/model/key-type.js';
import type { Group, GroupSettings } from '../clusters/model/group.js';
import type { Driver } from '../drivers/driver.js';
import type { Drivers } from '../drivers/registry.js';
import type { EngineSettings } from '../engine/model/engine-settings.js';
import type { KnownHosts, Ssh } from '../ssh/index.js';
import type { ClusterStore } from '../state/cluster-store.js';
import type { PluginStore } from '../state/plugin-store.js';
import type { ResolvedSettings, SettingSources } from '../state/settings.js';
import type { Reporter } from './reporter.js';
import type { RollingRestart } from './rolling-restart.js';

/** The clusters beside the one in use. */
export interface Clusters {
  names(): Promise<string[]>;
  /** @throws UserError when there is none of that name */
  use(name: string): Promise<void>;
  /** Makes a folder elsewhere a cluster of that name, in place. @throws UserError when another cluster has the name */
  link(name: string, folder: string): Promise<void>;
  /** Deletes all that is recorded of it; of one that is a link, the link. If it was the one in use, `default` is afterwards. */
  remove(name: string): Promise<void>;
  /** Whether the name stands for a folder elsewhere. */
  isLink(name: string): Promise<boolean>;
  open(name: string, folder: string): Promise<ClusterStore>;
  /** What operations work with in that cluster, whether it exists or not. @throws UsageError for a name that cannot be */
  context(name: string): Promise<Context>;
}

/** What is set for a cluster: in flags, the environment and files. All throw UserError for what is set wrong, saying where. */
export interface Settings {
  /** The driver of machines to be made. @param named on the command line */
  driver(named?: string): Promise<string>;
  /** A driver's settings as they are in effect. @param group what a group has in place of the cluster's */
  of(driver: string, group?: GroupSettings): Promise<ResolvedSettings>;
  /** The engine settings. @param flags from the command line */
  engine(flags?: SettingSources['flags']): Promise<EngineSettings>;
  /** The groups that config.yml declares; empty without any. */
  groups(): Promise<Group[]>;
}

/** What every operation works with; `cli/` makes one for each run. */
export interface Context {
  /** Where all clusters are. */
  clusters: Clusters;
  /** The cluster in use. */
  cluster: ClusterStore;
  settings: Settings;
  /** All that there are: belt's own, and those of plugins. */
  drivers: Drivers;
  /** What is installed of those. */
  plugins: PluginStore;
  /** The named driver with its settings merged, and those of a group; opened once a run. */
  driver(name: string, group?: GroupSettings): Promise<Driver>;
  /** SSH with the cluster's keys; loaded when first asked for. */
  ssh(): Promise<Ssh>;
  knownHosts(): Promise<KnownHosts>;
  /** What belt puts on machines. */
  templates: Templates;
  /** The password for sudo where a machine asks for one: the person is asked once a run. @throws UserError without a terminal */
  sudoPassword(): Promise<string>;
  /** Key type of a new CA. @throws UserError for an unknown type */
  keyType(): Promise<KeyType>;
  /** Loaded when first asked for. */
  rollingRestart(): Promise<RollingRestart>;
  reporter: Reporter;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
}
