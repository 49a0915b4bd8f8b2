import type { Context } from '../app/context.js';
import { type Outcome, sortOutcomes } from '../app/fan-out.js';
import { runTasks, type Task } from '../app/run-tasks.js';
import { whileSwarmClaimed } from '../app/with-claim.js';
import { ExternalError, isAbort, messageOf, UserError } from '../base/errors.js';
import { plural } from '../base/plural.js';
import { waitUntilClear } from '../base/poll.js';
import { type EngineApi, EngineError } from '../engine/api.js';
import { swarmStateOf } from '../engine/engine-status.js';
import type { Machine } from '../machines/model/machine.js';
import { selectMachines } from '../machines/select-machines.js';
import { changeRole, demoteAmong, sortForDemotion } from './change-roles.js';
import { membershipOf, waitForOwnRole, withEngine } from './membership.js';
import { leftMessage, notInSwarmMessage } from './model/docker-messages.js';
import type { NamedMember } from './model/members.js';
import type { Membership } from './model/swarm-node.js';
import { NoQuorumError } from './require-quorum.js';
import { selectWithOutside } from './select-nodes.js';
import { type Swarm, withSwarm } from './session.js';

export interface LeftNode {
  /** Undefined: the machine was not in a swarm. */
  nodeId?: string;
  message: string;
}

interface LeaveOptions {
  /** Leaves even if the swarm loses its quorum. */
  force: boolean;
  /** Called before the last node leaves, which dissolves the swarm; throws if that is not wanted. */
  confirm: (nodes: number) => Promise<void>;
}

/** The engine stops its tasks first, within their grace periods. */
const leaveTimeoutMs = 120_000;

/**
 * Demotes managers one at a time, the leader last; then all nodes leave in parallel and their
 * entries are removed. With `force` they leave without a quorum.
 * @throws UserError when a node does not exist; unless `force`, when the swarm would lose its
 * quorum or failure tolerance
 */
export async function leaveSwarm(
  nodes: readonly string[],
  leave: LeaveOptions,
  context: Context,
): Promise<Outcome<LeftNode>[]> {
  let found = false;
  try {
    return await withSwarm({}, context, (swarm) => {
      found = true;
      return leaveThroughSwarm(swarm, nodes, leave, context);
    });
  } catch (error) {
    // A manager may not have noticed yet that the quorum is lost.
    if ((found && !(error instanceof NoQuorumError)) || !leave.force || isAbort(error)) throw error;
    context.reporter.warn(`${messageOf(error)}; --force: the nodes leave without notifying the managers`);
    return leaveWithoutManagers(await selectMachines(nodes, context), context);
  }
}

async function leaveThroughSwarm(
  swarm: Swarm,
  nodes: readonly string[],
  { force, confirm }: LeaveOptions,
  context: Context,
): Promise<Outcome<LeftNode>[]> {
  const members = await swarm.members();
  const { chosen, outside } = await selectWithOutside(nodes, members, context);
  const ids = new Set(chosen.map(({ node }) => node.id));
  const staying = members.filter(({ node }) => !ids.has(node.id));
  if (staying.length === 0) {
    await confirm(chosen.length);
    return [...(await dissolve(chosen, context)), ...(await leaveOutside(outside, { force }, context))];
  }
  if (!staying.some(({ node }) => node.role === 'manager')) {
    const objection = noManagerLeft(staying.length);
    if (!force) throw objection;
    context.reporter.warn(
      `${objection.message}; --force: the swarm's services, secrets and configs are lost; tasks on the remaining nodes keep running and cannot be changed`,
    );
    const left = await whileSwarmClaimed('changed', context, () => dissolve(chosen, context));
    return [...left, ...(await leaveOutside(outside, { force }, context))];
  }
  const { workers, failed } = await demoteAmong(swarm, chosen, { force }, context);
  const left = await leaveEach(swarm, workers, context);
  return [
    ...sortOutcomes(
      chosen.map(({ name }) => name),
      [...left, ...failed],
    ),
    ...(await leaveOutside(outside, { force }, context)),
  ];
}

/** Nodes that already left count as done; nodes of another swarm leave only with `force`. */
function leaveOutside(
  machines: readonly Machine[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<LeftNode>[]> {
  return leaveMachines(machines, context, async ({ name }, { state }, api) => {
    if (state === 'inactive') return;
    if (force) {
      context.reporter.warn(
        `${name} is not a node of the active machine's swarm; --force: it leaves its own swarm`,
      );
      return leaveByForce(api, context);
    }
    throw new UserError(`${name} is not a node of the active machine's swarm`, {
      hint: `belt swarm leave --force ${name}`,
    });
  });
}

function leaveWithoutManagers(machines: readonly Machine[], context: Context): Promise<Outcome<LeftNode>[]> {
  return leaveMachines(machines, context, (_machine, _membership, api) => leaveByForce(api, context));
}

function leaveMachines(
  machines: readonly Machine[],
  context: Context,
  work: (machine: Machine, membership: Membership, api: EngineApi) => Promise<void>,
): Promise<Outcome<LeftNode>[]> {
  const run = ({ subject: machine }: Task): Promise<LeftNode> =>
    withEngine(machine, context, async (api) => {
      const membership = await membershipOf(api);
      await work(machine, membership, api);
      return membership.state === 'inactive'
        ? { message: notInSwarmMessage }
        : { nodeId: membership.nodeId, message: leftMessage };
    });
  return runTasks<LeftNode>(
    machines,
    {
      activity: 'taken out of its swarm',
      doneText: ({ nodeId }) => (nodeId ? 'left' : 'not in a swarm'),
      run,
    },
    context,
  );
}

export function noManagerLeft(staying: number): UserError {
  return new UserError(`the ${plural(staying, 'remaining node')} would have no manager`, {
    hint: 'belt swarm promote NODE first, or name all nodes to dissolve the swarm',
  });
}

function leaveEach(
  swarm: Swarm,
  members: readonly NamedMember[],
  context: Context,
): Promise<Outcome<LeftNode>[]> {
  return runTasks<LeftNode, NamedMember>(
    members,
    {
      activity: 'taken out of its swarm',
      doneText: () => 'left',
      run: (task) => leaveMember(swarm, task),
    },
    context,
  );
}

/** Needs no votes: workers leave first, then managers, the leader last. */
async function dissolve(members: readonly NamedMember[], context: Context): Promise<Outcome<LeftNode>[]> {
  const work = {
    activity: 'taken out of its swarm',
    doneText: () => 'left',
    run: async (task: Task<NamedMember>): Promise<LeftNode> => {
      await requestLeave({ force: true }, task);
      return { nodeId: task.subject.node.id, message: leftMessage };
    },
  };
  const down = members.filter(({ node, machine }) => !machine && node.status === 'down');
  const present = members.filter((member) => !down.includes(member));
  const workers = present.filter(({ node }) => node.role === 'worker');
  const managers = sortForDemotion(present.filter(({ node }) => node.role === 'manager'));
  const outcomes = [
    ...down.map(({ name, node }) => ({
      name,
      status: 'ok' as const,
      value: { nodeId: node.id, message: leftMessage },
    })),
    ...(await runTasks<LeftNode, NamedMember>(workers, work, context)),
    ...(await runTasks<LeftNode, NamedMember>(managers, { ...work, limit: 1 }, context)),
  ];
  return sortOutcomes(
    members.map(({ name }) => name),
    outcomes,
  );
}

/** Idempotent. @throws UserError for a node in another swarm or without a machine; ExternalError */
export async function leaveMember(swarm: Swarm, task: Task<NamedMember>): Promise<LeftNode> {
  const nodeId = task.subject.node.id;
  await requestLeave({ force: false }, task);
  task.step('removing its entry');
  await removeEntry(swarm, nodeId, { force: true });
  return { nodeId, message: leftMessage };
}

async function requestLeave(
  { force }: { force: boolean },
  { subject: { node, machine, name }, step, context }: Task<NamedMember>,
): Promise<void> {
  step('leaving');
  await withEngine(machineOf(name, machine), context, async (api) => {
    const { state, nodeId } = await membershipOf(api);
    if (state === 'inactive') return;
    if (nodeId !== '' && nodeId !== node.id) throw otherSwarmError(name, node.id);
    if (!force) await waitForOwnRole(name, 'worker', api, context);
    // A locked or pending node only leaves by force.
    const forced = force || state !== 'active';
    await leaveEngine(api, forced, context);
  });
}

/** Does not notify the managers, and needs no leader. */
export async function leaveByForce(api: EngineApi, context: Context): Promise<void> {
  if ((await swarmStateOf(api)) !== 'inactive') await leaveEngine(api, true, context);
}

/**
 * Demotes it first: otherwise it still counts after leaving.
 * @throws ExternalError if that fails
 */
export async function removeManager(swarm: Swarm, api: EngineApi, task: Task<NamedMember>): Promise<void> {
  task.step('demoting');
  await changeRole(swarm, 'worker', task);
  await leaveByForce(api, task.context);
  await removeEntry(swarm, task.subject.node.id, { force: true });
}

/** The engine gives up after 15 s (moby, daemon/cluster/noderunner.go), so this retries. */
async function leaveEngine(api: EngineApi, force: boolean, { signal }: Context): Promise<void> {
  const check = async (): Promise<string | undefined> => {
    try {
      await api.leaveSwarm({ force }, { timeoutMs: leaveTimeoutMs, signal });
      return undefined;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if ((await membershipOf(api)).state === 'inactive') return undefined;
      if (!/deadline exceeded/i.test(error.message)) throw error;
      return error.message;
    }
  };
  await waitUntilClear(
    check,
    { timeoutMs: leaveTimeoutMs, signal },
    (obstacle) => new ExternalError(`it has not left after ${leaveTimeoutMs / 1000} s: ${obstacle}`),
  );
}

function machineOf(name: string, machine: Machine | undefined): Machine {
  if (machine) return machine;
  throw new UserError(`${name} is not managed by belt, so belt cannot make it leave`, {
    hint: `run "docker swarm leave" there; or remove its entry: belt swarm rm --force ${name}`,
  });
}

function otherSwarmError(name: string, nodeId: string): UserError {
  return new UserError(`${name} is no longer the node ${nodeId}: it has rejoined, or joined another swarm`, {
    hint: `remove the old entry: belt swarm rm ${name}`,
  });
}

/** Succeeds for a node that is not listed. @param force removes a node that is up */
export async function removeEntry(
  swarm: Swarm,
  nodeId: string,
  { force }: { force: boolean },
): Promise<void> {
  try {
    await swarm.request((api) => api.removeNode(nodeId, { force }));
  } catch (error) {
    if (!(error instanceof EngineError && error.status === 404)) throw error;
  }
}
