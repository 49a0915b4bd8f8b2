import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { UserError } from '../base/errors.js';
import { withFolderLock } from '../base/file-lock.js';
import {
  type FileOwner,
  ignoreMissing,
  listFolders,
  readJson,
  readText,
  type StateFiles,
  stateFiles,
} from '../base/files.js';
import { mapLimited } from '../base/map-limit.js';
import { byNaturalOrder } from '../base/natural-order.js';
import { readRecord, writeRecord } from '../base/record-file.js';
import type { Machine } from '../machines/model/machine.js';
import { unknownMachines } from '../machines/model/select-names.js';
import { type Claim, claimNames } from './claims.js';
import { fromDocument, type MachineDocument, toDocument } from './machine-file.js';
import { readPointer, writePointer } from './pointer-file.js';

/** A cluster's folder. Reading creates nothing; writing is atomic, so that readers need no lock. */
export interface ClusterStore {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /** Chosen by its folder, as docker-machine's stores are; `name` is then the folder's. */
  readonly byFolder: boolean;
  /** A random UUID, provisional until `claim`, `save` or `establish` records it. */
  readonly id: string;
  /** Records the id. @param id of a cluster to restore. @throws UserError when it has another */
  establish(id?: string): Promise<string>;
  /** @throws UserError when another id is recorded */
  requireId(id: string): void;
  /** In natural order. A damaged record does not hide the others. */
  machines(): Promise<MachineList>;
  /** Names with a folder but no record, left by an interrupted creation or removal. */
  foldersWithoutRecord(names: readonly string[]): Promise<string[]>;
  /** @throws UserError for an unknown machine or a damaged record */
  machine(name: string): Promise<Machine>;
  /** In docker-machine's format. @throws UserError as `machine` */
  document(name: string): Promise<MachineDocument>;
  /** Never overwrites a damaged record. @throws UserError then, or when it cannot write */
  save(machine: Machine): Promise<void>;
  saveAll(machines: readonly Machine[]): Promise<void>;
  /** Deletes the machine's folder, and clears the active machine if it was this machine. */
  remove(name: string): Promise<void>;
  activeMachine(): Promise<string | undefined>;
  setActiveMachine(name: string | undefined): Promise<void>;
  /**
   * Claims names, or machines as they were read before the claim.
   * @throws UserError also for a machine that another belt has removed or replaced since
   * @see claimNames
   */
  claim(subjects: readonly (string | { name: string })[], what: string): Promise<Claim>;
  /** @see withFolderLock */
  lock<T>(work: () => Promise<T>): Promise<T>;
  readonly machinesFolder: string;
  machineFolder(name: string): string;
  readonly certsFolder: string;
  readonly sshFolder: string;
  readonly knownHostsPath: string;
  /** The private key's; `.pub` is beside it. */
  readonly sshKeyPath: string;
  /** config.yml, the cluster's settings. */
  readonly settingsPath: string;
  /** The cluster's SSH key; generated when missing. */
  sshKey(generate: KeyGenerator): Promise<KeyPair>;
  /** The host key of a machine being created; kept until `forgetHostKey`, to resume create. */
  hostKey(name: string, generate: KeyGenerator): Promise<KeyPair>;
  forgetHostKey(name: string): Promise<void>;
  /** Writes other files of this folder, such as known_hosts, for the caller of sudo. */
  readonly files: StateFiles;
}

interface MachineList {
  machines: Machine[];
  damaged: DamagedMachine[];
}

export interface DamagedMachine {
  name: string;
  error: UserError;
}

interface KeyPair {
  /** OpenSSH's text format. */
  privateKey: string;
  /** One line: type, key, comment. */
  publicKey: string;
}

type KeyGenerator = () => KeyPair | Promise<KeyPair>;

interface ClusterStoreOptions {
  name: string;
  folder: string;
  byFolder?: boolean;
  /** The owner of new files: the caller of sudo. */
  owner?: FileOwner;
}

const clusterRecord = z.object({ id: z.uuid(), createdAt: z.string() });

/** `createdAt` of a machine without a record, as its provider lists it. */
export const neverRecorded = '';

/** Enough to keep the disk busy, and far below the limit of open files. */
const filesAtOnce = 32;

/** @throws UserError when the cluster's own record is damaged */
export async function openClusterStore({
  name,
  folder,
  byFolder = false,
  owner,
}: ClusterStoreOptions): Promise<ClusterStore> {
  const files = stateFiles(owner);
  const recordPath = join(folder, 'cluster.json');
  const id = await readId(recordPath);
  return new FolderStore(name, folder, byFolder, files, recordPath, id);
}

async function readId(path: string): Promise<string | undefined> {
  return (await readRecord(path, clusterRecord, 'the record of a cluster'))?.id;
}

class FolderStore implements ClusterStore {
  readonly machinesFolder: string;
  readonly certsFolder: string;
  readonly sshFolder: string;
  readonly knownHostsPath: string;
  readonly sshKeyPath: string;
  readonly settingsPath: string;
  private provisional: string | undefined;
  /** The last save of each machine, so that saves of one machine run in order. */
  private readonly saves = new Map<string, Promise<void>>();

  constructor(
    readonly name: string,
    readonly folder: string,
    readonly byFolder: boolean,
    readonly files: StateFiles,
    private readonly recordPath: string,
    private recordedId: string | undefined,
  ) {
    this.machinesFolder = join(folder, 'machines');
    this.certsFolder = join(folder, 'certs');
    this.sshFolder = join(folder, 'ssh');
    this.knownHostsPath = join(this.sshFolder, 'known_hosts');
    this.sshKeyPath = join(this.sshFolder, 'id_ed25519');
    this.settingsPath = join(folder, 'config.yml');
  }

  get id(): string {
    return this.recordedId ?? this.provisionalId;
  }

  private get provisionalId(): string {
    this.provisional ??= crypto.randomUUID();
    return this.provisional;
  }

  async establish(id?: string): Promise<string> {
    this.recordedId ??= await this.lock(async () => (await readId(this.recordPath)) ?? this.recordId(id));
    if (id !== undefined) this.requireId(id);
    return this.recordedId;
  }

  requireId(id: string): void {
    if (this.recordedId === undefined || this.recordedId === id) return;
    throw new UserError(`the cluster "${this.name}" in ${this.folder} is a different cluster`, {
      hint: 'give the restored cluster another name: --as NAME',
    });
  }

  private async recordId(id = this.provisionalId): Promise<string> {
    const record = { id, createdAt: new Date().toISOString() };
    await writeRecord(this.recordPath, record, this.files);
    return record.id;
  }

  async machines(): Promise<MachineList> {
    const list: MachineList = { machines: [], damaged: [] };
    const names = (await listFolders(this.machinesFolder)).sort(byNaturalOrder);
    const entries = await mapLimited(names, filesAtOnce, async (name) => {
      try {
        return await this.read(name);
      } catch (error) {
        if (error instanceof UserError) return { name, error };
        throw error;
      }
    });
    for (const entry of entries) {
      if (!entry) continue;
      if ('error' in entry) list.damaged.push(entry);
      else list.machines.push(entry);
    }
    return list;
  }

  async foldersWithoutRecord(names: readonly string[]): Promise<string[]> {
    const folders = await listFolders(this.machinesFolder);
    const existing = names.filter((name) => folders.includes(name));
    const records = await mapLimited(existing, filesAtOnce, (name) => readText(this.machinePath(name)));
    return existing.filter((_, index) => records[index] === undefined);
  }

  async machine(name: string): Promise<Machine> {
    return (await this.read(name)) ?? (await this.unknown(name));
  }

  async document(name: string): Promise<MachineDocument> {
    const machine = await this.machine(name);
    return toDocument(machine, { store: this.folder }, await readJson(this.machinePath(name)));
  }

  save(machine: Machine): Promise<void> {
    const previous = this.saves.get(machine.name) ?? Promise.resolve();
    const saved = previous.catch(() => {}).then(() => this.write(machine));
    this.saves.set(machine.name, saved);
    return saved;
  }

  async saveAll(machines: readonly Machine[]): Promise<void> {
    await mapLimited(machines, filesAtOnce, (machine) => this.save(machine));
  }

  async remove(name: string): Promise<void> {
    if ((await this.activeMachine()) === name) await this.setActiveMachine(undefined);
    // The record first: without one, an interrupted removal's folder does not count as a machine.
    await this.files.remove(this.machinePath(name));
    await this.files.remove(this.machineFolder(name));
  }

  async activeMachine(): Promise<string | undefined> {
    return readPointer(this.activePath, 'host');
  }

  async setActiveMachine(name: string | undefined): Promise<void> {
    await writePointer(this.activePath, 'host', name, this.files);
  }

  async claim(subjects: readonly (string | { name: string })[], what: string): Promise<Claim> {
    await this.establish();
    const names = subjects.map((subject) => (typeof subject === 'string' ? subject : subject.name));
    const claim = await claimNames(this.folder, this.files, names, what);
    try {
      await mapLimited(subjects.filter(isMachine), filesAtOnce, (machine) => this.requireUnchanged(machine));
    } catch (error) {
      await claim.release();
      throw error;
    }
    return claim;
  }

  private async requireUnchanged({ name, createdAt, phase }: Machine): Promise<void> {
    const current = await this.read(name);
    if (createdAt === neverRecorded && !current) return;
    if (!current) return this.unknown(name);
    if (current.createdAt !== createdAt || current.phase !== phase) throw changedRecordError(name);
  }

  lock<T>(work: () => Promise<T>): Promise<T> {
    return withFolderLock(this.folder, this.files, work);
  }

  machineFolder(name: string): string {
    if (!isFolderName(name)) throw new Error(`"${name}" cannot be a machine's folder`);
    return join(this.machinesFolder, name);
  }

  async sshKey(generate: KeyGenerator): Promise<KeyPair> {
    return (await readKeyPair(this.sshKeyPath)) ?? this.lock(() => this.keyPair(this.sshKeyPath, generate));
  }

  async hostKey(name: string, generate: KeyGenerator): Promise<KeyPair> {
    return this.keyPair(this.hostKeyPath(name), generate);
  }

  async forgetHostKey(name: string): Promise<void> {
    await this.files.remove(this.hostKeyPath(name));
    await this.files.remove(`${this.hostKeyPath(name)}.pub`);
  }

  private async keyPair(path: string, generate: KeyGenerator): Promise<KeyPair> {
    const existing = await readKeyPair(path);
    if (existing) return existing;
    const pair = await generate();
    // The private key is written last: where it exists, the pair is complete.
    await this.files.write(`${path}.pub`, `${pair.publicKey.trim()}\n`);
    await this.files.write(path, pair.privateKey);
    return { ...pair, publicKey: pair.publicKey.trim() };
  }

  private async read(name: string): Promise<Machine | undefined> {
    if (!isFolderName(name)) return undefined;
    const path = this.machinePath(name);
    const document = await readJson(path);
    if (document === undefined) return undefined;
    return this.parse(name, document);
  }

  /** @returns undefined for a record that another belt has removed since */
  private async parse(name: string, document: unknown): Promise<Machine | undefined> {
    const path = this.machinePath(name);
    const found = await ignoreMissing(path, () => stat(path));
    if (!found) return undefined;
    const createdAt = found.mtime.toISOString();
    return fromDocument(document, { store: this.folder, name, path, createdAt });
  }

  private async write(machine: Machine): Promise<void> {
    await this.establish();
    const path = this.machinePath(machine.name);
    const previous = await readJson(path);
    if (previous !== undefined) await this.parse(machine.name, previous);
    const document = toDocument(machine, { store: this.folder }, previous);
    await this.files.write(path, `${JSON.stringify(document, undefined, 4)}\n`);
  }

  private async unknown(name: string): Promise<never> {
    const { machines } = await this.machines();
    throw unknownMachines(
      [name],
      machines.map((machine) => machine.name),
    );
  }

  private machinePath(name: string): string {
    return join(this.machineFolder(name), 'config.json');
  }

  private hostKeyPath(name: string): string {
    return join(this.machineFolder(name), 'ssh_host_ed25519_key');
  }

  private get activePath(): string {
    return join(this.folder, 'active');
  }
}

/** @throws UserError without the public key: a new pair would lock belt out of its machines */
async function readKeyPair(path: string): Promise<KeyPair | undefined> {
  const privateKey = await readText(path);
  if (privateKey === undefined) return undefined;
  const publicKey = await readText(`${path}.pub`);
  if (publicKey !== undefined) return { privateKey, publicKey: publicKey.trim() };
  throw new UserError(`the public key ${path}.pub is missing`, {
    hint: `ssh-keygen -y -f ${path} > ${path}.pub`,
  });
}

/** The record has changed between a command's selection of machines and its claim. */
export function changedRecordError(name: string): UserError {
  return new UserError(`${name} was changed by another belt since this command read its record`, {
    hint: 'run the same command again',
  });
}

function isMachine(subject: string | { name: string }): subject is Machine {
  return typeof subject !== 'string' && 'createdAt' in subject;
}

/** Names come from the command line, and must not lead out of the machines' folder. */
function isFolderName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\\\0]/.test(name);
}
