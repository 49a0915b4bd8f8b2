/** As docker-machine's `--engine-*` flags; omitted settings are left as they are. */
export interface EngineSettings {
  access: EngineAccess;
  /** TCP port: 2376 with TLS, 2375 without. */
  port: number;
  /** Additional names and addresses in the server certificate. */
  tlsSans: readonly string[];
  /** URL of an install script; default: the distribution's package. */
  installUrl?: string;
  storageDriver?: string;
  insecureRegistries: readonly string[];
  registryMirrors: readonly string[];
  /** `key=value` */
  labels: readonly string[];
  /** Environment of the engine, `KEY=value`. */
  env: readonly string[];
  /** Other daemon options, `flag=value` or `flag`. */
  options: readonly string[];
  /** Sets kernel parameters for hundreds of nodes. */
  tuneSwarm: boolean;
}

/** TCP with mutual TLS, TCP without TLS, or the local socket only (reached over SSH). */
export type EngineAccess = 'secure' | 'insecure' | 'local';

/** IANA: docker 2375, docker-s 2376. */
export const enginePorts: Readonly<Record<EngineAccess, number>> = { secure: 2376, insecure: 2375, local: 0 };

/** Ports of other kinds of access, on which the engine must not listen. */
export function forbiddenPorts({ access, port }: EngineSettings): number[] {
  const ports = new Set([enginePorts.insecure, enginePorts.secure, port]);
  if (access !== 'local') ports.delete(port);
  ports.delete(enginePorts.local);
  return [...ports];
}

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
