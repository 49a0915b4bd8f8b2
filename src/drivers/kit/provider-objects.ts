import { UserError } from '../../base/errors.js';
import { mapLimited } from '../../base/map-limit.js';
import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import type { MachineSpec } from '../driver.js';
import { concurrency } from './event-stream.js';

/** How a driver sees the provider's objects: droplets, instances, VMs. */
export interface ProviderObjects<T> {
  /** Everything that belongs to the cluster, and whatever else `find` may need. */
  objects: readonly T[];
  find(machine: Machine): T | undefined;
  /** @returns undefined for an object that has disappeared since it was listed */
  observe(object: T, machine: Machine | undefined): Promise<ObservedMachine | undefined> | ObservedMachine;
  /** Whether an object that matches no recorded machine belongs to the cluster. Default: all do. */
  isStray?(object: T): boolean;
}

/** The recorded machines as the provider has them, then the cluster's strays. */
export async function listMachines<T>(
  known: readonly Machine[],
  { objects, find, observe, isStray = () => true }: ProviderObjects<T>,
): Promise<ObservedMachine[]> {
  const matches = known.map((machine) => ({ machine, object: find(machine) }));
  const matched = new Set(matches.map(({ object }) => object));
  const strays = objects.filter((object) => !matched.has(object) && isStray(object));
  const all = [...matches, ...strays.map((object) => ({ machine: undefined, object }))];
  const observed = await mapLimited(all, concurrency, async ({ machine, object }) => {
    const found = object === undefined ? undefined : await observe(object, machine);
    if (!machine) return found;
    const { name } = machine;
    return found ? { ...found, name } : { name, state: 'missing' as const };
  });
  return observed.filter((machine) => machine !== undefined);
}

/**
 * Refuses to create a machine whose name the provider already has in this cluster, unless an
 * earlier create began it: a stray has another host key, and possibly data.
 * @param isBegun whether the record shows an earlier, interrupted create
 * @param object what the provider calls a machine, with its article and the provider: `EC2 has an
 *   instance`
 * @throws UserError
 */
export function requireNoStrays(
  specs: readonly MachineSpec[],
  names: ReadonlySet<string>,
  isBegun: (spec: MachineSpec) => boolean,
  { found, driver }: { found: string; driver: string },
): void {
  const stray = specs.find((spec) => names.has(spec.name) && !isBegun(spec));
  if (!stray) return;
  throw new UserError(`${found} ${stray.name} of this cluster that no record knows`, {
    hint: `inspect and remove it with "belt gc -d ${driver}", or choose another name`,
  });
}

/**
 * Finds what the machines of a cluster share (a key, a firewall), or creates it once.
 * @param existing what there is after `create` failed: another process may have created it at the
 *   same time, or the response was lost. Undefined: nothing, and the error is thrown
 */
export async function ensureShared<T>(
  find: () => Promise<T | undefined>,
  create: () => Promise<T>,
  existing: (error: unknown) => Promise<T | undefined>,
): Promise<T> {
  const found = await find();
  if (found !== undefined) return found;
  try {
    return await create();
  } catch (error) {
    const other = await existing(error);
    if (other !== undefined) return other;
    throw error;
  }
}
