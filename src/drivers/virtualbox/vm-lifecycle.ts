import { AbortError, UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import type { MachineEvent } from '../driver.js';
import { type Emit, forEachObject } from '../kit/event-stream.js';
import { lockWaitMs, vmLimit } from './create-vms.js';
import type { RegisteredVm } from './parse-output.js';
import { mediaIn, removeVm } from './remove-vm.js';
import { registeredVms, type VirtualBoxContext, withVirtualBoxLock } from './virtualbox-context.js';
import { findVm, growDisk, requireInfo, stateIn } from './vm.js';
import { memoryOf } from './vm-arguments.js';
import { ensureHostOnly, hostOnlyInterfaces, isInNetwork, networkOf } from './vm-network.js';
import { shutDown, switchOff, switchOn } from './vm-power.js';

type Machines = readonly Machine[];
type Events = AsyncGenerator<MachineEvent>;
type Work = (vm: RecordedVm, emit: Emit) => Promise<void>;

interface RecordedVm extends RegisteredVm {
  machine: Machine;
}

export function start(virtualbox: VirtualBoxContext, machines: Machines, signal: AbortSignal): Events {
  return forEachVm(virtualbox, machines, signal, (vm, emit) => bootVm(virtualbox, vm, signal, emit));
}

/** Off and on again, so that a machine that hangs restarts too. */
export function restart(virtualbox: VirtualBoxContext, machines: Machines, signal: AbortSignal): Events {
  return forEachVm(virtualbox, machines, signal, async (vm, emit) => {
    await stopVm(virtualbox, vm, signal, emit);
    if (signal.aborted) throw new AbortError();
    await bootVm(virtualbox, vm, signal, emit);
  });
}

export function stop(virtualbox: VirtualBoxContext, machines: Machines, signal: AbortSignal): Events {
  return forEachVm(virtualbox, machines, signal, (vm, emit) => stopVm(virtualbox, vm, signal, emit));
}

export function kill(virtualbox: VirtualBoxContext, machines: Machines, signal: AbortSignal): Events {
  return forEachVm(virtualbox, machines, signal, async (vm, emit) => {
    emit({ type: 'progress', name: vm.name, text: 'switching off' });
    await switchOff(virtualbox, vm, signal);
    emit({ type: 'changed', name: vm.name, change: { state: 'stopped' } });
  });
}

export function remove(virtualbox: VirtualBoxContext, machines: Machines, signal: AbortSignal): Events {
  return forEachMachine(virtualbox, machines, signal, async ({ name }, vm, emit) => {
    if (!vm) return;
    emit({ type: 'progress', name, text: 'removing' });
    await removeVm(virtualbox, vm, signal);
  });
}

/** Changes memory, and processors and disk if they are set; a running VM is restarted. */
export function resize(
  virtualbox: VirtualBoxContext,
  machines: Machines,
  size: string,
  signal: AbortSignal,
): Events {
  const { vbox, settings } = virtualbox;
  return forEachVm(virtualbox, machines, signal, async (vm, emit) => {
    const { uuid, name } = vm;
    const memory = memoryOf(size, settings);
    const state = stateIn(await requireInfo(vbox, uuid, name));
    if (state === 'saved') {
      throw new UserError(`${name} is saved and cannot be resized in that state`, {
        hint: `belt start ${name} && belt stop ${name}`,
      });
    }
    if (state !== 'stopped') await stopVm(virtualbox, vm, signal, emit);
    const cpus = settings.cpus === undefined ? [] : ['--cpus', String(settings.cpus)];
    await vbox.onVm(uuid, ['modifyvm', uuid, '--memory', String(memory), ...cpus]);
    const disk = mediaIn(await requireInfo(vbox, uuid, name)).find(({ path }) => path.endsWith('disk.vdi'));
    if (settings.diskSize !== undefined && disk) await growDisk(vbox, disk.path, settings.diskSize);
    emit({ type: 'changed', name, change: { size, memory } });
    if (state !== 'stopped') await bootVm(virtualbox, vm, signal, emit);
  });
}

async function bootVm(
  virtualbox: VirtualBoxContext,
  vm: RecordedVm,
  signal: AbortSignal,
  emit: Emit,
): Promise<void> {
  emit({ type: 'progress', name: vm.name, text: 'booting' });
  await reattach(virtualbox, vm);
  await switchOn(virtualbox, vm, signal);
  emit({ type: 'changed', name: vm.name, change: { state: 'running' } });
}

async function stopVm(
  virtualbox: VirtualBoxContext,
  vm: RegisteredVm,
  signal: AbortSignal,
  emit: Emit,
): Promise<void> {
  emit({ type: 'progress', name: vm.name, text: 'shutting down' });
  await shutDown(virtualbox, vm, signal);
  emit({ type: 'changed', name: vm.name, change: { state: 'stopped' } });
}

/** A reboot of the computer may remove or rename the host-only interface, or its address. */
async function reattach(virtualbox: VirtualBoxContext, { uuid, name, machine }: RecordedVm): Promise<void> {
  const { vbox, settings } = virtualbox;
  const info = await requireInfo(vbox, uuid, name);
  const adapter = info.get('hostonlyadapter2');
  if (adapter === undefined || stateIn(info) !== 'stopped') return;
  const network = networkOf(machine, settings.hostonly);
  const candidates = (await hostOnlyInterfaces(vbox)).filter((one) => isInNetwork(one, network));
  if (candidates.some((one) => one.name === adapter)) return;
  const ensure = () => ensureHostOnly(vbox, network ?? settings.hostonly, adapter);
  const existing = network && candidates[0];
  const found = existing ?? (await withVirtualBoxLock(virtualbox, 'machines', lockWaitMs, ensure));
  if (found.name !== adapter) await vbox.onVm(uuid, ['modifyvm', uuid, '--hostonlyadapter2', found.name]);
}

function forEachVm(
  virtualbox: VirtualBoxContext,
  machines: Machines,
  signal: AbortSignal,
  work: Work,
): Events {
  return forEachMachine(virtualbox, machines, signal, async (machine, vm, emit) => {
    const { name } = machine;
    if (!vm)
      throw new UserError(`the machine ${name} no longer exists in VirtualBox`, { hint: `belt rm ${name}` });
    await work({ ...vm, name, machine }, emit);
  });
}

function forEachMachine(
  virtualbox: VirtualBoxContext,
  machines: Machines,
  signal: AbortSignal,
  work: (machine: Machine, vm: RegisteredVm | undefined, emit: Emit) => Promise<void>,
): Events {
  const read = () => registeredVms(virtualbox);
  const find = (vms: readonly RegisteredVm[], machine: Machine) => findVm(vms, virtualbox, machine);
  return forEachObject(machines, { limit: vmLimit, signal, read, find }, work);
}
