import type { FoundMachine, Machine, ObservedMachine } from '../../machines/model/machine.js';
import { listMachines } from '../kit/list-machines.js';
import type { Droplet } from './api-types.js';
import { knownOf } from './create-droplets.js';
import { type Cloud, clusterDroplets } from './droplet-context.js';
import { foreignDroplets } from './droplet-lifecycle.js';
import { addressesOf, isPrivate, pick, stateOf } from './droplets.js';
import { clusterOf, everywhere } from './tags.js';

/** The known machines as they are, then those of the cluster that are not known. */
export async function list(
  cloud: Cloud,
  known: readonly Machine[],
  signal: AbortSignal,
): Promise<ObservedMachine[]> {
  const droplets = await clusterDroplets(cloud, signal);
  const foreign = await foreignDroplets(cloud, known, droplets, signal);
  return listMachines(known, {
    objects: droplets,
    find: (machine) => pick([...droplets, ...foreign], machine),
    observe: (droplet, machine) =>
      machine
        ? observed(droplet, isPrivate(machine, cloud.settings))
        : { ...observed(droplet, cloud.settings.privateNetworking), size: droplet.size_slug },
  });
}

/** Droplets of all belt's clusters in the account; of those that were made twice, the first. */
export async function discover(cloud: Cloud, signal: AbortSignal): Promise<FoundMachine[]> {
  const droplets = await cloud.api(signal).droplets(everywhere);
  const found = new Map<string, FoundMachine>();
  for (const droplet of droplets.sort((one, other) => one.id - other.id)) {
    const cluster = clusterOf(droplet.tags);
    const key = `${cluster?.id} ${droplet.name}`;
    if (cluster && !found.has(key)) found.set(key, foundMachine(cloud, droplet, cluster));
  }
  return [...found.values()];
}

function foundMachine({ settings }: Cloud, droplet: Droplet, cluster: FoundMachine['cluster']): FoundMachine {
  return {
    ...knownOf({ droplet, isPrivate: settings.privateNetworking }, settings),
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
