import { join } from 'node:path';
import { UserError } from '../../base/errors.js';
import { withLock } from '../../base/file-lock.js';
import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import type { DriverOptions, MachineEvent } from '../driver.js';
import { concurrency, type Emit, forEachObject } from '../kit/event-stream.js';
import { listMachines } from '../kit/provider-objects.js';
import { type GuestEntry, type GuestRecord, isMachineId, readEntries, readRecord } from './guest-records.js';
import { requireRoot } from './host-checks.js';
import { ensureFolder, type NspawnLayout } from './layout.js';
import type { NspawnImages } from './nspawn-images.js';
import type { NspawnSettings } from './nspawn-settings.js';
import { runningProcess } from './shut-down.js';

/** Longer than any shutdown of a machine. */
const machineWaitMs = 120_000;

export interface NspawnContext {
  layout: NspawnLayout;
  settings: NspawnSettings;
  options: DriverOptions;
  images: NspawnImages;
}

type GuestRef = Pick<Machine, 'name' | 'id'>;

/** `name` is the caller's name for it, used in events. */
export interface LockedGuest {
  name: string;
  record: GuestRecord;
  emit: Emit;
}

/** Locks each machine; missing and damaged ones fail. */
export function forEachRecord(
  nspawn: NspawnContext,
  machines: readonly GuestRef[],
  signal: AbortSignal,
  work: (machine: LockedGuest) => Promise<void>,
): AsyncGenerator<MachineEvent> {
  return forEachEntry(nspawn, machines, signal, (machine, entry, emit) =>
    withRecord(nspawn.layout, machine, entry, signal, (record) => work({ name: machine.name, record, emit })),
  );
}

export function forEachEntry<T extends GuestRef>(
  { layout, options }: NspawnContext,
  machines: readonly T[],
  signal: AbortSignal,
  work: (machine: T, entry: GuestEntry | undefined, emit: Emit) => Promise<void>,
): AsyncGenerator<MachineEvent> {
  const read = async () => {
    requireRoot();
    return readEntries(layout);
  };
  const find = (entries: readonly GuestEntry[], machine: T) =>
    findEntry(entries, options.cluster.id, machine);
  return forEachObject(machines, { limit: concurrency, signal, read, find }, work);
}

/** By id, else by cluster and name; a damaged record by the name of its folder. */
export function findEntry(
  entries: readonly GuestEntry[],
  clusterId: string,
  { id, name }: GuestRef,
): GuestEntry | undefined {
  const byId = id === undefined ? undefined : entries.find((entry) => entry.id === id);
  const byName = entries.find(
    (entry) => 'record' in entry && entry.record.cluster.id === clusterId && entry.record.name === name,
  );
  if (byId ?? byName) return byId ?? byName;
  const isOfName = (entry: GuestEntry) =>
    isMachineId(entry.id) && entry.id.slice(0, -7) === name.slice(0, 56);
  return id === undefined ? entries.find((entry) => 'damage' in entry && isOfName(entry)) : undefined;
}

export async function withMachineLock<T>(
  { locks }: NspawnLayout,
  id: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  await ensureFolder(locks);
  const options = { waitMs: machineWaitMs, what: `the machine ${id}`, signal };
  return withLock(join(locks, id), options, work);
}

export function damagedError(name: string, damage: UserError): UserError {
  return new UserError(damage.message, {
    hint: `repair the file, or remove the machine: belt rm ${name}`,
    cause: damage,
  });
}

/** Reads the record again under the lock: another belt may have changed or removed the machine. */
async function withRecord(
  layout: NspawnLayout,
  { name }: GuestRef,
  entry: GuestEntry | undefined,
  signal: AbortSignal,
  work: (record: GuestRecord) => Promise<void>,
): Promise<void> {
  if (!entry) throw missingError(name);
  if ('damage' in entry) throw damagedError(name, entry.damage);
  await withMachineLock(layout, entry.id, signal, async () => {
    const record = await readRecord(layout, entry.id);
    if (!record) throw missingError(name);
    await work(record);
  });
}

function missingError(name: string): UserError {
  return new UserError(`the machine ${name} no longer exists on this computer`, { hint: `belt rm ${name}` });
}

export async function list(
  { layout, options }: NspawnContext,
  known: readonly Machine[],
): Promise<ObservedMachine[]> {
  const entries = await readEntries(layout);
  const { id } = options.cluster;
  return listMachines(known, {
    objects: entries,
    find: (machine) => findEntry(entries, id, machine),
    observe: (entry, machine) =>
      'record' in entry
        ? observe(layout, entry.record)
        : { name: machine?.name ?? entry.id, id: entry.id, state: 'error' },
    isStray: (entry) => 'record' in entry && entry.record.cluster.id === id,
  });
}

async function observe(
  layout: NspawnLayout,
  { id, name, address, memory, size }: GuestRecord,
): Promise<ObservedMachine> {
  const state = (await runningProcess(layout, id)) ? 'running' : 'stopped';
  return { name, id, state, addresses: { public: address }, memory, size };
}
