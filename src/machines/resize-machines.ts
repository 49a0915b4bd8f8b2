import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { Driver, MachineEvent } from '../drivers/driver.js';
import type { Completion } from './driver-events.js';
import { type LifecycleAction, runAction, untilReady } from './lifecycle.js';
import { observe } from './list-machines.js';
import { type Machine, reachAddress } from './model/machine.js';

/**
 * Gives machines another size. Most providers switch them off for it: that a machine ran is written down before, so that the same
 * call after an interruption starts it again.
 * @param size as the person wrote it; the driver refuses what it cannot make of it
 */
export async function resizeMachines(
  machines: readonly Machine[],
  size: string,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const rows = await observe(machines, context);
  const states = new Map(rows.map(({ machine, state }) => [machine.name, state]));
  const isOn = ({ name }: Machine): boolean => states.get(name) === 'running';
  const leftOff = new Set(
    machines.filter((machine) => machine.resizing && !isOn(machine)).map(({ name }) => name),
  );
  const run: LifecycleAction['run'] = (driver, mine, signal) =>
    driver.resizesRunning
      ? driver.resize(mine, size, signal)
      : resizeAndStart(driver, { machines: mine, size, leftOff }, signal, context);
  const before = new Map(machines.map((machine) => [machine.name, reachAddress(machine)]));
  const after: Completion['after'] = async ({ resizing: _, ...machine }, step) => {
    await context.cluster.save(machine);
    // One that was switched off for it may have come up elsewhere, and needs a certificate for that.
    const isThere = before.get(machine.name) === reachAddress(machine) && !leftOff.has(machine.name);
    return isThere ? machine : untilReady(context)(machine, step);
  };
  const marked = machines.map((machine) => (isOn(machine) ? { ...machine, resizing: true } : machine));
  return runAction({ doneText: 'resized', run, after }, marked, context);
}

/** A driver leaves off what it finds off; those that an earlier try left so are started after it. */
async function* resizeAndStart(
  driver: Driver,
  { machines, size, leftOff }: { machines: readonly Machine[]; size: string; leftOff: ReadonlySet<string> },
  signal: AbortSignal,
  { cluster }: Context,
): AsyncGenerator<MachineEvent> {
  await cluster.saveAll(machines);
  const resized = new Set<string>();
  for await (const event of driver.resize(machines, size, signal)) {
    if (event.type === 'done' && leftOff.has(event.name)) resized.add(event.name);
    else yield event;
  }
  if (resized.size === 0) return;
  yield* driver.start(
    machines.filter(({ name }) => resized.has(name)),
    signal,
  );
}
