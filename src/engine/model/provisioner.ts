import type { CertificatePaths } from './engine-paths.js';
import type { EngineSettings } from './engine-settings.js';
import type { Facts } from './facts.js';
import type { OsRelease } from './os-release.js';

/** How one operating system gets and runs a Docker Engine. Pure: what to write there, which commands to run there. */
export interface Provisioner {
  /** As `belt engine show` and messages name it: `debian`. */
  name: string;
  runs(os: OsRelease): boolean;
  service: EngineService;
  /** Shell lines that install the engine from the distribution or from Docker's repository, if the system can. */
  install?: (os: OsRelease) => string;
  /** Shell lines that bring the installed engine up to date. */
  upgrade?: string;
  /** Shell lines that say `tell newer yes` where `upgrade` would bring another engine. */
  looksForNewer?: string;
}

/** How an init system runs the engine, and where its options are set. */
export interface EngineService {
  init: Facts['init'];
  certificates: CertificatePaths;
  /** The wanted content of the files with the engine's options, including those that do not differ. */
  files(facts: Facts, settings: EngineSettings): EngineFile[];
  commands: ServiceCommands;
}

export interface EngineFile {
  path: string;
  content: string;
  mode: number;
  /** Not belt's alone: one that is there keeps its owner and its own mode. */
  shared?: true;
  /** What it is for, for `--dry-run` and progress. */
  why: string;
}

/** Shell commands on the engine's service. */
export interface ServiceCommands {
  /** Reads changed definitions; `true` where there are none. */
  reload: string;
  /** Has the machine start it at boot. */
  enable: string;
  restart: string;
  start: string;
  stop: string;
  isActive: string;
  /** Prints the last lines of its log; `$began` is when the change began, in seconds since 1970. */
  journal: string;
}
