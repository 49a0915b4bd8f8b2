import type { Templates } from '../base/templates.js';
import type { KeyType } from '../certs/model/key-type.js';
import type { Group, GroupSettings } from '../clusters/model/group.js';
import type { Driver } from '../drivers/driver.js';
import type { Drivers } from '../drivers/registry.js';
import type { DockerClientSetting } from '../engine/model/docker-client-setting.js';
import type { EngineSettings } from '../engine/model/engine-settings.js';
import type { KnownHosts, Ssh } from '../ssh/index.js';
import type { ClusterStore } from '../state/cluster-store.js';
import type { PluginStore } from '../state/plugin-store.js';
import type { ResolvedSettings, SettingSources } from '../state/settings.js';
import type { AbandonedManagers } from './abandoned-managers.js';
import type { Reporter } from './reporter.js';
import type { RollingRestart } from './rolling-restart.js';
import type { UnlockKeys } from './unlock-keys.js';

export interface Clusters {
  names(): Promise<string[]>;
  /** @throws UserError if there is no such cluster */
  use(name: string): Promise<void>;
  /** Registers a folder elsewhere as a cluster. @throws UserError if the name is taken */
  link(name: string, folder: string): Promise<void>;
  /** Deletes the records, or only the link. `default` replaces a removed current cluster. */
  remove(name: string): Promise<void>;
  isLink(name: string): Promise<boolean>;
  open(name: string, folder: string): Promise<ClusterStore>;
  /** The context of a cluster, which need not exist. @throws UsageError for an invalid name */
  context(name: string): Promise<Context>;
}

/** Invalid settings throw UserError with their source. */
export interface Settings {
  /** @throws UserError, ExternalError when a settings file is invalid or unreadable */
  requireReadable(): Promise<void>;
  /** The driver for new machines. @param named on the command line */
  driver(named?: string): Promise<string>;
  /** @param group overrides the cluster's settings */
  of(driver: string, group?: GroupSettings): Promise<ResolvedSettings>;
  engine(flags?: SettingSources['flags']): Promise<EngineSettings>;
  groups(): Promise<Group[]>;
  /** Where `belt docker` runs the client. */
  dockerClient(): Promise<DockerClientSetting>;
}

/** The dependencies of every operation; `cli/` creates one per run. */
export interface Context {
  clusters: Clusters;
  /** The current cluster. */
  cluster: ClusterStore;
  settings: Settings;
  /** Built-in drivers and those of plugins. */
  drivers: Drivers;
  plugins: PluginStore;
  /** Opened once per run for each group. */
  driver(name: string, group?: GroupSettings): Promise<Driver>;
  /** Loaded on first use. */
  ssh(): Promise<Ssh>;
  knownHosts(): Promise<KnownHosts>;
  templates: Templates;
  /** Asks the user once per run. @throws UserError without a terminal */
  sudoPassword(): Promise<string>;
  /** The key type of a new CA. @throws UserError for an unknown type */
  keyType(): Promise<KeyType>;
  rollingRestart(): Promise<RollingRestart>;
  abandonedManagers(): Promise<AbandonedManagers>;
  unlockKeys(): Promise<UnlockKeys>;
  reporter: Reporter;
  /** Aborts on Ctrl-C. */
  signal: AbortSignal;
}
