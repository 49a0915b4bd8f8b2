import { mapLimited } from '../../base/map-limit.js';
import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import { atOnce } from './event-stream.js';

/** How a driver sees the provider's objects: droplets, instances, VMs. */
export interface Inventory<T> {
  /** Everything that belongs to the cluster, and whatever else `find` may need. */
  objects: readonly T[];
  find(machine: Machine): T | undefined;
  /** @returns undefined for an object that has disappeared since it was listed */
  observe(object: T, machine: Machine | undefined): Promise<ObservedMachine | undefined> | ObservedMachine;
  /** Whether an object that matches no recorded machine belongs to the cluster. Default: all do. */
  isStray?(object: T): boolean;
}

/**
 * The recorded machines as the provider has them, then the strays of the cluster: those that no
 * record matches.
 */
export async function listMachines<T>(
  known: readonly Machine[],
  { objects, find, observe, isStray = () => true }: Inventory<T>,
): Promise<ObservedMachine[]> {
  const matches = known.map((machine) => ({ machine, object: find(machine) }));
  const matched = new Set(matches.map(({ object }) => object));
  const strays = objects.filter((object) => !matched.has(object) && isStray(object));
  const all = [...matches, ...strays.map((object) => ({ machine: undefined, object }))];
  const observed = await mapLimited(all, atOnce, async ({ machine, object }) => {
    const found = object === undefined ? undefined : await observe(object, machine);
    if (!machine) return found;
    const { name } = machine;
    return found ? { ...found, name } : { name, state: 'missing' as const };
  });
  return observed.filter((machine) => machine !== undefined);
}
