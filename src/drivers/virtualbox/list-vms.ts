import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import { formatMemory } from '../../machines/model/sizes.js';
import { listMachines } from '../kit/list-machines.js';
import type { Registered } from './parse-output.js';
import { registeredVms, type VirtualBox } from './virtualbox-context.js';
import { findVm, infoOf, memoryIn, stateIn } from './vm.js';
import { uuidOf } from './vm-identity.js';

/** Strays are VMs with the UUID that belt derives from their name. */
export async function list(virtualbox: VirtualBox, known: readonly Machine[]): Promise<ObservedMachine[]> {
  const { options } = virtualbox;
  const vms = await registeredVms(virtualbox);
  return listMachines(known, {
    objects: vms,
    find: (machine) => findVm(vms, virtualbox, machine),
    observe: (vm, machine) => observe(virtualbox, vm, machine),
    isStray: ({ uuid, name }) => uuid === uuidOf(options.cluster, name),
  });
}

/** @returns undefined when it has disappeared since */
async function observe(
  { vbox }: VirtualBox,
  { uuid, name }: Registered,
  machine: Machine | undefined,
): Promise<ObservedMachine | undefined> {
  const info = await infoOf(vbox, uuid);
  if (!info) return undefined;
  const memory = memoryIn(info);
  // The user may have changed it in VirtualBox Manager.
  const size = memory === undefined || memory === machine?.memory ? machine?.size : formatMemory(memory);
  return {
    name,
    id: uuid,
    state: stateIn(info),
    ...(memory !== undefined && { memory }),
    ...(size !== undefined && { size }),
  };
}
