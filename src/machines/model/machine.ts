import { UserError } from '../../base/errors.js';
import type { EngineSettings } from '../../engine/model/engine-settings.js';

/**
 * A machine: a provisioned host that holds a Docker Engine. This is what every layer passes around.
 */

/** Where a machine is in its life, in docker-machine's words (lower case here, capitalised where shown). */
export const machineStates = [
  'starting',
  'running',
  'paused',
  'saved',
  'stopping',
  'stopped',
  'error',
  'timeout',
  'missing',
] as const;

/** `missing`: belt has a record, the provider knows no such machine. */
export type MachineState = (typeof machineStates)[number];

export interface Addresses {
  /** Where people and belt reach the machine. */
  public?: string;
  /** Where the machines of a cluster reach each other; the public address when absent. */
  private?: string;
}

export interface SshAccess {
  user: string;
  port: number;
  /** Absolute path of a private key; default: the agent and the user's own keys. */
  keyPath?: string;
  /** The host that the way leads through; logged in to with the same keys. */
  jump?: JumpHost;
}

export interface JumpHost {
  user: string;
  host: string;
  port: number;
}

/**
 * How far belt got with making it. `creating` is written before the provider is asked for anything, so that an interrupted
 * create is known and can be finished.
 */
export type MachinePhase = 'creating' | 'ready';

export interface Machine {
  name: string;
  driver: string;
  phase: MachinePhase;
  /** The provider's own id, from the moment it is known. */
  id?: string;
  /** As the person gave it: `512mb` or a provider's slug. */
  size?: string;
  /** Mebibytes, where the driver knows. */
  memory?: number;
  addresses: Addresses;
  ssh: SshAccess;
  /** Undefined until belt has provisioned the engine. */
  engine?: EngineSettings;
  /** What only the driver understands; JSON values, never a secret. */
  driverData: Record<string, unknown>;
  /** It ran when an unfinished resize began: finishing the resize starts it again. */
  resizing?: boolean;
  /** ISO 8601, UTC. */
  createdAt: string;
}

/** What a machine said or was seen to be, next to what belt recorded. */
export interface ObservedMachine {
  name: string;
  state: MachineState;
  id?: string;
  addresses?: Addresses;
  /** Mebibytes. */
  memory?: number;
  size?: string;
  /** What the driver needs to find one again that is not recorded. */
  driverData?: Record<string, unknown>;
}

/** A machine that belt made, as its provider tells of it to somebody who has no record. */
export interface FoundMachine extends ObservedMachine {
  cluster: { id: string; name: string };
  /** `keyPath` only where the settings name one. */
  ssh: SshAccess;
  /** ISO 8601, UTC. */
  createdAt: string;
}

/** Known only by its URL (docker-machine's driver `none`): there is no SSH access. */
export function hasNoSsh(machine: Pick<Machine, 'driver'>): boolean {
  return machine.driver === 'none';
}

/** @throws UserError for a machine that is only a URL */
export function requireSsh(machine: Machine): void {
  if (!hasNoSsh(machine)) return;
  throw new UserError(`${machine.name} is known only by its URL; belt cannot change its engine`, {
    hint: 'adopt its server with "belt create -d generic"',
  });
}

/** The address other machines of the cluster use for this one. */
export function clusterAddress(machine: Pick<Machine, 'addresses'>): string | undefined {
  return machine.addresses.private ?? machine.addresses.public;
}

/** The address belt and people use for this one. */
export function reachAddress(machine: Pick<Machine, 'addresses'>): string | undefined {
  return machine.addresses.public ?? machine.addresses.private;
}

/** Where a Docker client finds a machine's engine, as DOCKER_HOST has it. */
export interface EngineEndpoint {
  /** `tls`: with the client certificate; `plain`: for everybody; `ssh`: the engine's socket, over SSH. */
  transport: 'tls' | 'plain' | 'ssh';
  url: string;
}

/**
 * From what is recorded. Whether an engine that is known by its URL alone has TLS, the record does not tell: it counts as `plain`.
 * @returns undefined while the machine has no address
 */
export function engineEndpoint(machine: Machine): EngineEndpoint | undefined {
  const { engine, driverData, ssh } = machine;
  const url = driverData['URL'];
  if (hasNoSsh(machine) && typeof url === 'string') return { transport: 'plain', url };
  const address = reachAddress(machine);
  if (address === undefined) return undefined;
  const host = address.includes(':') ? `[${address}]` : address;
  if (!engine || engine.access === 'local') {
    const port = ssh.port === 22 ? '' : `:${ssh.port}`;
    return { transport: 'ssh', url: `ssh://${ssh.user}@${host}${port}` };
  }
  const transport = engine.access === 'secure' ? 'tls' : 'plain';
  return { transport, url: `tcp://${host}:${engine.port}` };
}
