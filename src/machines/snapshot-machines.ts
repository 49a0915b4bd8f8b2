import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { UserError } from '../base/errors.js';
import type { Driver, MachineEvent, SnapshotRequest } from '../drivers/driver.js';
import { type LifecycleAction, runAction } from './lifecycle.js';
import type { Machine } from './model/machine.js';

export interface Snapshot {
  machine: string;
  name: string;
  id: string;
}

interface SnapshotInput {
  /** The image's name, or for several machines its prefix. Default: the machine's name. */
  name?: string | undefined;
  /** Part of generated names. */
  now: Date;
}

/** @throws UserError, with nothing done, when a driver does not support snapshots */
export async function snapshotMachines(
  machines: readonly Machine[],
  input: SnapshotInput,
  context: Context,
): Promise<Outcome<Snapshot>[]> {
  for (const machine of machines) await requireSnapshots(machine, context);
  const requests = new Map(
    machines.map((machine) => [machine.name, requestFor(machine, machines.length, input)]),
  );
  const ids = new Map<string, string>();
  const run: LifecycleAction['run'] = (driver, group, signal) =>
    collectIds(
      driver,
      group.flatMap(({ name }) => requests.get(name) ?? []),
      ids,
      signal,
    );
  const outcomes = await runAction({ doneText: 'snapshot created', run }, machines, context);
  return outcomes.map((outcome): Outcome<Snapshot> => {
    if (outcome.status !== 'ok') return outcome;
    const { name: machine } = outcome;
    const value = { machine, name: requests.get(machine)?.imageName ?? '', id: ids.get(machine) ?? '' };
    return { ...outcome, value };
  });
}

async function requireSnapshots({ name, driver }: Machine, context: Context): Promise<void> {
  if ((await context.driver(driver)).snapshot) return;
  throw new UserError(`cannot create a snapshot of ${name}: the driver ${driver} does not support snapshots`);
}

/** `node1-20260102-0304` by default, `NAME`, or for several machines `NAME-node1`. */
function requestFor(machine: Machine, count: number, { name, now }: SnapshotInput): SnapshotRequest {
  const time = now.toISOString().slice(0, 16).replaceAll(/[-:]/g, '').replace('T', '-');
  if (name === undefined) return { machine, imageName: `${machine.name}-${time}` };
  return { machine, imageName: count === 1 ? name : `${name}-${machine.name}` };
}

async function* collectIds(
  driver: Driver,
  requests: readonly SnapshotRequest[],
  ids: Map<string, string>,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  for await (const event of driver.snapshot?.(requests, signal) ?? []) {
    if (event.type === 'kept') ids.set(event.name, event.id);
    else yield event;
  }
}
