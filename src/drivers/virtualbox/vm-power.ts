import type { RegisteredVm } from './parse-output.js';
import { isCode, type VBoxManage } from './vboxmanage.js';
import type { VirtualBoxContext } from './virtualbox-context.js';
import { requireInfo, stateIn, timeoutError, waitForState } from './vm.js';

/** After this, a machine is switched off. */
const shutDownMs = 60_000;
const stateChangeMs = 60_000;

export async function switchOn(
  virtualbox: VirtualBoxContext,
  vm: RegisteredVm,
  signal: AbortSignal,
): Promise<void> {
  const { vbox, settings } = virtualbox;
  await waitUntilStable(virtualbox, vm, signal);
  const state = stateIn(await requireInfo(vbox, vm.uuid, vm.name));
  if (state === 'running' || state === 'starting') return;
  if (state === 'paused') {
    await vbox.onVm(vm.uuid, ['controlvm', vm.uuid, 'resume']);
    return;
  }
  // A guest that crashed hangs there until it is switched off.
  if (state === 'error') await switchOff(virtualbox, vm, signal);
  await vbox.onVm(vm.uuid, ['startvm', vm.uuid, '--type', settings.uiType]);
}

/** Switches off if the power button has no effect. Resumes a paused VM first. */
export async function shutDown(
  virtualbox: VirtualBoxContext,
  vm: RegisteredVm,
  signal: AbortSignal,
): Promise<void> {
  const { vbox } = virtualbox;
  await waitUntilStable(virtualbox, vm, signal);
  const state = stateIn(await requireInfo(vbox, vm.uuid, vm.name));
  if (state === 'stopped' || state === 'saved') return;
  if (state === 'paused') await controlVm(vbox, vm, 'resume');
  if (state !== 'error') {
    await controlVm(vbox, vm, 'acpipowerbutton');
    if (await waitForState(virtualbox, vm, ['stopped', 'saved'], shutDownMs, signal)) return;
  }
  await switchOff(virtualbox, vm, signal);
}

export async function switchOff(
  virtualbox: VirtualBoxContext,
  vm: RegisteredVm,
  signal: AbortSignal,
): Promise<void> {
  const { vbox } = virtualbox;
  const state = stateIn(await requireInfo(vbox, vm.uuid, vm.name));
  if (state === 'stopped' || state === 'saved') return;
  await controlVm(vbox, vm, 'poweroff');
  if (await waitForState(virtualbox, vm, ['stopped', 'saved'], stateChangeMs, signal)) return;
  throw timeoutError(vm.name, 'off', stateChangeMs);
}

async function waitUntilStable(
  virtualbox: VirtualBoxContext,
  vm: RegisteredVm,
  signal: AbortSignal,
): Promise<void> {
  const settled = ['running', 'stopped', 'paused', 'saved', 'error'] as const;
  if (await waitForState(virtualbox, vm, settled, stateChangeMs, signal)) return;
  throw timeoutError(vm.name, 'in a stable state', stateChangeMs);
}

async function controlVm(vbox: VBoxManage, { uuid }: RegisteredVm, verb: string): Promise<void> {
  try {
    await vbox.onVm(uuid, ['controlvm', uuid, verb]);
  } catch (error) {
    const isOff = error instanceof Error && error.message.includes('is not currently running');
    if (!isOff && !isCode(error, 'VBOX_E_INVALID_VM_STATE')) throw error;
  }
}
