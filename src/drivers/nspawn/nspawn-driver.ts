import { rename, rm } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { AbortError, ExternalError, UserError } from '../../errors.js';
import type { Machine, ObservedMachine } from '../../machines/machine.js';
import { formatMemory, parseSize } from '../../machines/sizes.js';
import type { CreateRequest, Driver, DriverOptions, MachineEvent, MachineWish } from '../driver.js';
import { batch, type Emit } from './batch.js';
import { boot, limitOf, runningProcess, shutDown, switchOff, systemdRunsComputer, unitOf } from './boot.js';
import { changeLimit } from './cgroups.js';
import { type BuildStep, debootstrapFrom } from './debootstrap.js';
import { diagnose, refuseIncapable, refuseWithoutRoot } from './doctor.js';
import { hasKeys, writeGuestFiles } from './guest-files.js';
import { baseFolder, type Images, openImages, recipeOf } from './images.js';
import { loadModules, prepareKernel } from './kernel.js';
import { type Layout, layoutOf, machineFolder, makeFolder } from './layout.js';
import { withComputerLock, withLock } from './lock.js';
import { ensureNetwork, type Network, planNetwork, readNetwork, removeNetwork } from './network.js';
import { removeTree, run } from './program.js';
import { capacityOf, formatAddress, formatRange, freeAddresses } from './range.js';
import {
  type Entry,
  isMachineId,
  type MachineRecord,
  machineIds,
  newMachineId,
  readEntries,
  readRecord,
  takenAddresses,
  writeRecord,
} from './records.js';
import { type NspawnSettings, readSettings } from './settings.js';

const defaultSize = '1gb';
/** systemd, sshd and an engine without containers take about 150 MB. */
const leastMemoryMb = 256;
/** Machines that are worked on at a time; booting is mostly waiting. */
const atOnce = 16;
/** Longer than any shutdown of a machine. */
const machineWaitMs = 120_000;

interface Nspawn {
  layout: Layout;
  settings: NspawnSettings;
  options: DriverOptions;
  images: Images;
}

type Named = Pick<Machine, 'name' | 'id'>;

export async function openNspawn(options: DriverOptions, buildStep?: BuildStep): Promise<Driver> {
  const settings = readSettings(options.settings);
  const layout = layoutOf(settings.data);
  const images = openImages(layout, options.templates, buildStep ?? debootstrapFrom(settings.mirror));
  const nspawn: Nspawn = { layout, settings, options, images };

  return {
    check: (wishes) => check(nspawn, wishes),
    async prepare(_requests, progress, signal) {
      await images.build(settings.image, { rebuild: false }, progress, signal);
    },
    create: (requests, signal) => create(nspawn, requests, signal),
    list: (known) => list(nspawn, known),
    start: (machines, signal) => start(nspawn, machines, signal),
    stop: (machines, signal) =>
      each(nspawn, machines, signal, 'shutting down', ({ id }) => shutDown(layout, id)),
    restart: (machines, signal) => restart(nspawn, machines, signal),
    kill: (machines, signal) =>
      each(nspawn, machines, signal, 'switching off', ({ id }) => switchOff(layout, id)),
    remove: (machines, signal) => remove(nspawn, machines, signal),
    resize: (machines, size, signal) => resize(nspawn, machines, size, signal),
    doctor: (signal) => diagnose(layout, signal),
    images: {
      available: images.available,
      list: images.list,
      async build(name, buildOptions, progress, signal) {
        await recipeOf(name, options.templates);
        await refuseIncapable();
        return images.build(name, buildOptions, progress, signal);
      },
      async remove(name) {
        refuseWithoutRoot();
        await images.remove(name);
      },
    },
  };
}

async function check({ layout, settings, options }: Nspawn, wishes: readonly MachineWish[]): Promise<void> {
  await recipeOf(settings.image, options.templates);
  const twice = wishes.find(({ name }, index) => wishes.findIndex((other) => other.name === name) !== index);
  if (twice) throw new UserError(`${twice.name} is given twice`);
  for (const { size } of wishes) memoryOf(size);
  await refuseIncapable();
  const entries = await readEntries(layout);
  const network = await planNetwork(layout, settings, entries.length);
  const added = wishes.filter((wish) => !findEntry(entries, options.cluster.id, wish));
  await refuseFullPool(layout, network, entries, added.length);
}

async function refuseFullPool(
  layout: Layout,
  { range }: Network,
  entries: readonly Entry[],
  wanted: number,
): Promise<void> {
  const free = freeAddresses(range, await takenAddresses(layout, entries), wanted).length;
  if (free >= wanted) return;
  throw new UserError(
    `${formatRange(range)} has ${free} of its ${capacityOf(range)} addresses left, ${wanted} are needed`,
    { hint: 'remove machines, or, when none is left, set a larger range: --nspawn-network 10.209.0.0/16' },
  );
}

async function* create(
  nspawn: Nspawn,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  let network: Network;
  let records: Map<string, MachineRecord | Error>;
  try {
    ({ network, records } = await allocate(nspawn, requests, signal));
  } catch (error) {
    yield* failAll(requests, error);
    return;
  }
  for (const record of records.values()) {
    if (!(record instanceof Error)) yield { type: 'changed', name: record.name, change: knownOf(record) };
  }
  yield* batch(requests, atOnce, signal, async (request, emit) => {
    const record = records.get(request.name);
    if (record instanceof Error) throw record;
    if (request.ssh.user !== 'root') {
      throw new UserError(`nspawn machines are reached as root, not as "${request.ssh.user}"`);
    }
    if (!record) throw new Error(`${request.name} was not allocated`);
    await withMachineLock(nspawn.layout, record.id, signal, async () => {
      await finish(nspawn, record, request, network, signal, emit);
    });
  });
}

/** Gives each machine its record and address, the one it has from an earlier try or a new one, in one step for all. */
async function allocate(
  { layout, settings, options, images }: Nspawn,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): Promise<{ network: Network; records: Map<string, MachineRecord | Error> }> {
  refuseWithoutRoot();
  return withComputerLock(layout, { signal }, async () => {
    const entries = await readEntries(layout);
    const network = await planNetwork(layout, settings, entries.length);
    const found = requests.map((request) => ({
      request,
      entry: findEntry(entries, options.cluster.id, request),
    }));
    const added = found.filter(({ entry }) => !entry).length;
    await refuseFullPool(layout, network, entries, added);
    const addresses = freeAddresses(network.range, await takenAddresses(layout, entries), added);
    const base = await images.base(settings.image);

    const records = new Map<string, MachineRecord | Error>();
    for (const { request, entry } of found) {
      if (entry) {
        records.set(request.name, 'record' in entry ? entry.record : damaged(request.name, entry.damage));
        continue;
      }
      const size = request.size ?? defaultSize;
      const record: MachineRecord = {
        version: 1,
        id: newMachineId(request.name),
        name: request.name,
        cluster: options.cluster,
        image: { name: base.name, folder: base.folder },
        address: formatAddress(addresses.shift() ?? 0),
        size,
        memory: memoryOf(size),
        createdAt: new Date().toISOString(),
      };
      await makeFolder(machineFolder(layout, record.id).folder);
      await writeRecord(layout, record);
      records.set(request.name, record);
    }
    await bringUpNetwork(layout, network, entries.length + added);
    return { network, records };
  });
}

/** Brings a machine from wherever an earlier try left it to running. */
async function finish(
  nspawn: Nspawn,
  record: MachineRecord,
  request: CreateRequest,
  network: Network,
  signal: AbortSignal,
  emit: Emit,
): Promise<void> {
  const { layout, options } = nspawn;
  const { id, name } = record;
  const { upper } = machineFolder(layout, id);
  const hasItsKeys = await hasKeys(upper, request.ssh);
  if (!((await runningProcess(layout, id)) && hasItsKeys)) {
    await shutDown(layout, id);
    const size = request.size ?? record.size;
    const sized: MachineRecord = { ...record, size, memory: memoryOf(size) };
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

async function list({ layout, options }: Nspawn, known: readonly Machine[]): Promise<ObservedMachine[]> {
  const entries = await readEntries(layout);
  const matched = new Set<Entry>();
  const ofKnown = known.map(async (machine): Promise<ObservedMachine> => {
    const entry = findEntry(entries, options.cluster.id, machine);
    if (!entry) return { name: machine.name, state: 'missing' };
    matched.add(entry);
    if ('damage' in entry) return { name: machine.name, id: entry.id, state: 'error' };
    return observe(layout, entry.record);
  });
  const observed = await Promise.all(ofKnown);
  const others = entries.flatMap((entry) =>
    'record' in entry && entry.record.cluster.id === options.cluster.id && !matched.has(entry)
      ? [entry.record]
      : [],
  );
  return [...observed, ...(await Promise.all(others.map((record) => observe(layout, record))))];
}

async function observe(
  layout: Layout,
  { id, name, address, memory, size }: MachineRecord,
): Promise<ObservedMachine> {
  const state = (await runningProcess(layout, id)) ? 'running' : 'stopped';
  return { name, id, state, addresses: { public: address }, memory, size };
}

async function* start(
  nspawn: Nspawn,
  machines: readonly Machine[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  let network: Network;
  try {
    network = await reviveNetwork(nspawn, signal);
  } catch (error) {
    yield* failAll(machines, error);
    return;
  }
  yield* batch(machines, atOnce, signal, (machine, emit) =>
    withRecord(nspawn, machine, signal, async (record) => {
      await startOne(nspawn, record, network, emit);
    }),
  );
}

async function* restart(
  nspawn: Nspawn,
  machines: readonly Machine[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  let network: Network;
  try {
    network = await reviveNetwork(nspawn, signal);
  } catch (error) {
    yield* failAll(machines, error);
    return;
  }
  yield* batch(machines, atOnce, signal, (machine, emit) =>
    withRecord(nspawn, machine, signal, async (record) => {
      emit({ type: 'progress', name: machine.name, text: 'shutting down' });
      await shutDown(nspawn.layout, record.id);
      emit({ type: 'changed', name: machine.name, change: { state: 'stopped' } });
      if (signal.aborted) throw new AbortError();
      await startOne(nspawn, record, network, emit);
    }),
  );
}

async function startOne(
  { layout, options }: Nspawn,
  record: MachineRecord,
  network: Network,
  emit: Emit,
): Promise<void> {
  const { id, name } = record;
  if (!(await runningProcess(layout, id))) {
    emit({ type: 'progress', name, text: 'booting' });
    await boot(layout, record, baseFolder(layout, record.image), network.bridge, options.templates);
  }
  emit({ type: 'changed', name, change: { state: 'running', addresses: { public: record.address } } });
}

/** Stops or kills machines; one that does not run is done at once. */
async function* each(
  nspawn: Nspawn,
  machines: readonly Machine[],
  signal: AbortSignal,
  text: string,
  work: (record: MachineRecord) => Promise<void>,
): AsyncGenerator<MachineEvent> {
  yield* batch(machines, atOnce, signal, (machine, emit) =>
    withRecord(nspawn, machine, signal, async (record) => {
      refuseWithoutRoot();
      emit({ type: 'progress', name: machine.name, text });
      await work(record);
      emit({ type: 'changed', name: machine.name, change: { state: 'stopped' } });
    }),
  );
}

async function* remove(
  nspawn: Nspawn,
  machines: readonly Machine[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const { layout, options, images } = nspawn;
  yield* batch(machines, atOnce, signal, async (machine, emit) => {
    refuseWithoutRoot();
    const entry = findEntry(await readEntries(layout), options.cluster.id, machine);
    if (!entry) return;
    // Without an id there is no telling whose a damaged one is.
    if ('damage' in entry && machine.id !== entry.id) throw damaged(machine.name, entry.damage);
    await withMachineLock(layout, entry.id, signal, async () => {
      emit({ type: 'progress', name: machine.name, text: 'removing' });
      await switchOff(layout, entry.id);
      await removeFiles(layout, entry.id);
    });
  });
  if (process.getuid?.() !== 0) return;
  await withComputerLock(layout, {}, async () => {
    if ((await machineIds(layout)).length === 0) await removeNetwork(layout);
  });
  await images.prune();
}

/** Out of sight in one step: an interrupted removal leaves no half machine behind, and the next one clears the rest. */
async function removeFiles(layout: Layout, id: string): Promise<void> {
  const { folder, lock } = machineFolder(layout, id);
  const doomed = join(layout.machines, `.removing-${id}`);
  await rename(folder, doomed);
  await removeTree(doomed);
  await rm(lock, { force: true });
}

async function* resize(
  nspawn: Nspawn,
  machines: readonly Machine[],
  size: string,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const { layout } = nspawn;
  yield* batch(machines, atOnce, signal, (machine, emit) =>
    withRecord(nspawn, machine, signal, async (record) => {
      refuseWithoutRoot();
      const memory = memoryOf(size);
      if (await runningProcess(layout, record.id)) await resizeRunning(layout, record, memory);
      await writeRecord(layout, { ...record, size, memory });
      emit({ type: 'changed', name: machine.name, change: { size, memory } });
    }),
  );
}

async function resizeRunning(layout: Layout, { id }: MachineRecord, memory: number): Promise<void> {
  const limit = await limitOf(layout, id);
  if (limit) await changeLimit(limit, memory);
  if (await systemdRunsComputer()) {
    await run('systemctl', ['set-property', '--runtime', unitOf(id), `MemoryMax=${memory}M`]);
  }
}

/** After a reboot of the computer the bridge is gone; the addresses are not. */
async function reviveNetwork({ layout }: Nspawn, signal: AbortSignal): Promise<Network> {
  refuseWithoutRoot();
  return withComputerLock(layout, { signal }, async () => {
    const network = await readNetwork(layout);
    if (!network) throw new ExternalError(`${layout.network} is gone`, { hint: 'make the machines anew' });
    await bringUpNetwork(layout, network, (await machineIds(layout)).length);
    return network;
  });
}

async function bringUpNetwork(layout: Layout, network: Network, machines: number): Promise<void> {
  await prepareKernel(machines);
  await loadModules();
  await ensureNetwork(layout, network);
}

/** @throws UserError when the computer has no such machine, or its record is damaged. */
async function withRecord(
  { layout, options }: Nspawn,
  machine: Named,
  signal: AbortSignal,
  work: (record: MachineRecord) => Promise<void>,
): Promise<void> {
  refuseWithoutRoot();
  const entry = findEntry(await readEntries(layout), options.cluster.id, machine);
  if (!entry) throw gone(machine.name);
  if ('damage' in entry) throw damaged(machine.name, entry.damage);
  await withMachineLock(layout, entry.id, signal, async () => {
    const record = await readRecord(layout, entry.id);
    if (!record) throw gone(machine.name);
    await work(record);
  });
}

function withMachineLock<T>(
  layout: Layout,
  id: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  return withLock(
    machineFolder(layout, id).lock,
    { waitMs: machineWaitMs, what: `the machine ${id}`, signal },
    work,
  );
}

/** By id where it is known, else by cluster and name. A damaged record may be of any cluster, so its folder's name speaks for it. */
function findEntry(entries: readonly Entry[], clusterId: string, { id, name }: Named): Entry | undefined {
  const byId = id === undefined ? undefined : entries.find((entry) => entry.id === id);
  const byName = entries.find(
    (entry) => 'record' in entry && entry.record.cluster.id === clusterId && entry.record.name === name,
  );
  if (byId ?? byName) return byId ?? byName;
  const isOfName = (entry: Entry) => isMachineId(entry.id) && entry.id.slice(0, -7) === name.slice(0, 56);
  return id === undefined ? entries.find((entry) => 'damage' in entry && isOfName(entry)) : undefined;
}

/** @throws UserError for what is no memory amount, too little, or more than the computer has. */
function memoryOf(size = defaultSize): number {
  const memory = parseSize(size)?.memoryMb;
  if (memory === undefined) {
    throw new UserError(`"${size}" is no size for nspawn`, {
      hint: 'an amount of memory: 512mb, 2gb, 1.5gb',
    });
  }
  if (memory < leastMemoryMb) {
    throw new UserError(`${size} is too little for an engine`, {
      hint: `at least ${formatMemory(leastMemoryMb)}`,
    });
  }
  const available = Math.floor(totalmem() / 1024 / 1024);
  if (memory <= available) return memory;
  throw new UserError(`${size} is more than this computer's memory`, { hint: `at most ${available}mb` });
}

function knownOf({ id, address, memory, size, image }: MachineRecord) {
  return { id, addresses: { public: address }, memory, size, driverData: { image: image.name } };
}

function* failAll(items: readonly { name: string }[], error: unknown): Generator<MachineEvent> {
  const reason = error instanceof Error ? error : new Error(String(error));
  for (const { name } of items) yield { type: 'failed', name, error: reason };
}

function gone(name: string): UserError {
  return new UserError(`there is no machine ${name} on this computer any more`, { hint: `belt rm ${name}` });
}

function damaged(name: string, damage: UserError): UserError {
  return new UserError(damage.message, {
    hint: `put the file right, or remove the machine: belt rm ${name}`,
    cause: damage,
  });
}
