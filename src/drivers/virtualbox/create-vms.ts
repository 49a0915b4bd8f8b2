import { freemem } from 'node:os';
import { UserError } from '../../base/errors.js';
import { formatAddress, parseAddress } from '../../base/ip-addresses.js';
import { mapLimited } from '../../base/map-limit.js';
import { formatMemory } from '../../machines/model/sizes.js';
import type {
  CreateRequest,
  CreationPlan,
  MachineChange,
  MachineEvent,
  MachineSpec,
  PrepareProgress,
} from '../driver.js';
import { prepareThen, runBatch } from '../kit/event-stream.js';
import { requireMemory } from '../kit/memory-size.js';
import { boot2dockerIso } from './boot2docker-iso.js';
import { buildVm, fingerprint, osTypeOf, type PlannedVm, type SharedSetup, userOf } from './build-vm.js';
import { ensureDhcp, requireDhcp } from './dhcp.js';
import { sourceOf } from './image-sources.js';
import { clearLeftovers, removeVm } from './remove-vm.js';
import { requireCapableHost } from './virtualbox-checks.js';
import { registeredVms, type VirtualBoxContext, withVirtualBoxLock } from './virtualbox-context.js';
import type { VirtualBoxImages } from './virtualbox-images.js';
import type { VirtualBoxSettings } from './virtualbox-settings.js';
import { extraData, groupOf, readExtra, uuidOf } from './vm.js';
import {
  addressCandidates,
  createArgs,
  forwardedSshPort,
  loopbackOf,
  memoryOf,
  rangeText,
} from './vm-arguments.js';
import {
  checkNetwork,
  ensureHostOnly,
  ensureNatNetwork,
  type HostOnlyInterface,
  rangeRecord,
} from './vm-network.js';
import { switchOn } from './vm-power.js';

/** For the lock on what all machines of this computer share. */
export const lockWaitMs = 120_000;
export const vmLimit = 8;

/** @throws UserError for what cannot be created; changes nothing. */
export async function check(virtualbox: VirtualBoxContext, specs: readonly MachineSpec[]): Promise<void> {
  const { settings, options, vbox } = virtualbox;
  if (settings.boot2dockerUrl) requireBoot2dockerNetwork(settings);
  else sourceOf(settings.image, settings.imageChecksum, options.user);
  for (const { size } of specs) requireMemory(memoryOf(size, settings), size);
  await requireCapableHost(vbox, settings);
  await checkNetwork(vbox, settings);
}

export function plan({ settings }: VirtualBoxContext, specs: readonly MachineSpec[]): CreationPlan[] {
  return specs.map(({ name, size }) => {
    const memory = memoryOf(size, settings);
    const image = settings.boot2dockerUrl ?? settings.image;
    return { name, size: size ?? formatMemory(memory), memory, image };
  });
}

function requireBoot2dockerNetwork({ network, hostonly }: VirtualBoxSettings): void {
  if (network === 'natnetwork')
    throw new UserError('boot2docker machines need a host-only network', {
      hint: '--virtualbox-network hostonly',
    });
  requireDhcp(hostonly);
}

export async function prepare(
  virtualbox: VirtualBoxContext,
  images: VirtualBoxImages,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<SharedSetup> {
  const { settings } = virtualbox;
  const system = settings.boot2dockerUrl
    ? ({
        kind: 'boot2docker',
        iso: await boot2dockerIso(virtualbox, settings.boot2dockerUrl, progress, signal),
      } as const)
    : ({ kind: 'cloud', base: await images.base(progress, signal) } as const);
  progress('preparing the network');
  const hostOnly = await withVirtualBoxLock(virtualbox, 'machines', lockWaitMs, () =>
    ensureNetwork(virtualbox),
  );
  return { system, hostOnly };
}

async function ensureNetwork({ vbox, settings }: VirtualBoxContext): Promise<HostOnlyInterface | undefined> {
  if (settings.network === 'natnetwork') {
    await ensureNatNetwork(vbox, settings.natnetworkCidr);
    return undefined;
  }
  const found = await ensureHostOnly(vbox, settings.hostonly);
  if (settings.boot2dockerUrl) await ensureDhcp(vbox, found.networkName, settings.hostonly);
  return found;
}

export function create(
  virtualbox: VirtualBoxContext,
  requests: readonly CreateRequest[],
  prepared: () => Promise<SharedSetup>,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const plan = async () => {
    const shared = await prepared();
    return { shared, drafts: await register(virtualbox, requests, shared, signal) };
  };
  return prepareThen(requests, plan, ({ shared, drafts }) => buildVms(virtualbox, drafts, shared, signal));
}

/** Completed VMs stay; incomplete ones, or those with other keys, are removed first. */
async function register(
  virtualbox: VirtualBoxContext,
  requests: readonly CreateRequest[],
  { system }: SharedSetup,
  signal: AbortSignal,
): Promise<PlannedVm[]> {
  const { vbox, options, settings } = virtualbox;
  return withVirtualBoxLock(virtualbox, 'machines', lockWaitMs, async () => {
    const vms = await registeredVms(virtualbox);
    const made = new Set<string>();
    await mapLimited(requests, vmLimit, async (request) => {
      const uuid = uuidOf(options.cluster, request.name);
      const vm = vms.find((one) => one.uuid === uuid);
      if (vm && (await readExtra(vbox, uuid, extraData.made)) === fingerprint(request)) {
        made.add(uuid);
        return;
      }
      if (vm) await removeVm(virtualbox, vm, signal);
      await clearLeftovers(virtualbox, request.name);
      const shape = { uuid, name: request.name, osType: osTypeOf(system), group: groupOf(options.cluster) };
      await vbox.run(createArgs({ ...shape, folder: await virtualbox.folder() }));
    });
    const addresses = await usedAddresses(virtualbox);
    const free = addressCandidates(settings).filter((address) => ![...addresses.values()].includes(address));
    const drafts: PlannedVm[] = [];
    for (const request of requests) {
      const uuid = uuidOf(options.cluster, request.name);
      const known = addresses.get(uuid);
      const address = known ?? free.shift();
      if (address === undefined) throw new UserError(`${rangeText(settings)} has no address left`);
      if (known === undefined)
        await vbox.onVm(uuid, ['setextradata', uuid, extraData.address, formatAddress(address)]);
      const memory = memoryOf(request.size, settings);
      drafts.push({ request, name: request.name, uuid, address, memory, isMade: made.has(uuid) });
    }
    return drafts;
  });
}

/** In all clusters on this computer. A VM whose files are missing has no address. */
async function usedAddresses(virtualbox: VirtualBoxContext): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const vms = (await registeredVms(virtualbox)).filter(({ name }) => name !== '<inaccessible>');
  await mapLimited(vms, vmLimit, async ({ uuid }) => {
    const text = await readExtra(virtualbox.vbox, uuid, extraData.address);
    const address = text === undefined ? undefined : parseAddress(text);
    if (address !== undefined) found.set(uuid, address);
  });
  return found;
}

/** Reports all UUIDs first, so that registered VMs are known even if the rest fails. */
async function* buildVms(
  virtualbox: VirtualBoxContext,
  drafts: readonly PlannedVm[],
  prepared: SharedSetup,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  for (const draft of drafts)
    yield { type: 'changed', name: draft.name, change: recordedChange(virtualbox, draft, prepared) };
  yield* runBatch(drafts, bootLimit(drafts), signal, async (draft, emit) => {
    if (!draft.isMade) await buildVm(virtualbox, draft, prepared, signal, emit);
    emit({ type: 'progress', name: draft.name, text: 'booting' });
    await switchOn(virtualbox, draft, signal);
    emit({ type: 'changed', name: draft.name, change: { state: 'running' } });
  });
}

function bootLimit(drafts: readonly PlannedVm[]): number {
  const largest = Math.max(1, ...drafts.map(({ memory }) => memory));
  const fitting = Math.floor(freemem() / 1024 / 1024 / largest);
  return Math.max(1, Math.min(vmLimit, fitting));
}

function recordedChange(
  { settings }: VirtualBoxContext,
  { uuid, address, memory, request, isMade }: PlannedVm,
  { system }: SharedSetup,
): MachineChange {
  const text = formatAddress(address);
  const isForwarded = settings.network === 'natnetwork';
  return {
    id: uuid,
    addresses: isForwarded ? { public: loopbackOf(address), private: text } : { public: text },
    ssh: { user: userOf(system, settings), port: isForwarded ? forwardedSshPort : 22 },
    memory,
    ...(request.size !== undefined && { size: request.size }),
    ...(system.kind === 'boot2docker' && !isMade && { ownHostKey: true }),
    driverData: {
      image: system.kind === 'cloud' ? system.base.source.name : 'boot2docker',
      // A VM that an earlier create completed is in the network of that time.
      ...(!isForwarded && !isMade && rangeRecord(settings.hostonly)),
    },
  };
}
