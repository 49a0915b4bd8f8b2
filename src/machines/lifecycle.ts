import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { ManagerRestart } from '../app/rolling-restart.js';
import { whileClaimed } from '../app/with-claim.js';
import { groupBy } from '../base/group-by.js';
import type { Driver, MachineEvent } from '../drivers/driver.js';
import { type Completion, MachineBatch } from './driver-events.js';
import type { Machine } from './model/machine.js';
import { restoreOriginalState } from './original-state.js';
import { rebootOverSsh, restartAndAwaitBoot } from './reboot.js';
import { waitUntilReady } from './wait-until-ready.js';

/** One verb of a machine's life. */
export interface LifecycleAction extends Partial<Completion> {
  /** What it throws fails all its machines, before anything is done. */
  before?: () => Promise<void>;
  /** As in "node1 is being started by another belt", and on the machine's line when it is. */
  doneText: string;
  run: (driver: Driver, machines: readonly Machine[], signal: AbortSignal) => AsyncIterable<MachineEvent>;
}

/** How long a started machine's engine may take. */
export const readyTimeoutMs = 120_000;

/** Starts the machines and waits for their engines. */
export function startMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, mine, signal) => driver.start(mine, signal);
  return runPowerAction({ doneText: 'started', run, after: untilReady(context) }, machines, context);
}

export function stopMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, mine, signal) => driver.stop(mine, signal);
  return runPowerAction({ doneText: 'stopped', run }, machines, context);
}

/**
 * Restarts the machines and waits for their engines. Managers of a swarm go one after the other, each when the one before is back among
 * them; what comes after one that fails is skipped. All other machines follow at the same time.
 * @param force restarts managers even where their swarm loses its quorum by it for a while
 */
export function restartMachines(
  machines: readonly Machine[],
  { force = false }: { force?: boolean },
  context: Context,
): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, mine, signal) => {
    const restart = () => driver.restart?.(mine, signal) ?? rebootOverSsh(mine, context);
    return driver.restartsUnseen ? restartAndAwaitBoot(mine, restart, context) : restart();
  };
  const verb: LifecycleAction = { doneText: 'restarted', run, after: untilReady(context) };
  return inBatch(verb, machines, context, async (batch) => {
    const managers = new Set<string>();
    const { withManagerRestarts } = await context.rollingRestart();
    await withManagerRestarts(machines, { force }, async (restarts) => {
      for (const { name } of restarts) managers.add(name);
      for (const restart of restarts) {
        const machine = machines.filter(({ name }) => name === restart.name);
        await followDrivers(guardManager(verb, restart), machine, batch, context);
        if (!batch.isDone(restart.name)) break;
      }
    });
    const others = machines.filter(({ name }) => !managers.has(name));
    if (others.length > 0) await followDrivers(verb, others, batch, context);
  });
}

/** The same for a manager: asked for before, and waited for after. */
function guardManager(verb: LifecycleAction, restart: ManagerRestart): LifecycleAction {
  const { after = async (machine: Machine) => machine } = verb;
  return {
    ...verb,
    before: () => restart.require(),
    async after(machine, step) {
      const ready = await after(machine, step);
      await restart.waitUntilBack(step);
      return ready;
    },
  };
}

export function killMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, mine, signal) => driver.kill(mine, signal);
  return runPowerAction({ doneText: 'killed', run }, machines, context);
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
  const run: LifecycleAction['run'] = (driver, mine, signal) => driver.remove(mine, signal);
  const after: Completion['after'] = async (machine, step) => {
    if (!keepEngineConfig) await restoreOriginalState(machine, step, context);
    await forgetMachine(machine.name, context);
    return machine;
  };
  const outcomes = await runAction({ doneText: 'removed', run, after }, machines, context);
  if (!force) return outcomes;
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  return Promise.all(outcomes.map((outcome) => forgetFailed(outcome, byName, context)));
}

async function forgetFailed(
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
  context.reporter.warn(`${machine.name} is no longer recorded${left}: ${outcome.error.message}`);
  await forgetMachine(machine.name, context);
  return { name: machine.name, status: 'ok', value: machine };
}

/** Deletes all that belt has recorded of a machine. */
export async function forgetMachine(name: string, { cluster, knownHosts }: Context): Promise<void> {
  const hosts = await knownHosts();
  await hosts.remove([name]);
  await cluster.remove(name);
}

/** As `perform`; starting or stopping a machine also ends a resize that was interrupted. */
function runPowerAction(
  verb: LifecycleAction,
  machines: readonly Machine[],
  context: Context,
): Promise<Outcome<Machine>[]> {
  const settled = machines.map(({ resizing: _, ...machine }) => machine);
  const changed = settled.filter((_, index) => machines[index]?.resizing);
  return runAction({ ...verb, before: () => context.cluster.saveAll(changed) }, settled, context);
}

export function untilReady(context: Context): Completion['after'] {
  return async (machine, step) => {
    await waitUntilReady(machine, { timeoutMs: readyTimeoutMs, step }, context);
    return machine;
  };
}

/** Does it to all machines, each driver asked once. */
export function runAction(
  verb: LifecycleAction,
  machines: readonly Machine[],
  context: Context,
): Promise<Outcome<Machine>[]> {
  return inBatch(verb, machines, context, (batch) => followDrivers(verb, machines, batch, context));
}

/** Work on machines in one batch that no other belt touches meanwhile. */
function inBatch(
  { doneText }: LifecycleAction,
  machines: readonly Machine[],
  context: Context,
  work: (batch: MachineBatch) => Promise<void>,
): Promise<Outcome<Machine>[]> {
  const names = machines.map(({ name }) => name);
  return whileClaimed(names, doneText, context, async () => {
    const batch = new MachineBatch(machines, context);
    try {
      await work(batch);
    } catch (error) {
      await batch.close();
      throw error;
    }
    return [...(await batch.close()).values()];
  });
}

/** Each driver is asked once for all its machines. */
async function followDrivers(
  { doneText, run, before, after = async (machine: Machine) => machine }: LifecycleAction,
  machines: readonly Machine[],
  batch: MachineBatch,
  context: Context,
): Promise<void> {
  await Promise.all(
    [...groupBy(machines, ({ driver }) => driver)].map(([driverName, mine]) => {
      const names = mine.map(({ name }) => name);
      const open = async (): Promise<AsyncIterable<MachineEvent>> => {
        await before?.();
        return run(await context.driver(driverName), mine, context.signal);
      };
      return batch.follow(names, open, { after, doneText });
    }),
  );
}
