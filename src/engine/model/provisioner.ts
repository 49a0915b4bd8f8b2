import type { Template } from '../../base/templates.js';
import type { CertificatePaths } from './engine-paths.js';
import type { EngineSettings } from './engine-settings.js';
import type { Facts } from './facts.js';
import type { OsRelease } from './os-release.js';

/** Describes how an operating system installs and runs Docker Engine; runs nothing itself. */
export interface Provisioner {
  /** As in `belt engine show`: `debian`. */
  name: string;
  runs(os: OsRelease): boolean;
  service: EngineService;
  /** Installs the engine; undefined when the system cannot. */
  install?: (os: OsRelease) => Template;
  upgrade?: Template;
  /** Runs `tell newer yes` when an upgrade is available. */
  looksForNewer?: Template;
}

export interface EngineService {
  init: Facts['init'];
  certificates: CertificatePaths;
  /** All files with the engine's options, including those that do not differ. */
  files(facts: Facts, settings: EngineSettings): EngineFile[];
  commands: ServiceCommands;
}

export interface EngineFile {
  path: string;
  content: string;
  mode: number;
  /** Edited by others too: an existing file keeps its owner and mode. */
  shared?: true;
  /** Shown by `--dry-run` and as progress. */
  why: string;
}

/** Shell commands for the engine's service. */
export interface ServiceCommands {
  /** Reloads unit files; `true` if the init system has none. */
  reload: string;
  /** Starts the engine at boot. */
  enable: string;
  restart: string;
  start: string;
  stop: string;
  isActive: string;
  /** Prints the end of the log; `$began` holds the start of the change, in seconds since 1970. */
  journal: string;
}
