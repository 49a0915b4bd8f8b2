/**
 * How a machine's engine is reached and configured, as with docker-machine's `--engine-*` flags. What is
 * absent or empty is left as it is on the machine.
 */
export interface EngineSettings {
  access: EngineAccess;
  /** Where the engine listens for TCP; 2376 with TLS, 2375 without. */
  port: number;
  /** Further names and addresses in the server certificate. */
  tlsSans: readonly string[];
  /** Script to install the engine with, where it is missing; default: the distribution's package. */
  installUrl?: string;
  storageDriver?: string;
  insecureRegistries: readonly string[];
  registryMirrors: readonly string[];
  /** `key=value` */
  labels: readonly string[];
  /** Variables of the engine's process, `KEY=value`. */
  env: readonly string[];
  /** Any other daemon option, `flag=value` or `flag`. */
  options: readonly string[];
  /** Kernel settings for clusters of hundreds of nodes. */
  tuneSwarm: boolean;
}

/** `secure`: TCP with mutual TLS. `insecure`: TCP for everybody. `local`: the socket only; SSH is the way in. */
export type EngineAccess = 'secure' | 'insecure' | 'local';

/** Docker's own port numbers (IANA: docker 2375, docker-s 2376). */
export const enginePorts: Readonly<Record<EngineAccess, number>> = { secure: 2376, insecure: 2375, local: 0 };

export const defaultEngineSettings: EngineSettings = {
  access: 'secure',
  port: enginePorts.secure,
  tlsSans: [],
  insecureRegistries: [],
  registryMirrors: [],
  labels: [],
  env: [],
  options: [],
  tuneSwarm: false,
};
