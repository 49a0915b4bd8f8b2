import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { Driver, MachineEvent } from '../drivers/driver.js';
import type { MachineCompletion } from './driver-events.js';
import { type LifecycleAction, runAction, untilReady } from './lifecycle.js';
import { observe } from './list-machines.js';
import { type Machine, reachAddress } from './model/machine.js';

/**
 * Most providers stop a machine to resize it; the mark `resizing` lets a second call start it
 * again.
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
  const run: LifecycleAction['run'] = (driver, group, signal) =>
    driver.resizesRunning
      ? driver.resize(group, size, signal)
      : resizeAndStart(driver, { machines: group, size, leftOff }, signal, context);
  const before = new Map(machines.map((machine) => [machine.name, reachAddress(machine)]));
  const after: MachineCompletion['after'] = async ({ resizing: _, ...machine }, step) => {
    await context.cluster.save(machine);
    // It may have a new address, and needs a certificate for that.
    const isUnaffected = before.get(machine.name) === reachAddress(machine) && !leftOff.has(machine.name);
    if (!isUnaffected) return untilReady(context)(machine, step);
    await (await context.unlockKeys()).unlock(machine, step);
    return machine;
  };
  const marked = machines.map((machine) => (isOn(machine) ? { ...machine, resizing: true } : machine));
  return runAction({ doneText: 'resized', run, after }, marked, context);
}

/** Drivers leave stopped machines stopped: this starts those that an interrupted resize stopped. */
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
