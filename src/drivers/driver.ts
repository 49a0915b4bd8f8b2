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
 * The contract of a driver: what talks to one provider.
 *
 * It is batch first: a driver gets all the machines of a command at once and makes as few calls to the provider as it can. It
 * yields an event a machine as things happen, so that a slow machine holds back no other, and it is idempotent: asked again
 * for what a first, interrupted try began, it finds and finishes that. A driver prints nothing, reads no environment and no
 * files of belt's, and knows no command line.
 *
 * Drivers of other people's packages keep to it too (docs/writing-a-driver.md): a change that breaks them raises `driverApi`
 * (plugin.ts).
 */
export interface Driver {
  /**
   * For a driver of machines that exist already: where they are, in the order of `names`. belt pins their host keys at first use,
   * sets up only the engine, and leaves them as they were found when they are removed. `names` are all names of the command,
   * those that are finished too: addresses are dealt out in their order.
   * @throws UserError when the settings do not tell
   */
  adopt?(names: readonly string[]): Promise<Adoption[]>;

  /**
   * Refuses what cannot work (no permission, no such size, no address left) before anything is recorded or changed.
   * @throws UserError
   */
  check(wishes: readonly MachineWish[], signal: AbortSignal): Promise<void>;

  /** What all machines of a create share (an image, a key pair, a firewall): made once, before the machines. */
  prepare?(requests: readonly CreateRequest[], progress: PrepareProgress, signal: AbortSignal): Promise<void>;

  /**
   * Makes the machines, or finishes those that an earlier try with the same names began. Ends each with `done` or `failed`. Not
   * asked of a driver that adopts.
   */
  create(requests: readonly CreateRequest[], signal: AbortSignal): AsyncIterable<MachineEvent>;

  /** What the provider says of this cluster's machines, in as few calls as it can; `known` are the recorded ones. */
  list(known: readonly Machine[], signal: AbortSignal): Promise<ObservedMachine[]>;

  /**
   * The machines of all belt's clusters that the provider has, by the marks that `create` left there: a lost folder is made anew out
   * of them. Absent: without records they are not to be found.
   */
  discover?(signal: AbortSignal): Promise<FoundMachine[]>;

  /**
   * What a machine was made with and keeps, by the keys of settings and in their words (a region, an image), as far as its record tells.
   * belt says where a group of the cluster wants something else. Absent: nobody knows.
   */
  madeWith?(machine: Machine): SettingValues;

  start(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** An orderly shutdown; a machine that does not follow in the driver's own bounded time is switched off. */
  stop(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Absent: the provider cannot, belt restarts the machine from within, over SSH. */
  restart?(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /**
   * `restart` is done with a machine when the provider has taken it on, as the provider does not tell when it is down: belt itself waits
   * until those that it could log in to have booted anew.
   */
  restartsUnseen?: boolean;
  /** Switches off at once, as if the plug were pulled. */
  kill(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Destroys the machines and all that was made for them. One that is gone already is `done`. */
  remove(machines: readonly Machine[], signal: AbortSignal): AsyncIterable<MachineEvent>;
  /** Machines go on running while they are resized. */
  resizesRunning?: boolean;
  /** `size` is as the person wrote it. */
  resize(machines: readonly Machine[], size: string, signal: AbortSignal): AsyncIterable<MachineEvent>;

  /** Keeps the machines' disks, as they are, as images that new machines can start from. Absent: the provider cannot. */
  snapshot?(
    wishes: readonly SnapshotWish[],
    signal: AbortSignal,
  ): AsyncIterable<MachineEvent | SnapshotEvent>;

  /** What this driver needs of the computer, and whether it is there. Never throws for something missing. */
  doctor(signal: AbortSignal): Promise<Check[]>;

  /** Images that machines start from, where they are the person's own: base images on this computer, snapshots at the provider. */
  images?: ImageStore;
}

/** A machine as the person asked for it. */
export interface MachineWish {
  name: string;
  /** As the person wrote it (`512mb`, `2gb`, a provider's slug); absent: the driver's default. */
  size?: string;
  /** The provider's id from an earlier, interrupted try. */
  id?: string;
  driverData?: Record<string, unknown>;
}

/** A machine that somebody else made. */
export interface Adoption {
  name: string;
  addresses: Addresses;
  /** `keyPath` where the person has it. Absent: nobody logs in there, and belt sets nothing up. */
  ssh?: SshAccess;
  /** Where its engine is to listen; absent: as the engine's settings say. */
  enginePort?: number;
  driverData: Record<string, unknown>;
}

/** A machine about to be made. */
export interface CreateRequest extends MachineWish {
  ssh: {
    user: string;
    /** One line of authorized_keys. */
    authorizedKey: string;
    /** OpenSSH private key text and public line: the machine gets these, so that belt knows it at the first connection. */
    hostKey: { privateKey: string; publicKey: string };
  };
  /**
   * Shell text that installs the engine where there is none, the same for all machines of a call: for a driver that can have it run as root
   * during the first boot, and is set to. Absent: belt alone installs it.
   */
  installEngine?: string;
}

/** What a driver reports of one machine, in the order in which it happens. */
export type MachineEvent =
  | { type: 'progress'; name: string; text: string; fraction?: number }
  | { type: 'changed'; name: string; change: MachineChange }
  | { type: 'done'; name: string }
  | { type: 'failed'; name: string; error: Error };

export interface SnapshotWish {
  machine: Machine;
  /** The image's name. */
  as: string;
}

/** The image of a machine is there; comes before the machine's `done`. */
export interface SnapshotEvent {
  type: 'kept';
  name: string;
  /** What the driver's setting for images takes. */
  id: string;
}

/** What became known of a machine; the operation writes it down at once. */
export interface MachineChange {
  id?: string;
  state?: MachineState;
  addresses?: Addresses;
  /** How to log in, where only the provider's image tells: Debian's know `admin`, Ubuntu's `ubuntu`. */
  ssh?: Partial<SshAccess>;
  /** The machine makes its own SSH host key and cannot be given one: belt takes the first that it sees. */
  ownHostKey?: true;
  /** Mebibytes. */
  memory?: number;
  /** As the person wrote it; a provider's own name for it belongs into `driverData`. */
  size?: string;
  driverData?: Record<string, unknown>;
}

/** `fraction`: 0 to 1, absent where there is no telling. */
export type PrepareProgress = (step: string, fraction?: number) => void;

export interface Check {
  /** What was looked at: `systemd-nspawn`, `root`, `VBoxManage`. */
  name: string;
  ok: boolean;
  /** What was found, or what is missing and how to get it. */
  detail: string;
  /** `optional`: works without, but less well. */
  optional?: boolean;
  /** Puts it right; absent where only the person can. */
  fix?: (signal: AbortSignal) => Promise<void>;
}

export interface Image {
  name: string;
  /** Where the provider has one. */
  id?: string;
  /** Bytes on disk. */
  size: number;
  /** ISO 8601, UTC. */
  builtAt: string;
  /** How many machines stand on it; absent: they have a copy of their own. */
  machines?: number;
}

export interface ImageStore {
  /** Names that can be built, the default first. */
  available(): string[];
  list(signal: AbortSignal): Promise<Image[]>;
  /** Builds the image unless it is there; `rebuild` builds it anew. Safe against two at a time. */
  build(
    name: string,
    options: { rebuild: boolean },
    progress: PrepareProgress,
    signal: AbortSignal,
  ): Promise<Image>;
  /** @param name or id. @throws UserError when machines stand on it, it is not there or several have the name */
  remove(name: string, signal: AbortSignal): Promise<void>;
}

/** One thing that can be set for a driver: by flag, environment, a cluster's config.yml or .belt.yaml. */
export interface Setting {
  /** Its key in files: `region`; the flag is `--<driver>-<key>` with dashes for underscores. */
  key: string;
  summary: string;
  type: 'string' | 'integer' | 'boolean' | 'list';
  default?: string | number | boolean | readonly string[];
  /** Environment variables that set it, the first one found wins. */
  env?: readonly string[];
  /** Never written to a file by belt, never shown. */
  secret?: boolean;
  /**
   * The flag's name where it is not `<driver>-<key>`. `false`: no flag, because every later command must agree on it, and only
   * files and the environment see to that.
   */
  flag?: false | string;
}

export type SettingValues = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

export interface DriverOptions {
  settings: SettingValues;
  cluster: { id: string; name: string };
  templates: Templates;
  person: Person;
}

/** What the person at this computer has, for drivers of machines that belt did not make. */
export interface Person {
  /** The absolute path of what they wrote: `~/` is their home, and relative ones begin at `folder`, or else where they are. */
  resolvePath(path: string, folder?: string): string;
  /** The socket of their SSH agent. */
  agentSocket?: string;
  /** Where OpenSSH, and so belt, looks for their keys. */
  defaultKeyPaths: readonly string[];
}

/** What a driver's folder (or an npm package with a driver) exports as `driver`. Light to load: heavy libraries come with `open`. */
export interface DriverModule {
  name: string;
  summary: string;
  settings: readonly Setting[];
  /** Refuses values that cannot work anywhere, without asking anybody; before they are written to a file. @throws UserError */
  checkSettings?(values: SettingValues): Promise<void>;
  open(options: DriverOptions): Promise<Driver>;
}
