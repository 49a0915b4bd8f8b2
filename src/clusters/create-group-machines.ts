import { allFinished, type Outcome, outcomesOfBatch } from '../app/fan-out.js';
import { groupBy } from '../base/group-by.js';
import {
  type CreateInput,
  checkCreation,
  createMachines,
  type MachineShape,
} from '../machines/create-machines.js';
import { forgetMachine } from '../machines/lifecycle.js';
import type { Group } from './model/group.js';
import { namesOf, type StepOf, type Work } from './stage-work.js';

type Steps = readonly StepOf<'create'>[];

/** Refuses machines that cannot be made. @throws UserError */
export async function checkMaking(steps: Steps, work: Work): Promise<void> {
  for (const batch of await batchesOf(steps, work)) await checkCreation(batch, work.context);
}

/**
 * All drivers at the same time, each asked once for all machines that have the same settings. One
 * that cannot begin fails its own machines alone.
 * @throws AbortError once none is at work any more
 */
export async function makeMachines(steps: Steps, work: Work): Promise<Outcome<unknown>[]> {
  for (const { name, recreate } of steps) if (recreate) await forgetMachine(name, work.context);
  const batches = await batchesOf(steps, work);
  const make = (batch: CreateInput): Promise<Outcome<unknown>[]> =>
    outcomesOfBatch(batch.names, () => createMachines(batch, work.context), work.context.signal);
  return (await allFinished(batches.map(make))).flat();
}

async function batchesOf(steps: Steps, work: Work): Promise<CreateInput[]> {
  const wanted = new Set(namesOf(steps));
  const alike = groupBy(work.input.groups, ({ driver, settings }) =>
    JSON.stringify([driver, valuesIn(settings)]),
  );
  const needed = [...alike.values()].filter((groups) =>
    groups.some(({ nodes }) => nodes.some((name) => wanted.has(name))),
  );
  return Promise.all(needed.map((groups) => batchOf(groups, wanted, work)));
}

/** Where a setting is written makes no difference. */
function valuesIn(settings: Group['settings']): [string, unknown][] {
  const values = Object.entries(settings).map(([key, { value }]): [string, unknown] => [key, value]);
  return values.sort(([one], [other]) => (one < other ? -1 : 1));
}

/** A driver of machines that exist deals their addresses out to all names, in their order. */
async function batchOf(
  groups: readonly Group[],
  wanted: ReadonlySet<string>,
  { context, input }: Work,
): Promise<CreateInput> {
  const [{ driver, settings }] = groups as [Group];
  const { adopt } = await context.driver(driver, settings);
  const shapes = new Map(
    groups.flatMap((group) => group.nodes.map((name) => [name, shapeIn(group)] as const)),
  );
  const all = [...shapes.keys()];
  const names = adopt ? all : all.filter((name) => wanted.has(name));
  return { names, driver, settings, shapes, acceptExisting: true, timeoutMs: input.timeoutMs };
}

function shapeIn({ size, engine }: Group): MachineShape {
  return { engine, ...(size !== undefined && { size }) };
}
