import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { ManagerRestart } from '../app/rolling-restart.js';
import { whileClaimed } from '../app/with-claim.js';
import { groupBy } from '../base/group-by.js';
import type { Driver, MachineEvent } from '../drivers/driver.js';
import { MachineBatch, type MachineCompletion } from './driver-events.js';
import type { Machine } from './model/machine.js';
import { restoreOriginalState } from './original-state.js';
import { rebootOverSsh, restartAndAwaitBoot } from './reboot.js';
import { waitUntilReady } from './wait-until-ready.js';

export interface LifecycleAction extends Partial<MachineCompletion> {
  /** Runs before the driver; an error fails all machines of that driver. */
  before?: () => Promise<void>;
  /** As in "node1 is being started by another belt"; also the text of a finished machine's line. */
  doneText: string;
  run: (driver: Driver, machines: readonly Machine[], signal: AbortSignal) => AsyncIterable<MachineEvent>;
}

/** For the engine of a started machine. */
export const readyTimeoutMs = 120_000;

/** Managers that a recovery left behind leave their old swarm, one machine after the other. */
export function startMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, group, signal) => driver.start(group, signal);
  const { cleared, before } = endResize(machines, context);
  const action: LifecycleAction = { doneText: 'started', run, before, after: untilReady(context) };
  return inBatch(action, cleared, context, async (batch) => {
    const others = await bootAbandonedManagers(action, cleared, batch, context);
    if (others.length > 0) await followDrivers(action, others, batch, context);
  });
}

/**
 * Alone, such a manager cannot elect a leader of its old swarm. After a failure the rest are skipped.
 * @returns the other machines
 */
async function bootAbandonedManagers(
  action: LifecycleAction,
  machines: readonly Machine[],
  batch: MachineBatch,
  context: Context,
): Promise<readonly Machine[]> {
  const abandoned = await context.abandonedManagers();
  const names = await abandoned.names();
  const { after = async (machine: Machine) => machine } = action;
  const leaving: LifecycleAction = {
    ...action,
    async after(machine, step) {
      const ready = await after(machine, step);
      await abandoned.leaveOldSwarm(ready, step);
      return ready;
    },
  };
  for (const machine of machines.filter(({ name }) => names.has(name))) {
    await followDrivers(leaving, [machine], batch, context);
    if (!batch.isDone(machine.name)) break;
  }
  return machines.filter(({ name }) => !names.has(name));
}

export function stopMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, group, signal) => driver.stop(group, signal);
  return runPowerAction({ doneText: 'stopped', run }, machines, context);
}

/**
 * Managers restart one after another, each when the one before has rejoined its swarm; after a
 * failure the rest are skipped. Other machines restart in parallel.
 * @param force restarts managers even when their swarm loses its quorum temporarily
 */
export function restartMachines(
  machines: readonly Machine[],
  { force = false }: { force?: boolean },
  context: Context,
): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, group, signal) => {
    const restart = () => driver.restart?.(group, signal) ?? rebootOverSsh(group, context);
    return driver.restartsUnseen ? restartAndAwaitBoot(group, restart, context) : restart();
  };
  const action: LifecycleAction = { doneText: 'restarted', run, after: untilReady(context) };
  return inBatch(action, machines, context, async (batch) => {
    const current = await bootAbandonedManagers(action, machines, batch, context);
    const managers = new Set<string>();
    const { withManagerRestarts } = await context.rollingRestart();
    await withManagerRestarts(current, { force }, async (restarts) => {
      for (const { name } of restarts) managers.add(name);
      for (const restart of restarts) {
        const machine = current.filter(({ name }) => name === restart.name);
        await followDrivers(guardManager(action, restart), machine, batch, context);
        if (!batch.isDone(restart.name)) break;
      }
    });
    const others = current.filter(({ name }) => !managers.has(name));
    if (others.length > 0) await followDrivers(action, others, batch, context);
  });
}

function guardManager(action: LifecycleAction, restart: ManagerRestart): LifecycleAction {
  const { after = async (machine: Machine) => machine } = action;
  return {
    ...action,
    before: () => restart.require(),
    async after(machine, step) {
      const ready = await after(machine, step);
      await restart.waitUntilBack(step);
      return ready;
    },
  };
}

export function killMachines(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, group, signal) => driver.kill(group, signal);
  return runPowerAction({ doneText: 'killed', run }, machines, context);
}

/**
 * Adopted servers are restored unless `keepEngineConfig`; records of missing machines are deleted.
 * With `force`, so are those of machines that cannot be destroyed, with a warning.
 */
export async function removeMachines(
  machines: readonly Machine[],
  { force, keepEngineConfig = false }: { force: boolean; keepEngineConfig?: boolean },
  context: Context,
): Promise<Outcome<Machine>[]> {
  const run: LifecycleAction['run'] = (driver, group, signal) => driver.remove(group, signal);
  const after: MachineCompletion['after'] = async (machine, step) => {
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
  // Without a working driver the machine may still exist.
  const driver = await context.driver(machine.driver).catch(() => undefined);
  const id = machine.id === undefined ? machine.driver : `${machine.driver} ${machine.id}`;
  const remains = driver?.adopt ? '' : `, but may still exist (${id})`;
  context.reporter.warn(`${machine.name} is no longer recorded${remains}: ${outcome.error.message}`);
  await forgetMachine(machine.name, context);
  return { name: machine.name, status: 'ok', value: machine };
}

export async function forgetMachine(name: string, { cluster, knownHosts }: Context): Promise<void> {
  const hosts = await knownHosts();
  await hosts.remove([name]);
  await cluster.remove(name);
}

function runPowerAction(
  action: LifecycleAction,
  machines: readonly Machine[],
  context: Context,
): Promise<Outcome<Machine>[]> {
  const { cleared, before } = endResize(machines, context);
  return runAction({ ...action, before }, cleared, context);
}

/** Starting or stopping a machine also ends an interrupted resize. */
function endResize(
  machines: readonly Machine[],
  { cluster }: Context,
): { cleared: Machine[]; before: () => Promise<void> } {
  const cleared = machines.map(({ resizing: _, ...machine }) => machine);
  const changed = cleared.filter((_, index) => machines[index]?.resizing);
  return { cleared, before: () => cluster.saveAll(changed) };
}

export function untilReady(context: Context): MachineCompletion['after'] {
  return async (machine, step) => {
    await waitUntilReady(machine, { timeoutMs: readyTimeoutMs, step }, context);
    await (await context.unlockKeys()).unlock(machine, step);
    return machine;
  };
}

/** Calls each driver once, with all its machines. */
export function runAction(
  action: LifecycleAction,
  machines: readonly Machine[],
  context: Context,
): Promise<Outcome<Machine>[]> {
  return inBatch(action, machines, context, (batch) => followDrivers(action, machines, batch, context));
}

function inBatch(
  { doneText }: LifecycleAction,
  machines: readonly Machine[],
  context: Context,
  work: (batch: MachineBatch) => Promise<void>,
): Promise<Outcome<Machine>[]> {
  return whileClaimed(machines, doneText, context, async () => {
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

async function followDrivers(
  { doneText, run, before, after = async (machine: Machine) => machine }: LifecycleAction,
  machines: readonly Machine[],
  batch: MachineBatch,
  context: Context,
): Promise<void> {
  await Promise.all(
    [...groupBy(machines, ({ driver }) => driver)].map(([driverName, group]) => {
      const names = group.map(({ name }) => name);
      const open = async (): Promise<AsyncIterable<MachineEvent>> => {
        await before?.();
        return run(await context.driver(driverName), group, context.signal);
      };
      return batch.follow(names, open, { after, doneText });
    }),
  );
}
