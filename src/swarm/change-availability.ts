import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { runTasks, type Task } from '../app/run-tasks.js';
import { ExternalError, isAbort, messageOf } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import type { NodeSpec } from '../engine/model/api-documents.js';
import type { Machine } from '../machines/model/machine.js';
import { withEngineWithin } from './membership.js';
import type { NamedMember } from './model/members.js';
import {
  findInterruptedServices,
  hasEnded,
  readServices,
  readTasks,
  type SwarmService,
  type SwarmTask,
  taskName,
} from './model/swarm-tasks.js';
import { onMembers } from './select-nodes.js';
import { type Swarm, withSwarm } from './session.js';

export type NodeAvailability = NodeSpec['Availability'];

export interface AvailabilityChange {
  nodeId: string;
  availability: NodeAvailability;
  already: boolean;
  message: string;
}

interface Drain {
  /** How long to wait for the node's tasks to stop; default: no wait. */
  waitMs?: number;
}

const doneTexts = { active: 'active', pause: 'paused', drain: 'drained' } as const;

/** An unknown name fails alone. @throws UserError when no name is a node */
export function setAvailability(
  nodes: readonly string[],
  availability: Exclude<NodeAvailability, 'drain'>,
  context: Context,
): Promise<Outcome<AvailabilityChange>[]> {
  return withSwarm({}, context, async (swarm) =>
    onMembers(nodes, await swarm.members(), context, (chosen) =>
      changeEach(chosen, availability, context, ({ subject }) =>
        changeAvailability(swarm, subject, availability),
      ),
    ),
  );
}

/** Warns about interrupted services first. @throws UserError when no name is a node */
export function drainNodes(
  nodes: readonly string[],
  drain: Drain,
  context: Context,
): Promise<Outcome<AvailabilityChange>[]> {
  return withSwarm({}, context, async (swarm) =>
    onMembers(nodes, await swarm.members(), context, async (chosen) => {
      await warnOfDrain(swarm, chosen, context);
      return changeEach(chosen, 'drain', context, (task) => drainMember(swarm, drain, task));
    }),
  );
}

/** With `waitMs`, waits until the tasks have stopped. @throws ExternalError on a timeout */
export async function drainMember(
  swarm: Swarm,
  { waitMs }: Drain,
  task: Task<NamedMember>,
): Promise<AvailabilityChange> {
  task.step('draining');
  const change = await changeAvailability(swarm, task.subject, 'drain');
  if (waitMs !== undefined) await waitForTasksToStop(swarm, waitMs, task);
  return change;
}

export async function changeAvailability(
  swarm: Swarm,
  { node, name }: NamedMember,
  availability: NodeAvailability,
): Promise<AvailabilityChange> {
  const changed = await swarm.request((api) =>
    api.updateNode(node.id, (spec) => ({ ...spec, Availability: availability })),
  );
  return { nodeId: node.id, availability, already: !changed, message: name };
}

function changeEach(
  members: readonly NamedMember[],
  availability: NodeAvailability,
  context: Context,
  run: (task: Task<NamedMember>) => Promise<AvailabilityChange>,
): Promise<Outcome<AvailabilityChange>[]> {
  const doneText = ({ already }: AvailabilityChange): string =>
    already ? `already ${doneTexts[availability]}` : doneTexts[availability];
  return runTasks<AvailabilityChange, NamedMember>(members, { activity: 'changed', doneText, run }, context);
}

/** Skips nodes that are down. */
async function waitForTasksToStop(
  swarm: Swarm,
  timeoutMs: number,
  { subject: { node, name }, step, context }: Task<NamedMember>,
): Promise<void> {
  const check = async (): Promise<string | undefined> => {
    const current = (await swarm.nodes()).find(({ id }) => id === node.id);
    if (!current || current.status === 'down') return undefined;
    const tasks = (await listTasks(swarm, { node: [node.id] })).filter((task) => !hasEnded(task));
    if (tasks.length === 0) return undefined;
    const text = tasksText(tasks, await listServices(swarm));
    step(`waiting for ${text}`);
    return text;
  };
  await waitUntilClear(
    check,
    { timeoutMs, signal: context.signal },
    (obstacle) =>
      new ExternalError(`${name} is drained, but after ${timeoutMs / 1000} s still runs ${obstacle}`, {
        hint: 'wait longer with --timeout',
      }),
  );
}

const shownTasks = 3;

function tasksText(tasks: readonly SwarmTask[], services: readonly SwarmService[]): string {
  const shown = tasks.slice(0, shownTasks).map((task) => `${taskName(task, services)} (${task.state})`);
  const hidden = tasks.length - shown.length;
  return `${shown.join(', ')}${hidden > 0 ? ` and ${hidden} more` : ''}`;
}

export async function warnOfDrain(
  swarm: Swarm,
  members: readonly NamedMember[],
  context: Context,
): Promise<void> {
  const leaving = members.filter(({ node }) => node.availability !== 'drain');
  if (leaving.length === 0) return;
  const names = leaving.map(({ name }) => name).join(' and ');
  const running = await listTasks(swarm, { 'desired-state': ['running'] });
  const nodeIds = leaving.map(({ node }) => node.id);
  for (const { name, tasks } of findInterruptedServices(await listServices(swarm), running, nodeIds)) {
    const what = tasks === 1 ? 'its only task runs' : `all its ${tasks} tasks run`;
    context.reporter.warn(`service ${name} is interrupted: ${what} on ${names}`);
  }
  await Promise.all(leaving.map((member) => warnOfOtherContainers(member, context)));
}

/** The swarm moves only its own tasks. */
async function warnOfOtherContainers({ node, machine, name }: NamedMember, context: Context): Promise<void> {
  if (!machine || node.status !== 'ready') return;
  try {
    const containers = await otherContainers(machine, context);
    if (containers.length === 0) return;
    context.reporter.warn(`containers that are not swarm tasks stay on ${name}: ${containers.join(', ')}`);
  } catch (error) {
    if (isAbort(error)) throw error;
    context.reporter.warn(`other containers on ${name} cannot be listed: ${messageOf(error)}`);
  }
}

const containersTimeoutMs = 10_000;

/** Running containers without a swarm task's label (moby, daemon/cluster/executor/container). */
function otherContainers(machine: Machine, context: Context): Promise<string[]> {
  return withEngineWithin(machine, containersTimeoutMs, context, async (api, signal) => {
    const containers = await api.containers({ signal });
    return containers
      .filter(({ Labels }) => Labels?.['com.docker.swarm.task.id'] === undefined)
      .map(({ Names }) => (Names[0] ?? '').replace(/^\//, ''));
  });
}

export function listTasks(swarm: Swarm, filters?: Record<string, string[]>): Promise<SwarmTask[]> {
  return swarm.request(async (api) => readTasks(await api.tasks(filters)));
}

export function listServices(swarm: Swarm): Promise<SwarmService[]> {
  return swarm.request(async (api) => readServices(await api.services()));
}
