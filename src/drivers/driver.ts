import type { Templates } from '../base/templates.js';
import type {
  Addresses,
  FoundMachine,
  Machine,
  MachineState,
  ObservedMachine,
  SshAccess,
} from '../machines/model/machine.js';

export type { Templates } from '../base/templates.js';
export type {
  Addresses,
  JumpHost,
  Machine,
  MachineState,
  ObservedMachine,
  SshAccess,
} from '../machines/model/machine.js';

/**
 * The contract of a driver, which talks to one provider.
 *
 * It is batch first: a driver gets all machines of a command at once and makes as few calls to the
 * provider as possible. It yields one event per machine and change, so that a slow machine delays
 * no other, and it is idempotent: it finds and finishes what an earlier, interrupted call began. A
 * driver prints nothing, reads neither the environment nor belt's files, and does not know the
 * command line.
 *
 * Drivers in npm packages implement it too (docs/writing-a-driver.md): a breaking change raises
 * `driverApi` (load-plugin.ts).
 */
export interface Driver {
  /**
   * For a driver of existing machines: where they are, in the order of `names`. belt pins their
   * host keys at first use, sets up only the engine, and restores their original state on removal.
   * `names` are all names of the command, including finished ones: addresses are assigned in that
   * order.
   * @throws UserError when the settings do not define it
   */
  adopt?(names: readonly string[]): Promise<Adoption[]>;

  /**
   * Refuses what cannot work (no permission, unknown size, no free address) before anything is
   * recorded or changed.
   * @throws UserError
   */
  check(specs: readonly MachineSpec[], signal: AbortSignal): Promise<void>;

  /**
   * Creates what all machines of a create share (an image, a key pair, a firewall), before the
   * machines.
   */
  prepare?(requests: readonly CreateRequest[], progress: PrepareProgress, signal: AbortSignal): Promise<void>;

  /**
   * Creates the machines, or finishes those that an earlier call with the same names began. Ends
   * each with `done` or `failed`. Not called for a driver that adopts.
   */
  create(requests: readonly CreateRequest[], signal: AbortSignal): AsyncIterable<MachineEvent>;

  /**
   * The cluster's machines as the provider has them, in as few calls as possible; `known` are the
   * recorded ones.
   */
  list(known: readonly Machine[], signal: AbortSignal): Promise<ObservedMachine[]>;

  /**
   * The machines of all belt clusters at the provider, found by the tags that `create` set: a lost
   * state folder is rebuilt from them. Omitted: machines cannot be found without records.
   */
  discover?(signal: AbortSignal): Promise<FoundMachine[]>;

  /**
   * The settings that a machine was created with and keeps (a region, an image), by their keys, as
   * far as they are recorded. belt warns when a group of the cluster wants others. Omitted:
   * unknown.
   */
  createdWith?(machine: Machine): SettingValues;

  start(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /**
   * Shuts down gracefully; a machine that takes longer than the driver's own timeout is switched off.
   */
  stop(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Omitted: belt restarts the machine from within, over SSH. */
  restart?(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /**
   * `restart` is done as soon as the provider accepts it, because the provider does not report when
   * the machine is down: belt waits until the machines it can log in to have rebooted.
   */
  restartsUnseen?: boolean;
  /** Switches off at once, as if the plug were pulled. */
  kill(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Destroys the machines and everything created for them. A missing one is `done`. */
  remove(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Machines keep running while they are resized. */
  resizesRunning?: boolean;
  /** `size` is as the user wrote it. */
  resize(machines: readonly Machine[], size: string, signal: AbortSignal): AsyncIterable<MachineEvent>;

  /**
   * Saves the machines' disks as images that new machines can start from. Omitted: not supported.
   */
  snapshot?(
    requests: readonly SnapshotRequest[],
    signal: AbortSignal,
  ): AsyncIterable<MachineEvent | SnapshotEvent>;

  /**
   * What this driver needs on this computer, and whether it is installed. Never throws for
   * something missing.
   */
  doctor(signal: AbortSignal): Promise<Check[]>;

  /**
   * Images owned by the user that machines start from: base images on this computer, or snapshots
   * at the provider.
   */
  images?: ImageStore;
}

/** A machine as the user requested it. */
export interface MachineSpec {
  name: string;
  /** As the user wrote it (`512mb`, `2gb`, a provider's slug). Default: the driver's. */
  size?: string;
  /** The provider's id from an earlier, interrupted create. */
  id?: string;
  driverData?: Record<string, unknown>;
}

/** An existing machine that belt did not create. */
export interface Adoption {
  name: string;
  addresses: Addresses;
  /** Omitted: belt does not log in there and sets nothing up. */
  ssh?: SshAccess;
  /** Where its engine listens. Default: the engine's settings. */
  enginePort?: number;
  driverData: Record<string, unknown>;
}

/** A machine to create. */
export interface CreateRequest extends MachineSpec {
  ssh: {
    user: string;
    /** One line of authorized_keys. */
    authorizedKey: string;
    /**
     * OpenSSH private key text and public line, installed on the machine so that belt can verify
     * the first connection.
     */
    hostKey: { privateKey: string; publicKey: string };
  };
  /**
   * Shell script that installs the engine if it is missing, the same for all machines of a call,
   * for a driver that can run it as root during the first boot. Omitted: belt installs the engine
   * over SSH.
   */
  installEngine?: string;
}

/** What a driver reports about one machine, in order. */
export type MachineEvent =
  | { type: 'progress'; name: string; text: string; fraction?: number }
  | { type: 'changed'; name: string; change: MachineChange }
  | { type: 'done'; name: string }
  | { type: 'failed'; name: string; error: Error };

export interface SnapshotRequest {
  machine: Machine;
  /** The image's name. */
  imageName: string;
}

/** The image of a machine is complete; comes before the machine's `done`. */
export interface SnapshotEvent {
  type: 'kept';
  name: string;
  /** What the driver's setting for images takes. */
  id: string;
}

/** New facts about a machine; the operation records them at once. */
export interface MachineChange {
  id?: string;
  state?: MachineState;
  addresses?: Addresses;
  /**
   * How to log in, where it depends on the provider's image: `admin` on Debian, `ubuntu` on Ubuntu.
   */
  ssh?: Partial<SshAccess>;
  /**
   * The machine generates its own SSH host key and cannot be given one: belt trusts the first that
   * it sees.
   */
  ownHostKey?: true;
  /** Mebibytes. */
  memory?: number;
  /** As the user wrote it; the provider's own name for it goes into `driverData`. */
  size?: string;
  driverData?: Record<string, unknown>;
}

/** `fraction`: 0 to 1; undefined: unknown. */
export type PrepareProgress = (step: string, fraction?: number) => void;

export interface Check {
  /** What was checked: `systemd-nspawn`, `root`, `VBoxManage`. */
  name: string;
  ok: boolean;
  /** What was found, or what is missing and how to get it. */
  detail: string;
  /** `optional`: works without, but less well. */
  optional?: boolean;
  /** Fixes it. Omitted: only the user can. */
  fix?: (signal: AbortSignal) => Promise<void>;
}

export interface Image {
  name: string;
  /** The provider's id, if it has one. */
  id?: string;
  /** Bytes on disk. */
  size: number;
  /** ISO 8601, UTC. */
  builtAt: string;
  /** How many machines use it. Omitted: each has a copy of its own. */
  machines?: number;
}

export interface ImageStore {
  /** Names that can be built, the default first. */
  available(): string[];
  list(signal: AbortSignal): Promise<Image[]>;
  /** Builds the image unless it exists; `rebuild` builds it again. Safe to call concurrently. */
  build(
    name: string,
    options: { rebuild: boolean },
    progress: PrepareProgress,
    signal: AbortSignal,
  ): Promise<Image>;
  /**
   * @param name or id.
   * @throws UserError when machines use it, it does not exist, or several have the name
   */
  remove(name: string, signal: AbortSignal): Promise<void>;
}

/** A setting of a driver: by flag, environment, a cluster's config.yml or .belt.yaml. */
export interface Setting {
  /** Its key in files: `region`; the flag is `--<driver>-<key>` with dashes for underscores. */
  key: string;
  summary: string;
  type: 'string' | 'integer' | 'boolean' | 'list';
  default?: string | number | boolean | readonly string[];
  /** Environment variables that set it; the first one found wins. */
  env?: readonly string[];
  /** belt never writes it to a file and never shows it. */
  secret?: boolean;
  /**
   * The flag's name if it is not `<driver>-<key>`. `false`: no flag, because all later commands
   * must agree on it, which only files and the environment ensure.
   */
  flag?: false | string;
}

export type SettingValues = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

export interface ClusterRef {
  id: string;
  name: string;
}

export interface DriverOptions {
  settings: SettingValues;
  cluster: ClusterRef;
  templates: Templates;
  user: LocalUser;
}

/** The user at this computer, for drivers of machines that belt did not create. */
export interface LocalUser {
  /**
   * The absolute path of what they wrote: `~/` is their home, and relative paths start at `folder`,
   * or at their working directory.
   */
  resolvePath(path: string, folder?: string): string;
  /** The socket of their SSH agent. */
  agentSocket?: string;
  /** Where OpenSSH and belt look for their keys. */
  defaultKeyPaths: readonly string[];
}

/**
 * What a driver's folder (or npm package) exports as `driver`. Light to load: heavy libraries come
 * with `open`.
 */
export interface DriverModule {
  name: string;
  summary: string;
  settings: readonly Setting[];
  /**
   * Refuses values that are always invalid, without any request, before they are written to a file.
   * @throws UserError
   */
  checkSettings?(values: SettingValues): Promise<void>;
  open(options: DriverOptions): Promise<Driver>;
}
