import { AbortError, UserError } from '../../base/errors.js';
import { formatAddress, formatRange } from '../../base/ip-addresses.js';
import type { ClusterRef, CreateRequest, MachineEvent, MachineSpec } from '../driver.js';
import { concurrency, type Emit, prepareThen, runBatch } from '../kit/event-stream.js';
import { capacityOf, freeAddresses } from './address-range.js';
import { boot } from './boot.js';
import { hasKeys, writeGuestFiles } from './guest-files.js';
import { bringUpNetwork, type GuestNetwork, planNetwork } from './guest-network.js';
import {
  defaultSize,
  type GuestEntry,
  type GuestRecord,
  memoryOf,
  newMachineId,
  readEntries,
  takenAddresses,
  writeRecord,
} from './guest-records.js';
import { requireCapableHost, requireRoot } from './host-checks.js';
import { ensureFolder, machineFolder, type NspawnLayout, withComputerLock } from './layout.js';
import { damagedError, findEntry, type NspawnContext, withMachineLock } from './lookup.js';
import { type BaseImage, baseFolder } from './nspawn-images.js';
import { requireImage } from './recipes.js';
import { runningProcess, shutDown } from './shut-down.js';

/** Before any machine boots: the record of each, or why it has none. */
interface Allocation {
  network: GuestNetwork;
  records: ReadonlyMap<string, GuestRecord | Error>;
}

/** Changes nothing. @throws UserError */
export async function check(
  { layout, settings, options }: NspawnContext,
  specs: readonly MachineSpec[],
): Promise<void> {
  requireImage(settings.image);
  const duplicate = specs.find(
    ({ name }, index) => specs.findIndex((other) => other.name === name) !== index,
  );
  if (duplicate) throw new UserError(`${duplicate.name} is listed twice`);
  for (const { size } of specs) memoryOf(size);
  await requireCapableHost();
  const entries = await readEntries(layout);
  const network = await planNetwork(layout, settings, entries.length);
  const added = specs.filter((spec) => !findEntry(entries, options.cluster.id, spec));
  await requireFreeAddresses(layout, network, entries, added.length);
}

export function create(
  nspawn: NspawnContext,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  return prepareThen(
    requests,
    () => allocate(nspawn, requests, signal),
    (allocation) => bootAll(nspawn, requests, allocation, signal),
  );
}

async function allocate(
  { layout, settings, options, images }: NspawnContext,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): Promise<Allocation> {
  requireRoot();
  return withComputerLock(layout, { signal }, async () => {
    const entries = await readEntries(layout);
    const network = await planNetwork(layout, settings, entries.length);
    const found = requests.map((request) => ({
      request,
      entry: findEntry(entries, options.cluster.id, request),
    }));
    const added = found.filter(({ entry }) => !entry).length;
    await requireFreeAddresses(layout, network, entries, added);
    const addresses = freeAddresses(network.range, await takenAddresses(layout, entries), added);
    const base = await images.base(settings.image);

    const records = new Map<string, GuestRecord | Error>();
    for (const { request, entry } of found) {
      if (entry) {
        records.set(
          request.name,
          'record' in entry ? entry.record : damagedError(request.name, entry.damage),
        );
        continue;
      }
      const record = newRecord(request, options.cluster, base, addresses.shift() ?? 0);
      await ensureFolder(machineFolder(layout, record.id).folder);
      await writeRecord(layout, record);
      records.set(request.name, record);
    }
    await bringUpNetwork(layout, network, entries.length + added);
    return { network, records };
  });
}

function newRecord(
  { name, size = defaultSize }: CreateRequest,
  cluster: ClusterRef,
  image: BaseImage,
  address: number,
): GuestRecord {
  return {
    version: 1,
    id: newMachineId(name),
    name,
    cluster,
    image: { name: image.name, folder: image.folder },
    address: formatAddress(address),
    size,
    memory: memoryOf(size),
    createdAt: new Date().toISOString(),
  };
}

async function requireFreeAddresses(
  layout: NspawnLayout,
  { range }: GuestNetwork,
  entries: readonly GuestEntry[],
  wanted: number,
): Promise<void> {
  const free = freeAddresses(range, await takenAddresses(layout, entries), wanted).length;
  if (free >= wanted) return;
  throw new UserError(
    `${formatRange(range)} has ${free} of its ${capacityOf(range)} addresses left; ${wanted} required`,
    { hint: 'remove machines; once none is left, a larger range can be set: --nspawn-network 10.209.0.0/16' },
  );
}

/** Reports all records first, so that allocated machines are known even if the rest fails. */
async function* bootAll(
  nspawn: NspawnContext,
  requests: readonly CreateRequest[],
  { network, records }: Allocation,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  for (const record of records.values()) {
    if (!(record instanceof Error))
      yield { type: 'changed', name: record.name, change: recordedChange(record) };
  }
  yield* runBatch(requests, concurrency, signal, async (request, emit) => {
    const record = records.get(request.name);
    if (record instanceof Error) throw record;
    if (request.ssh.user !== 'root') {
      throw new UserError(`nspawn machines accept SSH logins as root only, not as "${request.ssh.user}"`);
    }
    if (!record) throw new Error(`${request.name} was not allocated`);
    await withMachineLock(nspawn.layout, record.id, signal, async () => {
      await bootGuest(nspawn, record, request, network, signal, emit);
    });
  });
}

async function bootGuest(
  nspawn: NspawnContext,
  record: GuestRecord,
  request: CreateRequest,
  network: GuestNetwork,
  signal: AbortSignal,
  emit: Emit,
): Promise<void> {
  const { layout, options } = nspawn;
  const { id, name } = record;
  const { upper } = machineFolder(layout, id);
  const keysMatch = await hasKeys(upper, request.ssh);
  if (!((await runningProcess(layout, id)) && keysMatch)) {
    await shutDown(layout, id);
    const size = request.size ?? record.size;
    const sized: GuestRecord = { ...record, size, memory: memoryOf(size) };
    await writeRecord(layout, sized);
    await writeGuestFiles(upper, sized, network, request.ssh, options.templates);
    if (signal.aborted) throw new AbortError();
    emit({ type: 'progress', name, text: 'booting' });
    await boot(layout, sized, baseFolder(layout, sized.image), network.bridge, options.templates);
    emit({ type: 'changed', name, change: { state: 'running', size, memory: sized.memory } });
    return;
  }
  emit({ type: 'changed', name, change: { state: 'running' } });
}

function recordedChange({ id, address, memory, size, image }: GuestRecord) {
  return { id, addresses: { public: address }, memory, size, driverData: { image: image.name } };
}
