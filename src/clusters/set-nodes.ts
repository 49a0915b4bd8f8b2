import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { Step } from '../app/reporter.js';
import { runTasks, type TaskSpec } from '../app/run-tasks.js';
import { ExternalError } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import { demoteAmong } from '../swarm/change-roles.js';
import { removeEntry } from '../swarm/leave-swarm.js';
import { named } from '../swarm/model/members.js';
import { type Swarm, withSwarm } from '../swarm/session.js';
import type { PresentNode } from './model/compare.js';
import { groupOf, namesOf, type StepOf, type Work } from './stage-work.js';

/** A started node's engine is there; it has to find its managers, and a manager the raft log. */
const readyTimeoutMs = 120_000;

/** Gives nodes the availability and the labels of their group. */
export function setNodes(steps: readonly StepOf<'set'>[], work: Work): Promise<Outcome<unknown>[]> {
  return onNodes(steps, work, {
    activity: 'changed',
    doneText: () => 'changed',
    run: async ({ id, name }, swarm) => {
      const { availability, labels } = groupOf(name, work.input);
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

/** Waits until nodes whose machines run are ready, and as managers reachable. */
export function awaitNodes(steps: readonly { name: string }[], work: Work): Promise<Outcome<unknown>[]> {
  return onNodes(steps, work, {
    activity: 'waited for',
    doneText: () => 'ready',
    run: async ({ id, name }, swarm, step) => {
      const look = async (): Promise<string | undefined> => {
        const obstacle = await obstacleOf(id, swarm);
        if (obstacle !== undefined) step(`waiting until it is ready (${obstacle})`);
        return obstacle;
      };
      await waitUntilClear(look, { timeoutMs: readyTimeoutMs, signal: work.context.signal }, (state) =>
        notReady(name, state),
      );
    },
  });
}

async function obstacleOf(id: string, swarm: Swarm): Promise<string | undefined> {
  const node = (await swarm.nodes()).find((each) => each.id === id);
  if (node?.status !== 'ready') return node?.status ?? 'gone';
  return node.role === 'worker' || node.reachability === 'reachable' ? undefined : 'not reachable';
}

function notReady(name: string, state: string): ExternalError {
  return new ExternalError(`${name} runs, and after ${readyTimeoutMs / 1000} s its node is still ${state}`, {
    hint: `see its engine: belt ssh ${name} journalctl -u docker -n 50`,
  });
}

type NodeWork = Pick<TaskSpec<void>, 'activity' | 'doneText'> & {
  run: (node: PresentNode & { name: string }, swarm: Swarm, step: Step) => Promise<void>;
};

function onNodes(
  steps: readonly { name: string }[],
  { observation, context }: Work,
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

/** Removes nodes that machines have left behind. */
export async function forgetNodes(
  steps: readonly StepOf<'forget'>[],
  { input, context }: Work,
): Promise<Outcome<unknown>[]> {
  await removeFromSwarm(
    steps.map(({ nodeId }) => nodeId),
    input,
    context,
  );
  return steps.map(({ name }) => ({ name, status: 'ok', value: undefined }));
}

/** Takes what no group names out of the swarm, if it is in it. */
export async function takeOut(
  steps: readonly StepOf<'remove'>[],
  { observation, input, context }: Work,
): Promise<void> {
  const names = new Set(namesOf(steps));
  const extras = observation.cluster.present.filter(({ name }) => names.has(name));
  const nodes = extras.flatMap(({ node, stale }) => (node ? [node, ...stale] : stale));
  if (nodes.length > 0)
    await removeFromSwarm(
      nodes.map(({ id }) => id),
      input,
      context,
    );
}

/**
 * A manager counts in the quorum until it is none any more, so it is made a worker first.
 * @throws UserError with the numbers when the swarm would lose its quorum, unless `force`
 */
function removeFromSwarm(
  ids: readonly string[],
  { force }: { force: boolean },
  context: Context,
): Promise<void> {
  return withSwarm({}, context, async (swarm) => {
    const leaving = named(await swarm.members()).filter(({ node }) => ids.includes(node.id));
    const { workers, failed } = await demoteAmong(swarm, leaving, { force }, context);
    context.signal.throwIfAborted();
    for (const outcome of failed) if (outcome.status === 'failed') throw outcome.error;
    for (const { node } of workers) await removeEntry(swarm, node.id, { force: true });
  });
}
