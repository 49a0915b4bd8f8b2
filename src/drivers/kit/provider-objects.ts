import { UserError } from '../../base/errors.js';
import { mapLimited } from '../../base/map-limit.js';
import type { Machine, ObservedMachine } from '../../machines/model/machine.js';
import type { MachineSpec } from '../driver.js';
import { concurrency } from './event-stream.js';

interface ProviderObjects<T> {
  /** The cluster's, and others that `find` may need. */
  objects: readonly T[];
  find(machine: Machine): T | undefined;
  /** @returns undefined for an object that has disappeared since it was listed */
  observe(object: T, machine: Machine | undefined): Promise<ObservedMachine | undefined> | ObservedMachine;
  /** Whether an object that matches no recorded machine belongs to the cluster. Default: all do. */
  isStray?(object: T): boolean;
}

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
 * A stray has another host key, and possibly data, so its name cannot be used for a new machine.
 * @param isResumable whether an earlier create was interrupted
 * @param found completes "FOUND NAME": `EC2 has an instance`. @throws UserError
 */
export function requireNoStrays(
  specs: readonly MachineSpec[],
  names: ReadonlySet<string>,
  isResumable: (spec: MachineSpec) => boolean,
  { found, driver }: { found: string; driver: string },
): void {
  const stray = specs.find((spec) => names.has(spec.name) && !isResumable(spec));
  if (!stray) return;
  throw new UserError(`${found} ${stray.name} of this cluster without a record`, {
    hint: `inspect and remove it with "belt gc -d ${driver}", or choose another name`,
  });
}

/**
 * Creates what the machines of a cluster share (a key, a firewall) once.
 * @param existing finds it after a failed `create`: by another process, or with a lost response
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
