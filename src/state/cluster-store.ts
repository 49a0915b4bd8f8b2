import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { UserError } from '../base/errors.js';
import { withFolderLock } from '../base/file-lock.js';
import {
  type FileOwner,
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
import { unknownMachines } from '../machines/model/patterns.js';
import { type Claim, claimNames } from './claims.js';
import { fromDocument, type MachineDocument, toDocument } from './machine-file.js';
import { readPointer, writePointer } from './pointer-file.js';

/**
 * One cluster's folder: what belt has written down of its machines, its keys and its active host.
 *
 * Reading makes no file or folder. Writing is atomic, so readers need no lock; two belts keep off
 * each other's machines by claims.
 */
export interface ClusterStore {
  readonly name: string;
  /** Absolute. */
  readonly folder: string;
  /**
   * It was chosen by its folder, as docker-machine's stores are: its name is that of the folder,
   * and no more.
   */
  readonly byFolder: boolean;
  /**
   * A random UUID that tells this cluster from all others of the same name. It is written down, and
   * from then on fixed, by the first `claim`, `save` or `establish`; before that nothing exists
   * that could carry it.
   */
  readonly id: string;
  /**
   * Fixes the id.
   * @param id the one that the cluster had before its folder was lost.
   * @throws UserError when it has another
   */
  establish(id?: string): Promise<string>;
  /** @throws UserError when another id is fixed */
  requireId(id: string): void;

  /** All machines, node2 before node10. One whose file is damaged does not hide the others. */
  machines(): Promise<MachineList>;
  /**
   * Those of the names that have a folder without a record in it: a creation or removal that was
   * cut short leaves such.
   */
  foldersWithoutRecord(names: readonly string[]): Promise<string[]>;
  /** @throws UserError when there is none of that name, or its file is damaged */
  machine(name: string): Promise<Machine>;
  /**
   * The machine in docker-machine's format, as `inspect` shows it.
   * @throws UserError as `machine`
   */
  document(name: string): Promise<MachineDocument>;
  /**
   * @throws UserError, and overwrites nothing, when the machine's file is damaged or the folder
   * cannot be written to
   */
  save(machine: Machine): Promise<void>;
  saveAll(machines: readonly Machine[]): Promise<void>;
  /**
   * Forgets the machine with all that is in its folder; if it was the active host, there is none
   * afterwards.
   */
  remove(name: string): Promise<void>;

  activeHost(): Promise<string | undefined>;
  setActiveHost(name: string | undefined): Promise<void>;

  /** @see claimNames */
  claim(names: readonly string[], what: string): Promise<Claim>;
  /** @see withFolderLock */
  lock<T>(work: () => Promise<T>): Promise<T>;

  readonly machinesFolder: string;
  machineFolder(name: string): string;
  readonly certsFolder: string;
  readonly sshFolder: string;
  readonly knownHostsPath: string;
  /** Of the cluster's private key; `.pub` beside it. */
  readonly sshKeyPath: string;
  /** config.yml, the cluster's settings. */
  readonly settingsPath: string;

  /** The cluster's SSH key; made with `generate` when there is none yet. */
  sshKey(generate: KeyGenerator): Promise<KeyPair>;
  /**
   * The host key that a machine is being made with; kept until `forgetHostKey`, so that an
   * interrupted create goes on with it.
   */
  hostKey(name: string, generate: KeyGenerator): Promise<KeyPair>;
  forgetHostKey(name: string): Promise<void>;

  /** For the other files of this folder (known_hosts): private, and owned by who called sudo. */
  readonly files: StateFiles;
}

export interface MachineList {
  machines: Machine[];
  damaged: DamagedMachine[];
}

export interface DamagedMachine {
  name: string;
  error: UserError;
}

export interface KeyPair {
  /** OpenSSH's text format. */
  privateKey: string;
  /** One line: type, key, comment. */
  publicKey: string;
}

export type KeyGenerator = () => KeyPair | Promise<KeyPair>;

export interface ClusterStoreOptions {
  name: string;
  folder: string;
  byFolder?: boolean;
  /** Who is to own what is made: the caller of sudo. */
  owner?: FileOwner;
}

const clusterRecord = z.object({ id: z.uuid(), createdAt: z.string() });

/** Enough to keep the disk busy, and far below the number of files that a process may have open. */
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
  /**
   * The last save of each machine: saves of one machine follow each other in the order of the
   * calls.
   */
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
    throw new UserError(`the cluster "${this.name}" in ${this.folder} is another one`, {
      hint: 'give the one that comes back another name: --as NAME',
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
    const found = await mapLimited(names, filesAtOnce, async (name) => {
      try {
        return await this.read(name);
      } catch (error) {
        if (error instanceof UserError) return { name, error };
        throw error;
      }
    });
    for (const entry of found) {
      if (!entry) continue;
      if ('error' in entry) list.damaged.push(entry);
      else list.machines.push(entry);
    }
    return list;
  }

  async foldersWithoutRecord(names: readonly string[]): Promise<string[]> {
    const folders = await listFolders(this.machinesFolder);
    const there = names.filter((name) => folders.includes(name));
    const records = await mapLimited(there, filesAtOnce, (name) => readText(this.machinePath(name)));
    return there.filter((_, index) => records[index] === undefined);
  }

  async machine(name: string): Promise<Machine> {
    return (await this.read(name)) ?? (await this.unknown(name));
  }

  async document(name: string): Promise<MachineDocument> {
    const machine = await this.machine(name);
    return toDocument(machine, { store: this.folder }, await readJson(this.machinePath(name)));
  }

  save(machine: Machine): Promise<void> {
    const earlier = this.saves.get(machine.name) ?? Promise.resolve();
    const saved = earlier.catch(() => {}).then(() => this.write(machine));
    this.saves.set(machine.name, saved);
    return saved;
  }

  async saveAll(machines: readonly Machine[]): Promise<void> {
    await mapLimited(machines, filesAtOnce, (machine) => this.save(machine));
  }

  async remove(name: string): Promise<void> {
    if ((await this.activeHost()) === name) await this.setActiveHost(undefined);
    // The record first: an interrupted removal leaves a folder without one, which does not count as
    // a machine.
    await this.files.remove(this.machinePath(name));
    await this.files.remove(this.machineFolder(name));
  }

  async activeHost(): Promise<string | undefined> {
    return readPointer(this.activePath, 'host');
  }

  async setActiveHost(name: string | undefined): Promise<void> {
    await writePointer(this.activePath, 'host', name, this.files);
  }

  async claim(names: readonly string[], what: string): Promise<Claim> {
    await this.establish();
    return claimNames(this.folder, this.files, names, what);
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
    // The private key goes last: where it is, the pair is complete.
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

  private async parse(name: string, document: unknown): Promise<Machine> {
    const path = this.machinePath(name);
    const { mtime } = await stat(path);
    return fromDocument(document, { store: this.folder, name, path, createdAt: mtime.toISOString() });
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

/**
 * @throws UserError when the public half is gone: a new pair would lock belt out of every machine
 * that has the old one
 */
async function readKeyPair(path: string): Promise<KeyPair | undefined> {
  const privateKey = await readText(path);
  if (privateKey === undefined) return undefined;
  const publicKey = await readText(`${path}.pub`);
  if (publicKey !== undefined) return { privateKey, publicKey: publicKey.trim() };
  throw new UserError(`the public key ${path}.pub is missing`, {
    hint: `ssh-keygen -y -f ${path} > ${path}.pub`,
  });
}

/** Names come from the command line: none may lead out of the machines' folder. */
function isFolderName(name: string): boolean {
  return name !== '' && !name.startsWith('.') && !/[/\\\0]/.test(name);
}
