import type { Templates } from '../base/templates.js';
import type {
  Addresses,
  FoundMachine,
  Machine,
  MachineState,
  ObservedMachine,
  SshAccess,
} from '../machines/model/machine.js';
import type { SshHost, UserHostKeys, WrittenHost } from '../machines/model/ssh-host.js';

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
 * The contract of a driver, which talks to one provider. It is batch first: it gets all machines of
 * a command, makes few calls, and yields an event per machine and change, so that a slow machine
 * delays no other. It is idempotent: it finishes what an interrupted call began. It prints nothing,
 * and reads neither the environment nor belt's files.
 *
 * Drivers in npm packages implement it too (docs/writing-a-driver.md): a breaking change raises
 * `driverApi` (load-plugin.ts).
 */
export interface Driver {
  /**
   * Locates existing machines, for a driver that creates none. belt pins their host keys at first
   * use, installs only the engine, and restores them on removal. `names` are all names of the
   * command, because addresses are assigned in their order. @throws UserError
   */
  adopt?(names: readonly string[]): Promise<Adoption[]>;

  /**
   * Whether the provider has a size of that name (`t3.micro`), besides amounts of memory, which belt
   * recognizes. Omitted: it has none.
   */
  isSize?(word: string, signal: AbortSignal): Promise<boolean>;

  /** For `belt sizes`. Omitted: it has none. */
  sizes?(signal: AbortSignal): Promise<MachineSize[]>;

  /** For `belt regions`. Omitted: it has none. */
  regions?(signal: AbortSignal): Promise<ProviderRegion[]>;

  /** What `create` would create, after `check`. Changes nothing. Omitted: only names and sizes are known. */
  plan?(specs: readonly MachineSpec[], signal: AbortSignal): Promise<CreationPlan[]>;

  /** Refuses what cannot work, before anything changes. @throws UserError */
  check(specs: readonly MachineSpec[], signal: AbortSignal): Promise<void>;

  /** Creates what all machines share (an image, a key pair, a firewall). */
  prepare?(requests: readonly CreateRequest[], progress: PrepareProgress, signal: AbortSignal): Promise<void>;

  /** Each machine ends with `done` or `failed`. Not called for a driver that adopts. */
  create(requests: readonly CreateRequest[], signal: AbortSignal): AsyncIterable<MachineEvent>;

  /** The cluster's machines as the provider has them; `known` are the recorded ones. */
  list(known: readonly Machine[], signal: AbortSignal): Promise<ObservedMachine[]>;

  /** Machines of all clusters, found by their tags: restores a lost state folder. */
  discover?(signal: AbortSignal): Promise<FoundMachine[]>;

  /**
   * Settings that a machine was created with and keeps (a region, an image), as far as recorded.
   * belt warns when the cluster's configuration differs.
   */
  createdWith?(machine: Machine): SettingValues;

  start(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Shuts down gracefully, and switches off after the driver's own timeout. */
  stop(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Omitted: belt restarts the machine from within, over SSH. */
  restart?(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** `restart` ends once the provider accepts it: belt waits until the machines have rebooted. */
  restartsUnseen?: boolean;
  kill(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Destroys machines and everything created for them. A missing one is `done`. */
  remove(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Resizes without a restart. */
  resizesRunning?: boolean;
  /** @param size as the user wrote it */
  resize(machines: readonly Machine[], size: string, signal: AbortSignal): AsyncIterable<MachineEvent>;

  /** Saves disks as images for new machines. Omitted: not supported. */
  snapshot?(
    requests: readonly SnapshotRequest[],
    signal: AbortSignal,
  ): AsyncIterable<MachineEvent | SnapshotEvent>;

  /** What the driver needs on this computer. Never throws for something missing. */
  doctor(signal: AbortSignal): Promise<Check[]>;

  /** The user's images: base images on this computer, or snapshots at the provider. */
  images?: ImageStore;
}

export interface MachineSpec {
  name: string;
  /** As the user wrote it (`512mb`, a provider's slug). Default: the driver's. */
  size?: string;
  /** The provider's id from an interrupted create. */
  id?: string;
  driverData?: Record<string, unknown>;
}

/** A size that machines can have. */
export interface MachineSize {
  /** As `create` accepts it. */
  name: string;
  /** Mebibytes. */
  memory: number;
  cpus?: number;
  /** Gigabytes. */
  disk?: number;
  /** US dollars. */
  monthlyPrice?: number;
  /** The regions that have it. Omitted: all. */
  regions?: string[];
}

export interface ProviderRegion {
  /** As the driver's setting accepts it. */
  name: string;
  title?: string;
  /** Whether it accepts new machines. */
  available: boolean;
}

/** A machine that `create` would create. */
export interface CreationPlan {
  name: string;
  /** The provider's name for it. */
  size?: string;
  /** Mebibytes. */
  memory?: number;
  image?: string;
  region?: string;
  /** US dollars. */
  monthlyPrice?: number;
}

export interface Adoption {
  name: string;
  addresses: Addresses;
  /** Omitted: belt does not log in there and sets nothing up. */
  ssh?: SshAccess;
  /** Where the user's OpenSSH has the host keys of the server and its jump hosts. */
  hostKeys?: readonly UserHostKeys[];
  /** Default: the engine's settings. */
  enginePort?: number;
  driverData: Record<string, unknown>;
}

export interface CreateRequest extends MachineSpec {
  ssh: {
    user: string;
    authorizedKey: string;
    /** OpenSSH private and public key to install, so that belt can verify the first connection. */
    hostKey: { privateKey: string; publicKey: string };
  };
  /** Shell script that installs the engine as root at the first boot, the same for all machines. */
  installEngine?: string;
}

export type MachineEvent =
  | { type: 'progress'; name: string; text: string; fraction?: number }
  | { type: 'changed'; name: string; change: MachineChange }
  | { type: 'done'; name: string }
  /** `notCreated`: by `create`, when surely nothing exists at the provider: belt forgets the machine. */
  | { type: 'failed'; name: string; error: Error; notCreated?: true };

export interface SnapshotRequest {
  machine: Machine;
  imageName: string;
}

/** Comes before the machine's `done`. */
export interface SnapshotEvent {
  type: 'kept';
  name: string;
  /** As the driver's setting for images accepts it. */
  id: string;
}

/** Recorded at once. */
export interface MachineChange {
  id?: string;
  state?: MachineState;
  addresses?: Addresses;
  /** Where the login depends on the image: `admin` on Debian, `ubuntu` on Ubuntu. */
  ssh?: Partial<SshAccess>;
  /** The machine generates its own SSH host key: belt trusts the first one it sees. */
  ownHostKey?: true;
  /** Mebibytes. */
  memory?: number;
  /** As the user wrote it; the provider's own name for it goes into `driverData`. */
  size?: string;
  driverData?: Record<string, unknown>;
}

/** @param fraction 0 to 1; undefined: unknown */
export type PrepareProgress = (step: string, fraction?: number) => void;

export interface Check {
  name: string;
  ok: boolean;
  /** What was found, or what is missing and how to get it. */
  detail: string;
  /** Works without, but with limits. */
  optional?: boolean;
  /** Omitted: only the user can fix it. */
  fix?: (signal: AbortSignal) => Promise<void>;
}

export interface Image {
  name: string;
  id?: string;
  /** Bytes. */
  size: number;
  /** ISO 8601, UTC. */
  builtAt: string;
  /** Machines that use it. Omitted: each has its own copy. */
  machines?: number;
}

export interface ImageStore {
  /** The default first. */
  available(): string[];
  list(signal: AbortSignal): Promise<Image[]>;
  /** Builds a missing image; `rebuild` also an existing one. Safe to call concurrently. */
  build(
    name: string,
    options: { rebuild: boolean },
    progress: PrepareProgress,
    signal: AbortSignal,
  ): Promise<Image>;
  /** @param name or id. @throws UserError when it is in use, missing or ambiguous */
  remove(name: string, signal: AbortSignal): Promise<void>;
}

/** Set by flag, environment, a cluster's config.yml or .belt.yaml. */
export interface Setting {
  /** In files: `region`. The flag is `--<driver>-<key>`, with dashes for underscores. */
  key: string;
  summary: string;
  type: 'string' | 'integer' | 'boolean' | 'list';
  default?: string | number | boolean | readonly string[];
  /** The values that it can have, for help and shell completion. */
  choices?: readonly string[];
  /** The first variable that is set wins. */
  env?: readonly string[];
  /** Never shown, and never written to a file by belt. */
  secret?: boolean;
  /** Default: `<driver>-<key>`. `false`: no flag, because all later commands must agree on it. */
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

export interface LocalUser {
  /** Absolute path; `~/` is the home folder. Relative to `folder`, or to the working directory. */
  resolvePath(path: string, folder?: string): string;
  agentSocket?: string;
  /** Where OpenSSH and belt look for keys. */
  defaultKeyPaths: readonly string[];
  /** Looks the host up in ~/.ssh/config. Omitted: there is none. @throws UserError */
  sshHost?(written: WrittenHost & { jump?: WrittenHost }): Promise<SshHost>;
}

/** A driver's folder or package exports it as `driver`. Heavy libraries are loaded by `open`. */
export interface DriverModule {
  name: string;
  summary: string;
  settings: readonly Setting[];
  /** Refuses invalid values before they are written, without any request. @throws UserError */
  checkSettings?(values: SettingValues): Promise<void>;
  open(options: DriverOptions): Promise<Driver>;
}
