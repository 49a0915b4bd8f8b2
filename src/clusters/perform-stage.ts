import { allFinished, type Outcome, outcomesOfBatch } from '../app/fan-out.js';
import { inStage } from '../app/in-stage.js';
import { groupBy } from '../base/group-by.js';
import { plural } from '../base/plural.js';
import { startMachines } from '../machines/lifecycle.js';
import { resizeMachines } from '../machines/resize-machines.js';
import { demoteNodes, promoteNodes } from '../swarm/change-roles.js';
import { removeSwarmMachines } from '../swarm/remove-machines.js';
import { upgradeNodes } from '../swarm/upgrade/upgrade-nodes.js';
import { checkCreations, createGroupMachines } from './create-group-machines.js';
import { initClusterSwarm, joinGroups } from './join-groups.js';
import type { PlanStage, PlanStep } from './model/plan-stages.js';
import { machinesOf, namesOf, type StageContext, type StepKind, type StepOf } from './stage-context.js';
import {
  configureEngines,
  removeFromSwarm,
  removeStaleNodes,
  updateNodes,
  waitForNodes,
} from './update-nodes.js';

export interface StepResult {
  step: PlanStep;
  outcome: Outcome<unknown>;
}

type Operation<K extends StepKind> = (
  steps: readonly StepOf<K>[],
  stage: StageContext,
) => Promise<Outcome<unknown>[]>;

/** Performs all steps of a kind in one call. */
const operations: { readonly [K in StepKind]: Operation<K> } = {
  create: createGroupMachines,
  start: (steps, stage) => startMachines(machinesOf(steps, stage), stage.context),
  forget: removeStaleNodes,
  await: waitForNodes,
  init: initClusterSwarm,
  join: joinGroups,
  promote: (steps, { context }) => promoteNodes(namesOf(steps), context),
  demote: (steps, { input, context }) => demoteNodes(namesOf(steps), input, context),
  set: updateNodes,
  engine: configureEngines,
  resize: resizeAll,
  remove: removeAll,
};

const titles: { readonly [K in StepKind]: (count: number) => string } = {
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

/** One size after the other, until a node does not come back. */
async function resizeAll(
  steps: readonly StepOf<'resize'>[],
  stage: StageContext,
): Promise<Outcome<unknown>[]> {
  const outcomes: Outcome<unknown>[] = [];
  for (const [size, same] of groupBy(steps, (step) => step.size)) {
    const resize = (): Promise<Outcome<unknown>[]> => resizeTo(size, same, stage);
    outcomes.push(...(await outcomesOfBatch(namesOf(same), resize, stage.context.signal)));
    if (outcomes.some(({ status }) => status !== 'ok')) break;
  }
  return outcomes;
}

/** Swarm nodes one at a time, drained first; then all other machines at once. */
async function resizeTo(
  size: string,
  steps: readonly StepOf<'resize'>[],
  stage: StageContext,
): Promise<Outcome<unknown>[]> {
  const { input, context, observation } = stage;
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
  return [...upgraded, ...(await resizeMachines(machinesOf(others, stage), size, context))];
}

/** Nodes not managed by belt are only removed from the swarm. */
async function removeAll(
  steps: readonly StepOf<'remove'>[],
  stage: StageContext,
): Promise<Outcome<unknown>[]> {
  const { input, context, observation } = stage;
  const machines = machinesOf(steps, stage);
  const removed =
    machines.length > 0 ? await removeSwarmMachines(machines, { force: input.force, drainMs }, context) : [];
  const others = steps.filter(({ name }) => !observation.machines.has(name));
  await removeFromSwarm(others, stage);
  return [...removed, ...namesOf(others).map((name) => ({ name, status: 'ok', value: undefined }) as const)];
}

/** @throws UserError, with nothing changed, when a machine cannot be created */
export async function checkStage({ steps }: PlanStage, stage: StageContext): Promise<void> {
  await checkCreations(
    steps.filter((step) => step.does === 'create'),
    stage,
  );
}

/** After a failure in a stage that runs one by one, the rest is skipped. @throws AbortError */
export async function performStage({ order, steps }: PlanStage, stage: StageContext): Promise<StepResult[]> {
  const kinds = [...groupBy(steps, ({ does }) => does).values()];
  if (order === 'together') return (await allFinished(kinds.map((same) => performKind(same, stage)))).flat();
  const ends: StepResult[] = [];
  for (const same of kinds) {
    const broken = ends.some(({ outcome }) => outcome.status !== 'ok');
    ends.push(...(broken ? same.map(skipped) : await performKind(same, stage)));
  }
  return ends;
}

async function performKind(steps: readonly PlanStep[], stage: StageContext): Promise<StepResult[]> {
  const [{ does }] = steps as [PlanStep];
  const perform = (): Promise<Outcome<unknown>[]> =>
    inStage(titles[does](steps.length), stage.context, (context) =>
      (operations[does] as Operation<StepKind>)(steps, { ...stage, context }),
    );
  const outcomes = await outcomesOfBatch(namesOf(steps), perform, stage.context.signal);
  const byName = new Map(outcomes.map((outcome) => [outcome.name, outcome]));
  return steps.map((step) => ({ step, outcome: byName.get(step.name) ?? skipped(step).outcome }));
}

function skipped(step: PlanStep): StepResult {
  return { step, outcome: { name: step.name, status: 'skipped' } };
}
