import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import { formatMemory } from '../../machines/model/sizes.js';
import type { Driver, DriverOptions } from '../driver.js';
import { memorySizes } from '../kit/memory-size.js';
import { listMachines } from '../kit/provider-objects.js';
import type { SharedSetup } from './build-vm.js';
import { check, create, plan, prepare } from './create-vms.js';
import { vendorImageOf } from './image-sources.js';
import type { RegisteredVm } from './parse-output.js';
import { checkVirtualBox } from './virtualbox-checks.js';
import { openContext, registeredVms, type VirtualBoxContext } from './virtualbox-context.js';
import { openImages } from './virtualbox-images.js';
import { readSettings } from './virtualbox-settings.js';
import { findVm, infoOf, memoryIn, stateIn, uuidOf } from './vm.js';
import { kill, remove, resize, restart, start, stop } from './vm-lifecycle.js';

export function openVirtualBox(options: DriverOptions): Driver {
  const virtualbox = openContext(readSettings(options.settings), options);
  const images = openImages(virtualbox);
  let prepared: SharedSetup | undefined;
  return {
    sizes: async () => memorySizes(),
    check: (specs) => check(virtualbox, specs),
    plan: async (specs) => plan(virtualbox, specs),
    async prepare(_, progress, signal) {
      prepared = await prepare(virtualbox, images, progress, signal);
    },
    create: (requests, signal) =>
      create(
        virtualbox,
        requests,
        async () => prepared ?? prepare(virtualbox, images, () => {}, signal),
        signal,
      ),
    list: (known) => list(virtualbox, known),
    createdWith: vendorImageOf,
    start: (machines, signal) => start(virtualbox, machines, signal),
    stop: (machines, signal) => stop(virtualbox, machines, signal),
    restart: (machines, signal) => restart(virtualbox, machines, signal),
    kill: (machines, signal) => kill(virtualbox, machines, signal),
    remove: (machines, signal) => remove(virtualbox, machines, signal),
    resize: (machines, size, signal) => resize(virtualbox, machines, size, signal),
    doctor: () => checkVirtualBox(virtualbox),
    images,
  };
}

/** Strays are VMs with the UUID that belt derives from their name. */
async function list(virtualbox: VirtualBoxContext, known: readonly Machine[]): Promise<ObservedMachine[]> {
  const { options } = virtualbox;
  const vms = await registeredVms(virtualbox);
  return listMachines(known, {
    objects: vms,
    find: (machine) => findVm(vms, virtualbox, machine),
    observe: (vm, machine) => observe(virtualbox, vm, machine),
    isStray: ({ uuid, name }) => uuid === uuidOf(options.cluster, name),
  });
}

async function observe(
  { vbox }: VirtualBoxContext,
  { uuid, name }: RegisteredVm,
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
