import { UserError } from '../../base/errors.js';
import type { EngineSettings } from '../../engine/model/engine-settings.js';

/** docker-machine's states, in lower case. */
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

/** `missing`: recorded, but unknown to the provider. */
export type MachineState = (typeof machineStates)[number];

/** DigitalOcean's state names, which the 2016 belt used. */
const legacyNames: ReadonlyMap<string, MachineState> = new Map([
  ['new', 'starting'],
  ['active', 'running'],
  ['off', 'stopped'],
]);

/** A state as the user wrote it, in any case. @returns undefined for an unknown word */
export function parseState(word: string): MachineState | undefined {
  const lower = word.toLowerCase();
  return legacyNames.get(lower) ?? machineStates.find((state) => state === lower);
}

export interface Addresses {
  /** For users and belt. */
  public?: string;
  /** For the machines of a cluster; default: the public address. */
  private?: string;
}

export interface SshAccess {
  user: string;
  port: number;
  /** Absolute path of a private key; default: the agent and the user's own keys. */
  keyPath?: string;
  /** The key's user certificate; default: `<keyPath>-cert.pub`, if it exists. */
  certificatePath?: string;
  /** Socket of the agent to use instead of SSH_AUTH_SOCK's; `none`: use no agent. */
  agentSocket?: string;
  jump?: JumpHost;
  /** Shell command whose standard input and output replace a TCP connection. */
  proxyCommand?: string;
}

/** Without a key of its own, it is logged in to with the machine's. */
export interface JumpHost extends SshAccess {
  host: string;
}

/** `creating` is recorded before the provider is called, so that create can be resumed. */
type MachinePhase = 'creating' | 'ready';

export interface Machine {
  name: string;
  driver: string;
  phase: MachinePhase;
  /** The provider's id, once known. */
  id?: string;
  /** As the user wrote it: `512mb` or a provider's slug. */
  size?: string;
  /** MiB, where the driver knows it. */
  memory?: number;
  addresses: Addresses;
  ssh: SshAccess;
  /** Undefined until belt has provisioned the engine. */
  engine?: EngineSettings;
  /** JSON values for the driver alone, never a secret. */
  driverData: Record<string, unknown>;
  /** Ran before an unfinished resize, which starts it again when finished. */
  resizing?: boolean;
  /** ISO 8601, UTC. */
  createdAt: string;
}

/** What the provider reports about a machine. */
export interface ObservedMachine {
  name: string;
  state: MachineState;
  id?: string;
  addresses?: Addresses;
  /** MiB. */
  memory?: number;
  size?: string;
  /** What the driver needs to find a machine without a record again. */
  driverData?: Record<string, unknown>;
}

/** A machine managed by belt at a provider, found without a record. */
export interface FoundMachine extends ObservedMachine {
  cluster: { id: string; name: string };
  /** `keyPath` only if the settings have one. */
  ssh: SshAccess;
  /** ISO 8601, UTC. */
  createdAt: string;
}

/** Machines of docker-machine's driver `none` are known by their URL. */
export function hasNoSsh(machine: Pick<Machine, 'driver'>): boolean {
  return machine.driver === 'none';
}

/** @throws UserError for a machine known only by its URL */
export function requireSsh(machine: Machine): void {
  if (!hasNoSsh(machine)) return;
  throw new UserError(`${machine.name} is known only by its URL; belt cannot change its engine`, {
    hint: 'adopt its server with "belt create -d generic"',
  });
}

/** The address for other machines of the cluster. */
export function clusterAddress(machine: Pick<Machine, 'addresses'>): string | undefined {
  return machine.addresses.private ?? machine.addresses.public;
}

/** The address for belt and users. */
export function reachAddress(machine: Pick<Machine, 'addresses'>): string | undefined {
  return machine.addresses.public ?? machine.addresses.private;
}

/** Whether this computer can connect to other ports of the machine than SSH's. */
export function isDirectlyReachable({ ssh }: Pick<Machine, 'ssh'>): boolean {
  return ssh.jump === undefined && ssh.proxyCommand === undefined;
}

/** The engine as in DOCKER_HOST. */
export interface EngineEndpoint {
  /** `tls`: with a client certificate; `plain`: without TLS; `ssh`: the engine's socket. */
  transport: 'tls' | 'plain' | 'ssh';
  url: string;
}

/** An engine known by its URL counts as `plain`. @returns undefined without an address */
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
