import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import type { MachineEvent } from '../drivers/driver.js';
import { applyChange } from './apply-change.js';
import type { Machine } from './model/machine.js';

/**
 * Follows a driver's work on one machine, for operations that show their own progress and hold
 * their own claim: records each change as the driver reports it.
 * @returns the machine as it is then
 * @throws what the driver failed with; AbortError
 */
export async function followOne(
  machine: Machine,
  events: AsyncIterable<MachineEvent>,
  step: Step,
  { cluster, signal }: Context,
): Promise<Machine> {
  let now = machine;
  for await (const event of events) {
    if (event.type === 'progress') step(event.text);
    if (event.type === 'failed') throw event.error;
    if (event.type === 'changed') {
      now = applyChange(now, event.change);
      await cluster.save(now);
    }
  }
  signal.throwIfAborted();
  return now;
}
