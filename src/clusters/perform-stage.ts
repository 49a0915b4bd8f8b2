import { allFinished, type Outcome, outcomesOfBatch } from '../app/fan-out.js';
import { inStage } from '../app/in-stage.js';
import { groupBy } from '../base/group-by.js';
import { plural } from '../base/plural.js';
import { startMachines } from '../machines/lifecycle.js';
import { resizeMachines } from '../machines/resize-machines.js';
import { demoteNodes, promoteNodes } from '../swarm/change-roles.js';
import { removeSwarmMachines } from '../swarm/remove-machines.js';
import { upgradeNodes } from '../swarm/upgrade/upgrade-nodes.js';
import { checkMaking, makeMachines } from './create-group-machines.js';
import { beginSwarm, joinAll } from './join-groups.js';
import type { Stage, Step } from './model/plan-stages.js';
import { setEngines } from './set-engines.js';
import { awaitNodes, forgetNodes, setNodes, takeOut } from './set-nodes.js';
import { type Kind, machinesOf, namesOf, type StepOf, type Work } from './stage-work.js';

export interface StepEnd {
  step: Step;
  outcome: Outcome<unknown>;
}

type Operation<K extends Kind> = (steps: readonly StepOf<K>[], work: Work) => Promise<Outcome<unknown>[]>;

/**
 * The operation for each kind of step; all steps of a kind in a stage are performed in one call.
 */
const operations: { readonly [K in Kind]: Operation<K> } = {
  create: makeMachines,
  start: (steps, work) => startMachines(machinesOf(steps, work), work.context),
  forget: forgetNodes,
  await: awaitNodes,
  init: beginSwarm,
  join: joinAll,
  promote: (steps, { context }) => promoteNodes(namesOf(steps), context),
  demote: (steps, { input, context }) => demoteNodes(namesOf(steps), input, context),
  set: setNodes,
  engine: setEngines,
  resize: resizeAll,
  remove: removeAll,
};

const titles: { readonly [K in Kind]: (count: number) => string } = {
  create: (count) => `Creating ${plural(count, 'machine')}`,
  start: (count) => `Starting ${plural(count, 'machine')}`,
  forget: (count) => `Removing ${plural(count, 'stale node')}`,
  await: (count) => `Waiting for ${plural(count, 'node')}`,
  init: () => 'Initializing the swarm',
  join: (count) => `Joining ${plural(count, 'node')}`,
  promote: (count) => `Promoting ${plural(count, 'node')}`,
  demote: (count) => `Demoting ${plural(count, 'node')}`,
  set: (count) => `Updating ${plural(count, 'node')}`,
  engine: (count) => `Configuring ${plural(count, 'engine')}`,
  resize: (count) => `Resizing ${plural(count, 'machine')}`,
  remove: (count) => `Removing ${plural(count, 'machine')}`,
};

/** Limit for draining a node, and again for its tasks to run elsewhere. */
const drainMs = 300_000;

/** Size by size; stops at the first failure, since the swarm is a node short then. */
async function resizeAll(steps: readonly StepOf<'resize'>[], work: Work): Promise<Outcome<unknown>[]> {
  const outcomes: Outcome<unknown>[] = [];
  for (const [size, same] of groupBy(steps, (step) => step.size)) {
    const resize = (): Promise<Outcome<unknown>[]> => resizeTo(size, same, work);
    outcomes.push(...(await outcomesOfBatch(namesOf(same), resize, work.context.signal)));
    if (outcomes.some(({ status }) => status !== 'ok')) break;
  }
  return outcomes;
}

/** Nodes of the swarm one after the other, each drained first; all other machines at once. */
async function resizeTo(
  size: string,
  steps: readonly StepOf<'resize'>[],
  work: Work,
): Promise<Outcome<unknown>[]> {
  const { input, context, observation } = work;
  const members = new Set(observation.cluster.present.flatMap(({ name, node }) => (node ? [name] : [])));
  const nodes = namesOf(steps).filter((name) => members.has(name));
  const others = steps.filter(({ name }) => !members.has(name));
  const upgrade = {
    nodes,
    all: false,
    size,
    engine: false,
    maxUnavailable: 1,
    drainMs,
    force: input.force,
  };
  const upgraded = nodes.length > 0 ? await upgradeNodes(upgrade, context) : [];
  if (others.length === 0 || upgraded.some(({ status }) => status !== 'ok')) return upgraded;
  return [...upgraded, ...(await resizeMachines(machinesOf(others, work), size, context))];
}

/** Nodes not managed by belt are only removed from the swarm. */
async function removeAll(steps: readonly StepOf<'remove'>[], work: Work): Promise<Outcome<unknown>[]> {
  const { input, context, observation } = work;
  const machines = machinesOf(steps, work);
  const removed =
    machines.length > 0 ? await removeSwarmMachines(machines, { force: input.force, drainMs }, context) : [];
  const others = steps.filter(({ name }) => !observation.machines.has(name));
  await takeOut(others, work);
  return [...removed, ...namesOf(others).map((name) => ({ name, status: 'ok', value: undefined }) as const)];
}

/** Refuses what cannot be done, before anything is changed. @throws UserError */
export async function checkStage({ steps }: Stage, work: Work): Promise<void> {
  await checkMaking(
    steps.filter((step) => step.does === 'create'),
    work,
  );
}

/**
 * Performs a stage.
 * @returns each step's end; in a stage that goes one by one, steps after a failure are skipped.
 * @throws AbortError
 */
export async function performStage({ order, steps }: Stage, work: Work): Promise<StepEnd[]> {
  const kinds = [...groupBy(steps, ({ does }) => does).values()];
  if (order === 'together') return (await allFinished(kinds.map((same) => doSame(same, work)))).flat();
  const ends: StepEnd[] = [];
  for (const same of kinds) {
    const broken = ends.some(({ outcome }) => outcome.status !== 'ok');
    ends.push(...(broken ? same.map(skipped) : await doSame(same, work)));
  }
  return ends;
}

/** Performs steps of one kind. Work that cannot begin fails them all. */
async function doSame(steps: readonly Step[], work: Work): Promise<StepEnd[]> {
  const [{ does }] = steps as [Step];
  const begin = (): Promise<Outcome<unknown>[]> =>
    inStage(titles[does](steps.length), work.context, (context) =>
      (operations[does] as Operation<Kind>)(steps, { ...work, context }),
    );
  const outcomes = await outcomesOfBatch(namesOf(steps), begin, work.context.signal);
  const byName = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  return steps.map((step) => ({ step, outcome: byName.get(step.name) ?? skipped(step).outcome }));
}

function skipped(step: Step): StepEnd {
  return { step, outcome: { name: step.name, status: 'skipped' } };
}
