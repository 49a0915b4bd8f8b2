import type { FoundMachine, Machine, ObservedMachine } from '../../machines/model/machine.js';
import type { ClusterRef } from '../driver.js';
import { listMachines } from '../kit/provider-objects.js';
import type { Droplet } from './api-types.js';
import { recordedChange } from './create-droplets.js';
import { clusterDroplets, type DropletContext } from './droplet-context.js';
import { foreignDroplets } from './droplet-lifecycle.js';
import { addressesOf, clusterOf, findDroplet, isPrivate, sharedTag, stateOf } from './droplets.js';

export async function list(
  context: DropletContext,
  known: readonly Machine[],
  signal: AbortSignal,
): Promise<ObservedMachine[]> {
  const droplets = await clusterDroplets(context, signal);
  const foreign = await foreignDroplets(context, known, droplets, signal);
  return listMachines(known, {
    objects: droplets,
    find: (machine) => findDroplet([...droplets, ...foreign], machine),
    observe: (droplet, machine) =>
      machine
        ? observed(droplet, isPrivate(machine, context.settings))
        : { ...observed(droplet, context.settings.privateNetworking), size: droplet.size_slug },
  });
}

/** Droplets of all clusters in the account; of duplicates the oldest. */
export async function discover(context: DropletContext, signal: AbortSignal): Promise<FoundMachine[]> {
  const droplets = await context.api(signal).droplets(sharedTag);
  const found = new Map<string, FoundMachine>();
  for (const droplet of droplets.sort((one, other) => one.id - other.id)) {
    const cluster = clusterOf(droplet.tags);
    const key = `${cluster?.id} ${droplet.name}`;
    if (cluster && !found.has(key)) found.set(key, foundMachine(context, droplet, cluster));
  }
  return [...found.values()];
}

function foundMachine({ settings }: DropletContext, droplet: Droplet, cluster: ClusterRef): FoundMachine {
  return {
    ...recordedChange({ droplet, isPrivate: settings.privateNetworking }, settings),
    name: droplet.name,
    state: stateOf(droplet),
    size: droplet.size_slug,
    cluster,
    createdAt: new Date(droplet.created_at).toISOString(),
  };
}

function observed(droplet: Droplet, withPrivate: boolean): ObservedMachine {
  const { id, name, memory } = droplet;
  const addresses = addressesOf(droplet, withPrivate);
  return { name, id: String(id), state: stateOf(droplet), addresses, memory };
}
