import type { Context } from '../app/context.js';
import { messageOf } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { applyChange } from './driver-events.js';
import { type Machine, type MachineState, type ObservedMachine, reachAddress } from './model/machine.js';

/** A record with the provider's current state. */
export interface ListedMachine {
  machine: Machine;
  state: MachineState;
  active: boolean;
  /** Why the state is unknown, or what is wrong with the record. */
  error?: string;
}

/** Queries all drivers at the same time, each once; a failing driver only affects its own rows. */
export async function listMachines(context: Context): Promise<ListedMachine[]> {
  const { machines, damaged } = await context.cluster.machines();
  const [active, listed] = await Promise.all([context.cluster.activeMachine(), observe(machines, context)]);
  const rows = listed.map((row) => ({ ...row, active: row.machine.name === active }));
  return [...rows, ...damaged.map(({ name, error }) => damagedRow(name, error.message))];
}

export async function observe(
  machines: readonly Machine[],
  context: Context,
): Promise<Omit<ListedMachine, 'active'>[]> {
  const byDriver = groupBy(machines, ({ driver }) => driver);
  const rowsPerDriver = await Promise.all(
    [...byDriver].map(([driver, group]) => queryDriver(driver, group, context)),
  );
  const rows = new Map(rowsPerDriver.flat().map((row) => [row.machine.name, row]));
  return machines.flatMap(({ name }) => rows.get(name) ?? []);
}

async function queryDriver(
  driverName: string,
  machines: readonly Machine[],
  context: Context,
): Promise<Omit<ListedMachine, 'active'>[]> {
  try {
    const driver = await context.driver(driverName);
    const observed = new Map(
      (await driver.list(machines, context.signal)).map((observed) => [observed.name, observed]),
    );
    return machines.map((machine) => toRow(machine, observed.get(machine.name)));
  } catch (error) {
    return machines.map((machine) => ({ machine, state: 'error', error: messageOf(error) }));
  }
}

function toRow(machine: Machine, observed: ObservedMachine | undefined): Omit<ListedMachine, 'active'> {
  const { state, ...change } = observed ?? { state: 'missing' };
  const error =
    machine.phase === 'creating'
      ? { error: 'its creation was not finished: run the same "belt create" again' }
      : {};
  return { machine: applyChange(machine, change), state, ...error };
}

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

/** A machine in tables and in `--json`. */
export interface MachineSummary {
  name: string;
  driver: string;
  state: MachineState;
  active: boolean;
  address?: string;
  size?: string;
  /** MiB. */
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

export function runningSummary(machine: Machine): MachineSummary {
  return summarize({ machine, state: 'running', active: false });
}
