import type { Driver, MachineEvent } from '../../drivers/driver.js';
import { groupBy } from '../../machines/group.js';
import type { Machine } from '../../machines/machine.js';
import type { Context } from '../context.js';
import type { Outcome } from '../fan-out.js';
import { Batch, type Following } from './batch.js';
import { leaveAsFound } from './leave.js';
import { awaitReady } from './ready.js';
import { restartFromWithin } from './reboot.js';

/** One verb of a machine's life. */
interface Verb extends Partial<Following> {
  /** As in "node1 is being started by another belt", and on the machine's line when it is. */
  doneText: string;
  ask: (driver: Driver, machines: readonly Machine[], signal: AbortSignal) => AsyncIterable<MachineEvent>;
}

/** How long a started machine's engine may take. */
const readyTimeoutMs = 120_000;

/** Starts the machines and waits for their engines. */
export function startMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const ask: Verb['ask'] = (driver, mine, signal) => driver.start(mine, signal);
  return perform({ doneText: 'started', ask, after: untilReady(context) }, machines, context);
}

export function stopMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const ask: Verb['ask'] = (driver, mine, signal) => driver.stop(mine, signal);
  return perform({ doneText: 'stopped', ask }, machines, context);
}

/** Restarts the machines and waits for their engines. */
export function restartMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const ask: Verb['ask'] = (driver, mine, signal) =>
    driver.restart?.(mine, signal) ?? restartFromWithin(mine, context);
  return perform({ doneText: 'restarted', ask, after: untilReady(context) }, machines, context);
}

export function killMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const ask: Verb['ask'] = (driver, mine, signal) => driver.kill(mine, signal);
  return perform({ doneText: 'killed', ask }, machines, context);
}

/** `size` as the person wrote it; the driver refuses what it cannot make of it. */
export function resizeMachines(
  machines: readonly Machine[],
  size: string,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const ask: Verb['ask'] = (driver, mine, signal) => driver.resize(mine, size, signal);
  return perform({ doneText: 'resized', ask }, machines, context);
}

/**
 * Destroys the machines and forgets them; adopted servers are left as they were found, unless `keepEngineConfig`. A record whose machine is gone already is forgotten too; with `force` also one whose
 * machine could not be destroyed, said with a warning that names what may be left.
 */
export async function removeMachines(
  machines: readonly Machine[],
  { force, keepEngineConfig = false }: { force: boolean; keepEngineConfig?: boolean },
  context: Context,
): Promise<Outcome<Machine>[]> {
  const ask: Verb['ask'] = (driver, mine, signal) => driver.remove(mine, signal);
  const after: Following['after'] = async (machine, step) => {
    if (!keepEngineConfig) await leaveAsFound(machine, step, context);
    await forgetMachine(machine.name, context);
    return machine;
  };
  const outcomes = await perform({ doneText: 'removed', ask, after }, machines, context);
  if (!force) return outcomes;
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  return Promise.all(outcomes.map((outcome) => forgetAnyway(outcome, byName, context)));
}

async function forgetAnyway(
  outcome: Outcome<Machine>,
  machines: Map<string, Machine>,
  context: Context,
): Promise<Outcome<Machine>> {
  const machine = machines.get(outcome.name);
  if (outcome.status !== 'failed' || !machine) return outcome;
  // A driver that cannot be opened says nothing of its machines: they may be left.
  const driver = await context.driver(machine.driver).catch(() => undefined);
  const id = machine.id === undefined ? machine.driver : `${machine.driver} ${machine.id}`;
  const left = driver?.adopt ? '' : `, but may still exist (${id})`;
  context.reporter.warn(`${machine.name} is forgotten${left}: ${outcome.error.message}`);
  await forgetMachine(machine.name, context);
  return { name: machine.name, status: 'ok', value: machine };
}

/** Deletes all that belt has recorded of a machine. */
export async function forgetMachine(name: string, { cluster, knownHosts }: Context): Promise<void> {
  const hosts = await knownHosts();
  await hosts.remove([name]);
  await cluster.remove(name);
}

function untilReady(context: Context): Following['after'] {
  return async (machine, step) => {
    await awaitReady(machine, { timeoutMs: readyTimeoutMs, step }, context);
    return machine;
  };
}

async function perform(
  verb: Verb,
  machines: readonly Machine[],
  context: Context,
): Promise<Outcome<Machine>[]> {
  const { doneText, ask, after = async (machine: Machine) => machine } = verb;
  const claim = await context.cluster.claim(
    machines.map(({ name }) => name),
    doneText,
  );
  try {
    const batch = new Batch(machines, context);
    await Promise.all(
      [...groupBy(machines, ({ driver }) => driver)].map(([driverName, mine]) => {
        const names = mine.map(({ name }) => name);
        const open = async (): Promise<AsyncIterable<MachineEvent>> =>
          ask(await context.driver(driverName), mine, context.signal);
        return batch.follow(names, open, { after, doneText });
      }),
    );
    return [...(await batch.close()).values()];
  } finally {
    await claim.release();
  }
}
