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
import { namesOf, type StageContext, type StepOf } from './stage-context.js';

type Steps = readonly StepOf<'create'>[];

export async function checkCreations(steps: Steps, stage: StageContext): Promise<void> {
  for (const batch of await batchesOf(steps, stage)) await checkCreation(batch, stage.context);
}

/** A driver that cannot start fails only its own machines. @throws AbortError */
export async function createGroupMachines(steps: Steps, stage: StageContext): Promise<Outcome<unknown>[]> {
  for (const { name, recreate } of steps) if (recreate) await forgetMachine(name, stage.context);
  const batches = await batchesOf(steps, stage);
  const create = (batch: CreateInput): Promise<Outcome<unknown>[]> =>
    outcomesOfBatch(batch.names, () => createMachines(batch, stage.context), stage.context.signal);
  return (await allFinished(batches.map(create))).flat();
}

async function batchesOf(steps: Steps, stage: StageContext): Promise<CreateInput[]> {
  const wanted = new Set(namesOf(steps));
  const alike = groupBy(stage.input.groups, ({ driver, settings }) =>
    JSON.stringify([driver, valuesIn(settings)]),
  );
  const needed = [...alike.values()].filter((groups) =>
    groups.some(({ nodes }) => nodes.some((name) => wanted.has(name))),
  );
  return Promise.all(needed.map((groups) => batchOf(groups, wanted, stage)));
}

function valuesIn(settings: Group['settings']): [string, unknown][] {
  const values = Object.entries(settings).map(([key, { value }]): [string, unknown] => [key, value]);
  return values.sort(([one], [other]) => (one < other ? -1 : 1));
}

/** A driver that adopts servers assigns addresses to all names, in order. */
async function batchOf(
  groups: readonly Group[],
  wanted: ReadonlySet<string>,
  { context, input }: StageContext,
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
