import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { AbortError, UserError } from '../../errors.js';
import { afterPreparing, batch, type Emit } from '../batch.js';
import type { CreateRequest, MachineChange, MachineEvent, MachineWish, PrepareProgress } from '../driver.js';
import { formatAddress, parseAddress } from '../ipv4.js';
import { refuseIncapable } from './doctor.js';
import { groupOf, uuidOf } from './identity.js';
import type { Base, Images } from './images.js';
import { checkNetwork, ensureHostOnly, ensureNatNetwork } from './network.js';
import { switchOn } from './power.js';
import { clearRemains, homeFor, removeVm } from './remove.js';
import { seedImage } from './seed.js';
import {
  addressCandidates,
  cardArgs,
  cardsOf,
  consoleArgs,
  createArgs,
  forwardArgs,
  forwardedSshPort,
  hardwareArgs,
  loopbackOf,
  memoryOf,
  rangeText,
} from './shape.js';
import { sourceOf } from './sources.js';
import { registeredVms, type VirtualBox, withLock } from './virtualbox.js';
import { extraData, readExtra, requireInfo } from './vm.js';

const defaultDisk = 20_000;
const lockMs = 120_000;
/** VMs that are worked on at a time. */
export const atOnce = 8;

/** What all machines of a create share. */
export interface Prepared {
  base: Base;
  /** Absent: machines are in the NAT network. */
  hostOnlyName: string | undefined;
}

/** @throws UserError for what cannot be made; changes nothing. */
export async function check(virtualbox: VirtualBox, wishes: readonly MachineWish[]): Promise<void> {
  const { settings, options, vbox } = virtualbox;
  sourceOf(settings.image, settings.imageChecksum, options.person);
  const available = Math.floor(totalmem() / 1024 / 1024);
  for (const { size } of wishes) {
    const memory = memoryOf(size, settings);
    if (memory > available)
      throw new UserError(`${size ?? `${memory}mb`} is more than this computer's memory`, {
        hint: `at most ${available}mb`,
      });
  }
  await refuseIncapable(vbox, settings);
  await checkNetwork(vbox, settings);
}

export async function prepare(
  virtualbox: VirtualBox,
  images: Images,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<Prepared> {
  const { vbox, settings } = virtualbox;
  const base = await images.base(progress, signal);
  progress('network');
  return withLock(virtualbox, 'machines', lockMs, async () => {
    if (settings.network === 'hostonly')
      return { base, hostOnlyName: await ensureHostOnly(vbox, settings.hostonly) };
    await ensureNatNetwork(vbox, settings.natRange);
    return { base, hostOnlyName: undefined };
  });
}

export function create(
  virtualbox: VirtualBox,
  requests: readonly CreateRequest[],
  prepared: () => Promise<Prepared>,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const plan = async () => {
    const shared = await prepared();
    return { shared, drafts: await register(virtualbox, requests, shared, signal) };
  };
  return afterPreparing(requests, plan, ({ shared, drafts }) =>
    finishAll(virtualbox, drafts, shared, signal),
  );
}

/** A VM that is registered and has its address. */
interface Draft {
  request: CreateRequest;
  name: string;
  uuid: string;
  address: number;
  memory: number;
  /** An earlier try has completed it. */
  isMade: boolean;
}

/**
 * Registers the VMs and gives them addresses, in one step for all: two belts must not take the same. What an earlier try has completed
 * stays, what it has left incomplete, or with other keys, is removed first.
 */
async function register(
  virtualbox: VirtualBox,
  requests: readonly CreateRequest[],
  { base }: Prepared,
  signal: AbortSignal,
): Promise<Draft[]> {
  const { vbox, options, settings } = virtualbox;
  return withLock(virtualbox, 'machines', lockMs, async () => {
    const vms = await registeredVms(virtualbox);
    const made = new Set<string>();
    await each(requests, async (request) => {
      const uuid = uuidOf(options.cluster, request.name);
      const vm = vms.find((one) => one.uuid === uuid);
      if (vm && (await readExtra(vbox, uuid, extraData.made)) === fingerprint(request)) {
        made.add(uuid);
        return;
      }
      if (vm) await removeVm(virtualbox, vm, signal);
      await clearRemains(virtualbox, request.name);
      const shape = { uuid, name: request.name, osType: base.source.osType, group: groupOf(options.cluster) };
      await vbox.run(createArgs({ ...shape, folder: await virtualbox.folder() }));
    });
    const addresses = await takenAddresses(virtualbox);
    const free = addressCandidates(settings).filter((address) => ![...addresses.values()].includes(address));
    const drafts: Draft[] = [];
    for (const request of requests) {
      const uuid = uuidOf(options.cluster, request.name);
      const known = addresses.get(uuid);
      const address = known ?? free.shift();
      if (address === undefined) throw new UserError(`${rangeText(settings)} has no address left`);
      if (known === undefined)
        await vbox.change(uuid, ['setextradata', uuid, extraData.address, formatAddress(address)]);
      const memory = memoryOf(request.size, settings);
      drafts.push({ request, name: request.name, uuid, address, memory, isMade: made.has(uuid) });
    }
    return drafts;
  });
}

/** Of what a VM is made that a later try could have otherwise: keys above all. */
function fingerprint({ name, ssh }: CreateRequest): string {
  const parts = [name, ssh.authorizedKey.trim(), ssh.hostKey.publicKey.trim()];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Of all VMs on this computer that belt has made, whatever cluster they are of. */
async function takenAddresses(virtualbox: VirtualBox): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  await each(await registeredVms(virtualbox), async ({ uuid }) => {
    const text = await readExtra(virtualbox.vbox, uuid, extraData.address).catch(() => undefined);
    const address = text === undefined ? undefined : parseAddress(text);
    if (address !== undefined) found.set(uuid, address);
  });
  return found;
}

/** Tells of all UUIDs first: what is registered is known, however the rest goes. */
async function* finishAll(
  virtualbox: VirtualBox,
  drafts: readonly Draft[],
  prepared: Prepared,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  for (const draft of drafts)
    yield { type: 'changed', name: draft.name, change: knownOf(virtualbox, draft, prepared) };
  yield* batch(drafts, bootsAtOnce(drafts), signal, async (draft, emit) => {
    if (!draft.isMade) await make(virtualbox, draft, prepared, signal, emit);
    emit({ type: 'progress', name: draft.name, text: 'booting' });
    await switchOn(virtualbox, draft, signal);
    emit({ type: 'changed', name: draft.name, change: { state: 'running' } });
  });
}

/** As many as have room in the memory that is free now. */
function bootsAtOnce(drafts: readonly Draft[]): number {
  const largest = Math.max(1, ...drafts.map(({ memory }) => memory));
  const fitting = Math.floor(freemem() / 1024 / 1024 / largest);
  return Math.max(1, Math.min(atOnce, fitting));
}

function knownOf(
  { settings }: VirtualBox,
  { uuid, address, memory, request }: Draft,
  { base }: Prepared,
): MachineChange {
  const text = formatAddress(address);
  const isForwarded = settings.network === 'natnetwork';
  return {
    id: uuid,
    addresses: isForwarded ? { public: loopbackOf(address), private: text } : { public: text },
    ssh: { user: userOf(settings.sshUser, base), port: isForwarded ? forwardedSshPort : 22 },
    memory,
    ...(request.size !== undefined && { size: request.size }),
    driverData: { image: base.source.name },
  };
}

function userOf(wanted: string | undefined, { source }: Base): string {
  return wanted ?? source.user;
}

async function make(
  virtualbox: VirtualBox,
  { request, name, uuid, address, memory }: Draft,
  { base, hostOnlyName }: Prepared,
  signal: AbortSignal,
  emit: Emit,
): Promise<void> {
  const { vbox, settings } = virtualbox;
  const home = await homeFor(virtualbox, name);
  const change = async (args: readonly string[]) => {
    if (signal.aborted) throw new AbortError();
    await vbox.change(uuid, args);
  };
  emit({ type: 'progress', name, text: 'disk' });
  const disk = join(home, 'disk.vdi');
  await change(['createmedium', 'disk', '--filename', disk, '--diffparent', base.path]);
  await growDisk(virtualbox, disk, settings.disk ?? defaultDisk);

  emit({ type: 'progress', name, text: 'hardware' });
  const options = [
    ...hardwareArgs(memory, settings),
    ...consoleArgs(join(home, 'console.log')),
    ...cardArgs(settings, hostOnlyName),
  ];
  await change(['modifyvm', uuid, ...options]);
  if (hostOnlyName === undefined) for (const args of forwardArgs(uuid, address)) await change(args);
  await change([
    'storagectl',
    uuid,
    '--name',
    'SATA',
    '--add',
    'sata',
    '--controller',
    'IntelAhci',
    '--portcount',
    '2',
    '--hostiocache',
    'on',
    '--bootable',
    'on',
  ]);
  await change(attachArgs(uuid, 0, 'hdd', disk));

  const cards = cardsOf(await requireInfo(vbox, uuid, name), address, settings);
  const seed = { uuid, request, user: userOf(settings.sshUser, base), cards };
  const iso = join(home, 'seed.iso');
  await writeFile(iso, await seedImage(seed, virtualbox.options.templates), { mode: 0o600 });
  await change(attachArgs(uuid, 1, 'dvddrive', iso));
  if (settings.share && settings.share !== 'none')
    for (const args of shareArgs(uuid, settings.share)) await change(args);
  await change(['setextradata', uuid, extraData.made, fingerprint(request)]);
}

export function attachArgs(uuid: string, port: number, type: 'hdd' | 'dvddrive', medium: string): string[] {
  const place = ['--storagectl', 'SATA', '--port', String(port), '--device', '0'];
  return ['storageattach', uuid, ...place, '--type', type, '--medium', medium];
}

/** Links in shared folders are off unless they are asked for. */
export function shareArgs(uuid: string, { path, name }: { path: string; name: string }): string[][] {
  return [
    ['sharedfolder', 'add', uuid, '--name', name, '--hostpath', path, '--automount'],
    ['setextradata', uuid, `VBoxInternal2/SharedFoldersEnableSymlinksCreate/${name}`, '1'],
  ];
}

/** Disks grow only. @param size mebibytes */
export async function growDisk({ vbox }: VirtualBox, disk: string, size: number): Promise<void> {
  const said = await vbox.run(['showmediuminfo', 'disk', disk]);
  const capacity = Number(/^Capacity:\s*(\d+) MBytes/m.exec(said)?.[1] ?? 0);
  if (capacity >= size) return;
  await vbox.run(['modifymedium', 'disk', disk, '--resizebyte', String(size * 1024 * 1024)]);
}

/** A few at a time, to the end of all; the first failure is thrown. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  for (const { status, reason } of workers as PromiseRejectedResult[])
    if (status === 'rejected') throw reason;
}
