import type { Context } from '../app/context.js';
import { messageOf } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { applyChange } from './driver-events.js';
import { type Machine, type MachineState, type ObservedMachine, reachAddress } from './model/machine.js';

/** A machine as recorded, with what its provider says of it now. */
export interface ListedMachine {
  machine: Machine;
  state: MachineState;
  active: boolean;
  /** Why the state is not known, or what is wrong with the record. */
  error?: string;
}

/** All machines of the cluster, each driver asked once and all at the same time; one that fails takes only its own rows with it. */
export async function listMachines(context: Context): Promise<ListedMachine[]> {
  const { machines, damaged } = await context.cluster.machines();
  const [active, listed] = await Promise.all([context.cluster.activeHost(), observe(machines, context)]);
  const rows = listed.map((row) => ({ ...row, active: row.machine.name === active }));
  return [...rows, ...damaged.map(({ name, error }) => damagedRow(name, error.message))];
}

/** The given machines with their states. */
export async function observe(
  machines: readonly Machine[],
  context: Context,
): Promise<Omit<ListedMachine, 'active'>[]> {
  const byDriver = groupBy(machines, ({ driver }) => driver);
  const answers = await Promise.all(
    [...byDriver].map(([driver, mine]) => queryDriver(driver, mine, context)),
  );
  const rows = new Map(answers.flat().map((row) => [row.machine.name, row]));
  return machines.flatMap(({ name }) => rows.get(name) ?? []);
}

async function queryDriver(
  driverName: string,
  machines: readonly Machine[],
  context: Context,
): Promise<Omit<ListedMachine, 'active'>[]> {
  try {
    const driver = await context.driver(driverName);
    const observed = new Map((await driver.list(machines, context.signal)).map((seen) => [seen.name, seen]));
    return machines.map((machine) => toRow(machine, observed.get(machine.name)));
  } catch (error) {
    return machines.map((machine) => ({ machine, state: 'error', error: messageOf(error) }));
  }
}

function toRow(machine: Machine, seen: ObservedMachine | undefined): Omit<ListedMachine, 'active'> {
  const { state, ...change } = seen ?? { state: 'missing' };
  const error =
    machine.phase === 'creating'
      ? { error: 'its creation was not finished: run the same "belt create" again' }
      : {};
  return { machine: applyChange(machine, change), state, ...error };
}

/** The row of a machine whose record is damaged. */
export function damagedRow(name: string, error: string): ListedMachine {
  const machine: Machine = {
    name,
    driver: 'unknown',
    phase: 'ready',
    addresses: {},
    ssh: { user: '', port: 0 },
    driverData: {},
    createdAt: '',
  };
  return { machine, state: 'error', active: false, error };
}

/** A machine as commands show it, in tables and in `--json`. */
export interface MachineSummary {
  name: string;
  driver: string;
  state: MachineState;
  active: boolean;
  /** Where people reach it. */
  address?: string;
  size?: string;
  /** Mebibytes. */
  memory?: number;
  error?: string;
}

export function summarize({ machine, state, active, error }: ListedMachine): MachineSummary {
  const { name, driver, size, memory } = machine;
  const address = reachAddress(machine);
  return {
    name,
    driver,
    state,
    active,
    ...(address !== undefined && { address }),
    ...(size !== undefined && { size }),
    ...(memory !== undefined && { memory }),
    ...(error !== undefined && { error }),
  };
}

/** A machine that was just made or started. */
export function runningSummary(machine: Machine): MachineSummary {
  return summarize({ machine, state: 'running', active: false });
}
