import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { messageOf } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { forgetMachine, removeMachines } from './lifecycle.js';
import { observe } from './list-machines.js';
import type { Machine, ObservedMachine } from './model/machine.js';

/** What records and providers do not agree on. */
export interface Leftovers {
  /** Machines of the cluster at a provider that no record knows: an interrupted run, or a lost folder, left them. */
  strays: Machine[];
  /** Records whose machines are gone at the provider. */
  gone: Machine[];
  /** Drivers whose providers could not be asked: what there is of theirs is not known. */
  notAsked: string[];
}

/**
 * Compares the cluster's records with what the providers have of it, each asked once.
 * @param drivers further drivers to ask than those that the records name
 * @throws AbortError
 */
export async function findLeftovers(drivers: readonly string[], context: Context): Promise<Leftovers> {
  const { machines, damaged } = await context.cluster.machines();
  for (const { error } of damaged) context.reporter.warn(error.message);
  const byDriver = groupBy(machines, ({ driver }) => driver);
  const asked = new Set([...drivers, ...byDriver.keys()]);
  // Whose record cannot be read is known all the same.
  const known = new Set([...machines, ...damaged].map(({ name }) => name));
  const answers = await Promise.all(
    [...asked].map(async (driver) => ({
      driver,
      strays: await straysOf(driver, byDriver.get(driver) ?? [], known, context),
    })),
  );
  const rows = await observe(machines, context);
  context.signal.throwIfAborted();
  const gone = rows.filter(({ state, machine }) => state === 'missing' && machine.phase === 'ready');
  return {
    strays: answers.flatMap(({ strays }) => strays ?? []),
    gone: gone.map(({ machine }) => machine),
    notAsked: answers.flatMap(({ driver, strays }) => (strays ? [] : [driver])),
  };
}

/** Destroys the strays and forgets the records of what is gone. */
export async function removeLeftovers(
  { strays, gone }: Pick<Leftovers, 'strays' | 'gone'>,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const outcomes = strays.length > 0 ? await removeMachines(strays, { force: false }, context) : [];
  for (const machine of gone) await forgetMachine(machine.name, context);
  return [
    ...outcomes,
    ...gone.map((machine): Outcome<Machine> => ({ name: machine.name, status: 'ok', value: machine })),
  ];
}

/** @returns undefined, with a warning, where the provider cannot be asked */
async function straysOf(
  driverName: string,
  machines: readonly Machine[],
  known: ReadonlySet<string>,
  context: Context,
): Promise<Machine[] | undefined> {
  try {
    const driver = await context.driver(driverName);
    const observed = await driver.list(machines, context.signal);
    return observed.flatMap((seen) =>
      known.has(seen.name) || seen.state === 'missing' ? [] : [strayMachine(driverName, seen)],
    );
  } catch (error) {
    context.signal.throwIfAborted();
    context.reporter.warn(`${driverName} cannot be queried: ${messageOf(error)}`);
    return undefined;
  }
}

function strayMachine(
  driver: string,
  { name, id, addresses = {}, size, driverData = {} }: ObservedMachine,
): Machine {
  return {
    name,
    driver,
    phase: 'creating',
    ...(id !== undefined && { id }),
    ...(size !== undefined && { size }),
    addresses,
    ssh: { user: 'root', port: 22 },
    driverData,
    createdAt: new Date().toISOString(),
  };
}
