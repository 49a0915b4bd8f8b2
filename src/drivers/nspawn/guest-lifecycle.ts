import { AbortError, ExternalError } from '../../base/errors.js';
import { exists } from '../../base/files.js';
import type { Machine } from '../../machines/model/machine.js';
import type { MachineEvent } from '../driver.js';
import { prepareThen } from '../kit/event-stream.js';
import { boot } from './boot.js';
import { changeLimit, type LimitFile, limitFile, limitFileV2, unifiedGroup } from './cgroups.js';
import { bringUpNetwork, type GuestNetwork, readNetwork, removeNetwork } from './guest-network.js';
import { type GuestRecord, machineIds, memoryOf, writeRecord } from './guest-records.js';
import { requireRoot } from './host-checks.js';
import { run, systemdRunsComputer, unitOf } from './host-program.js';
import { type NspawnLayout, withComputerLock } from './layout.js';
import {
  damagedError,
  forEachEntry,
  forEachRecord,
  type LockedGuest,
  type NspawnContext,
  withMachineLock,
} from './lookup.js';
import { baseFolder } from './nspawn-images.js';
import { deleteRemoved, removeFiles } from './removed-guests.js';
import { runningProcess, shutDown, switchOff } from './shut-down.js';

type Machines = readonly Machine[];
type Events = AsyncGenerator<MachineEvent>;

export function start(nspawn: NspawnContext, machines: Machines, signal: AbortSignal): Events {
  return forEachOnNetwork(nspawn, machines, signal, (machine, network) =>
    startGuest(nspawn, machine, network),
  );
}

export function restart(nspawn: NspawnContext, machines: Machines, signal: AbortSignal): Events {
  return forEachOnNetwork(nspawn, machines, signal, async (machine, network) => {
    const { name, record, emit } = machine;
    emit({ type: 'progress', name, text: 'shutting down' });
    await shutDown(nspawn.layout, record.id);
    emit({ type: 'changed', name, change: { state: 'stopped' } });
    if (signal.aborted) throw new AbortError();
    await startGuest(nspawn, machine, network);
  });
}

export function stop(nspawn: NspawnContext, machines: Machines, signal: AbortSignal): Events {
  return stopEach(nspawn, machines, signal, 'shutting down', ({ id }) => shutDown(nspawn.layout, id));
}

export function kill(nspawn: NspawnContext, machines: Machines, signal: AbortSignal): Events {
  return stopEach(nspawn, machines, signal, 'switching off', ({ id }) => switchOff(nspawn.layout, id));
}

export async function* remove(nspawn: NspawnContext, machines: Machines, signal: AbortSignal): Events {
  const { layout, images } = nspawn;
  yield* forEachEntry(nspawn, machines, signal, async (machine, entry, emit) => {
    if (!entry) return;
    // Without an id the owner of a damaged record is unknown.
    if ('damage' in entry && machine.id !== entry.id) throw damagedError(machine.name, entry.damage);
    await withMachineLock(layout, entry.id, signal, async () => {
      emit({ type: 'progress', name: machine.name, text: 'removing' });
      await switchOff(layout, entry.id);
      await removeFiles(layout, entry.id);
    });
  });
  if (process.getuid?.() !== 0) return;
  await withComputerLock(layout, {}, async () => {
    await deleteRemoved(layout);
    if ((await machineIds(layout)).length === 0) await removeNetwork(layout);
  });
  await images.prune();
}

export function resize(nspawn: NspawnContext, machines: Machines, size: string, signal: AbortSignal): Events {
  const { layout } = nspawn;
  return forEachRecord(nspawn, machines, signal, async ({ name, record, emit }) => {
    const memory = memoryOf(size);
    if (await runningProcess(layout, record.id)) await resizeRunning(layout, record.id, memory);
    await writeRecord(layout, { ...record, size, memory });
    emit({ type: 'changed', name, change: { size, memory } });
  });
}

function forEachOnNetwork(
  nspawn: NspawnContext,
  machines: Machines,
  signal: AbortSignal,
  work: (machine: LockedGuest, network: GuestNetwork) => Promise<void>,
): Events {
  return prepareThen(
    machines,
    () => restoreNetwork(nspawn, signal),
    (network) => forEachRecord(nspawn, machines, signal, (machine) => work(machine, network)),
  );
}

/** A reboot of the computer removes the bridge, but not the addresses. */
async function restoreNetwork({ layout }: NspawnContext, signal: AbortSignal): Promise<GuestNetwork> {
  requireRoot();
  return withComputerLock(layout, { signal }, async () => {
    const network = await readNetwork(layout);
    if (!network)
      throw new ExternalError(`${layout.network} is missing`, { hint: 'create the machines again' });
    await bringUpNetwork(layout, network, (await machineIds(layout)).length);
    return network;
  });
}

async function startGuest(
  { layout, options }: NspawnContext,
  { name, record, emit }: LockedGuest,
  network: GuestNetwork,
): Promise<void> {
  if (!(await runningProcess(layout, record.id))) {
    emit({ type: 'progress', name, text: 'booting' });
    await boot(layout, record, baseFolder(layout, record.image), network.bridge, options.templates);
  }
  emit({ type: 'changed', name, change: { state: 'running', addresses: { public: record.address } } });
}

function stopEach(
  nspawn: NspawnContext,
  machines: Machines,
  signal: AbortSignal,
  text: string,
  work: (record: GuestRecord) => Promise<void>,
): Events {
  return forEachRecord(nspawn, machines, signal, async ({ name, record, emit }) => {
    emit({ type: 'progress', name, text });
    await work(record);
    emit({ type: 'changed', name, change: { state: 'stopped' } });
  });
}

async function resizeRunning(layout: NspawnLayout, id: string, memoryMb: number): Promise<void> {
  const limit = await limitOf(layout, id);
  if (limit) await changeLimit(limit, memoryMb);
  if (await systemdRunsComputer()) {
    await run('systemctl', ['set-property', '--runtime', unitOf(id), `MemoryMax=${memoryMb}M`]);
  }
}

/** In the group of belt or of its unit. Undefined: there is no memory controller. */
async function limitOf(layout: NspawnLayout, id: string): Promise<LimitFile | undefined> {
  const own = await limitFile(id);
  if (own) return own;
  const identity = await runningProcess(layout, id);
  const group = identity && (await unifiedGroup(identity.pid));
  if (group === undefined) return undefined;
  const limit = limitFileV2(group.replace(/\/supervisor$/, ''));
  return (await exists(limit.path)) ? limit : undefined;
}
