import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import { formatMemory } from '../../machines/model/sizes.js';
import { each } from './create-vms.js';
import type { Registered } from './parse-output.js';
import { registeredVms, type VirtualBox } from './virtualbox-context.js';
import { findVm, infoOf, memoryIn, stateIn } from './vm.js';
import { uuidOf } from './vm-identity.js';

/** The known machines as they are, then VMs of the cluster that no record knows: their UUIDs are those that belt gives to their names. */
export async function list(virtualbox: VirtualBox, known: readonly Machine[]): Promise<ObservedMachine[]> {
  const { options } = virtualbox;
  const vms = await registeredVms(virtualbox);
  const found = known.map((machine) => ({
    machine,
    name: machine.name,
    vm: findVm(vms, virtualbox, machine),
  }));
  const matched = new Set(found.map(({ vm }) => vm?.uuid));
  const others = vms.filter(({ uuid, name }) => !matched.has(uuid) && uuid === uuidOf(options.cluster, name));
  const wanted = [...found, ...others.map((vm) => ({ machine: undefined, name: vm.name, vm }))];

  const observed = new Map<string, ObservedMachine>();
  await each(wanted, async ({ machine, name, vm }) => {
    const seen = vm && (await observe(virtualbox, name, vm, machine));
    observed.set(name, seen ?? { name, state: 'missing' });
  });
  return wanted.flatMap(({ name }) => observed.get(name) ?? []);
}

/** @returns undefined for one that went away meanwhile */
async function observe(
  { vbox }: VirtualBox,
  name: string,
  { uuid }: Registered,
  machine: Machine | undefined,
): Promise<ObservedMachine | undefined> {
  const info = await infoOf(vbox, uuid);
  if (!info) return undefined;
  const memory = memoryIn(info);
  // Somebody may have given it another amount in VirtualBox's windows.
  const size = memory === undefined || memory === machine?.memory ? machine?.size : formatMemory(memory);
  return {
    name,
    id: uuid,
    state: stateIn(info),
    ...(memory !== undefined && { memory }),
    ...(size !== undefined && { size }),
  };
}
