import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { whileClaimed } from '../app/with-claim.js';
import { messageOf } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { neverRecorded } from '../state/cluster-store.js';
import { deleteLeftoverFiles, findLeftoverFiles, type LeftoverFile } from './leftover-files.js';
import { forgetMachine, removeMachines } from './lifecycle.js';
import { observe } from './list-machines.js';
import type { Machine, ObservedMachine } from './model/machine.js';

/** Differences between records and providers, and files on running machines. */
export interface Leftovers {
  /** The cluster's machines at a provider without a record, left by interrupted runs. */
  strays: Machine[];
  /** Records whose machines no longer exist at the provider. */
  gone: Machine[];
  files: LeftoverFile[];
  /** Drivers whose providers could not be queried. */
  notAsked: string[];
}

/** @param drivers to query in addition to those of the records. @throws AbortError */
export async function findLeftovers(drivers: readonly string[], context: Context): Promise<Leftovers> {
  const { machines, damaged } = await context.cluster.machines();
  for (const { error } of damaged) context.reporter.warn(error.message);
  const byDriver = groupBy(machines, ({ driver }) => driver);
  const queried = new Set([...drivers, ...byDriver.keys()]);
  // A machine with a damaged record is not a stray.
  const known = new Set([...machines, ...damaged].map(({ name }) => name));
  const results = await Promise.all(
    [...queried].map(async (driver) => ({
      driver,
      strays: await straysOf(driver, byDriver.get(driver) ?? [], known, context),
    })),
  );
  const rows = await observe(machines, context);
  context.signal.throwIfAborted();
  const running = rows.filter(({ state }) => state === 'running').map(({ machine }) => machine);
  const gone = rows.filter(({ state, machine }) => state === 'missing' && machine.phase === 'ready');
  return {
    strays: results.flatMap(({ strays }) => strays ?? []),
    gone: gone.map(({ machine }) => machine),
    files: await findLeftoverFiles(running, context),
    notAsked: results.flatMap(({ driver, strays }) => (strays ? [] : [driver])),
  };
}

/** Destroys the strays, deletes the records of missing machines, and the files. */
export async function removeLeftovers(
  { strays, gone, files }: Pick<Leftovers, 'strays' | 'gone' | 'files'>,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const outcomes = strays.length > 0 ? await removeMachines(strays, { force: false }, context) : [];
  await whileClaimed(gone, 'removed', context, async () => {
    for (const { name } of gone) await forgetMachine(name, context);
  });
  return [
    ...outcomes,
    ...gone.map((machine): Outcome<Machine> => ({ name: machine.name, status: 'ok', value: machine })),
    ...(files.length > 0 ? await deleteLeftoverFiles(files, context) : []),
  ];
}

/** @returns undefined, with a warning, when the provider cannot be queried */
async function straysOf(
  driverName: string,
  machines: readonly Machine[],
  known: ReadonlySet<string>,
  context: Context,
): Promise<Machine[] | undefined> {
  try {
    const driver = await context.driver(driverName);
    const observed = await driver.list(machines, context.signal);
    return observed.flatMap((machine) =>
      known.has(machine.name) || machine.state === 'missing' ? [] : [strayMachine(driverName, machine)],
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
    createdAt: neverRecorded,
  };
}
