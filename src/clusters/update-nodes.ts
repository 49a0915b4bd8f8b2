import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { Step } from '../app/reporter.js';
import { runTasks, type TaskSpec } from '../app/run-tasks.js';
import { ExternalError } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import { changedEngine } from '../engine/model/engine-changes.js';
import type { EngineSettings } from '../engine/model/engine-settings.js';
import { engineSettingsOf } from '../engine/provision-engine.js';
import { changeSettings } from '../engine/provision-machines.js';
import type { Machine } from '../machines/model/machine.js';
import { demoteAmong } from '../swarm/change-roles.js';
import { removeEntry } from '../swarm/leave-swarm.js';
import { named } from '../swarm/model/members.js';
import { type Swarm, withSwarm } from '../swarm/session.js';
import type { PresentNode } from './model/compare.js';
import { groupOf, machinesOf, namesOf, type StageContext, type StepOf } from './stage-context.js';

/** For a started node to find its managers, and for a manager to replay its Raft log. */
const readyTimeoutMs = 120_000;

export function updateNodes(
  steps: readonly StepOf<'set'>[],
  stage: StageContext,
): Promise<Outcome<unknown>[]> {
  return onNodes(steps, stage, {
    activity: 'changed',
    doneText: () => 'changed',
    run: async ({ id, name }, swarm) => {
      const { availability, labels } = groupOf(name, stage.input);
      await swarm.request((api) =>
        api.updateNode(id, (spec) => ({
          ...spec,
          Availability: availability,
          Labels: { ...spec.Labels, ...labels },
        })),
      );
    },
  });
}

export function waitForNodes(
  steps: readonly { name: string }[],
  stage: StageContext,
): Promise<Outcome<unknown>[]> {
  return onNodes(steps, stage, {
    activity: 'waited for',
    doneText: () => 'ready',
    run: async ({ id, name }, swarm, step) => {
      const findObstacle = async (): Promise<string | undefined> => {
        const obstacle = await obstacleOf(id, swarm);
        if (obstacle !== undefined) step(`waiting until the node is ready (${obstacle})`);
        return obstacle;
      };
      await waitUntilClear(
        findObstacle,
        { timeoutMs: readyTimeoutMs, signal: stage.context.signal },
        (state) => notReady(name, state),
      );
    },
  });
}

async function obstacleOf(id: string, swarm: Swarm): Promise<string | undefined> {
  const node = (await swarm.nodes()).find((each) => each.id === id);
  if (node?.status !== 'ready') return node?.status ?? 'not listed';
  return node.role === 'worker' || node.reachability === 'reachable' ? undefined : 'not reachable';
}

function notReady(name: string, state: string): ExternalError {
  return new ExternalError(
    `${name} is running, but its node is not ready after ${readyTimeoutMs / 1000} s: ${state}`,
    { hint: `belt ssh ${name} journalctl -u docker -n 50` },
  );
}

type NodeWork = Pick<TaskSpec<void>, 'activity' | 'doneText'> & {
  run: (node: PresentNode & { name: string }, swarm: Swarm, step: Step) => Promise<void>;
};

function onNodes(
  steps: readonly { name: string }[],
  { observation, context }: StageContext,
  { run, ...words }: NodeWork,
): Promise<Outcome<unknown>[]> {
  const names = new Set(steps.map(({ name }) => name));
  const nodes = observation.cluster.present.flatMap(({ name, node }) =>
    node && names.has(name) ? [{ ...node, name }] : [],
  );
  return withSwarm({}, context, (swarm) =>
    runTasks(nodes, { ...words, run: ({ subject: node, step }) => run(node, swarm, step) }, context),
  );
}

/** Applies the engine settings of the groups: managers one at a time while the quorum lasts. */
export async function configureEngines(
  steps: readonly StepOf<'engine'>[],
  stage: StageContext,
): Promise<Outcome<unknown>[]> {
  const { input, context } = stage;
  const settings = (machine: Machine): EngineSettings => {
    const { engine, ownEngineKeys } = groupOf(machine.name, input);
    return changedEngine(engineSettingsOf(machine), { settings: engine, keys: ownEngineKeys });
  };
  const outcomes = await changeSettings(settings, machinesOf(steps, stage), input, context);
  context.signal.throwIfAborted();
  const late = await failedNodes(outcomes, stage);
  return outcomes.map((outcome) => late.get(outcome.name) ?? outcome);
}

/** @returns the failures */
async function failedNodes(
  outcomes: readonly Outcome<unknown>[],
  stage: StageContext,
): Promise<Map<string, Outcome<unknown>>> {
  const set = outcomes.filter(({ status }) => status === 'ok');
  const waited = set.length > 0 ? await waitForNodes(set, stage) : [];
  return new Map(
    waited.flatMap((outcome) => (outcome.status === 'ok' ? [] : [[outcome.name, outcome] as const])),
  );
}

export async function removeStaleNodes(
  steps: readonly StepOf<'forget'>[],
  { input, context }: StageContext,
): Promise<Outcome<unknown>[]> {
  await removeNodes(
    steps.map(({ nodeId }) => nodeId),
    input,
    context,
  );
  return steps.map(({ name }) => ({ name, status: 'ok', value: undefined }));
}

export async function removeFromSwarm(
  steps: readonly StepOf<'remove'>[],
  { observation, input, context }: StageContext,
): Promise<void> {
  const names = new Set(namesOf(steps));
  const extras = observation.cluster.present.filter(({ name }) => names.has(name));
  const nodes = extras.flatMap(({ node, stale }) => (node ? [node, ...stale] : stale));
  if (nodes.length > 0)
    await removeNodes(
      nodes.map(({ id }) => id),
      input,
      context,
    );
}

/** Demotes managers first, since they count for the quorum. @throws UserError unless `force` */
function removeNodes(ids: readonly string[], { force }: { force: boolean }, context: Context): Promise<void> {
  return withSwarm({}, context, async (swarm) => {
    const leaving = named(await swarm.members()).filter(({ node }) => ids.includes(node.id));
    const { workers, failed } = await demoteAmong(swarm, leaving, { force }, context);
    context.signal.throwIfAborted();
    for (const outcome of failed) if (outcome.status === 'failed') throw outcome.error;
    for (const { node } of workers) await removeEntry(swarm, node.id, { force: true });
  });
}
