import type { Context } from '../../app/context.js';
import type { Outcome } from '../../app/fan-out.js';
import { runTasks, type Task } from '../../app/run-tasks.js';
import { Pending, poll } from '../../base/poll.js';
import { observe } from '../../machines/list-machines.js';
import type { Machine } from '../../machines/model/machine.js';
import type { NodeAvailability } from '../change-availability.js';
import { requireQuorumWithout } from '../change-roles.js';
import { joinMembers } from '../join-swarm.js';
import { leaveByForce, removeEntry, removeManager } from '../leave-swarm.js';
import { membershipOf, withEngine } from '../membership.js';
import { findStaleNodes } from '../model/manager-ranking.js';
import { findManagerEntry, type Member, memberName } from '../model/members.js';
import { withManagerPort } from '../model/node-addresses.js';
import type { Role, SwarmNode } from '../model/swarm-node.js';
import { requireAddress } from '../node-network.js';
import { type Swarm, withSwarm } from '../session.js';

export interface RejoinedNode {
  role: Role;
  /** Whether it rejoined on its own. */
  reconnected: boolean;
}

export interface ReturningMachine {
  machine: Machine;
  role: Role;
  /** A manager that the swarm counts, and that does not reconnect on its own. */
  isMember?: boolean;
}

/** Agents retry within 8 s (swarmkit, agent/session.go), one known manager after the other. */
const reconnectTimeoutMs = 60_000;

/** Workers get time to reconnect; others leave and join: managers one at a time, then workers. */
export async function rejoinNodes(
  returning: readonly ReturningMachine[],
  manager: Machine,
  context: Context,
): Promise<Outcome<RejoinedNode>[]> {
  const members = returning.flatMap(({ machine, isMember }) => (isMember ? [machine] : []));
  const withRole = (wanted: Role): Machine[] =>
    returning.flatMap(({ machine, role, isMember }) => (role === wanted && !isMember ? [machine] : []));
  return withSwarm({ manager }, context, async (swarm) => [
    ...(await rejoinOneByOne(members, manager, swarm, context)),
    ...(await rejoinAs('manager', withRole('manager'), manager, swarm, context)),
    ...(await rejoinAs('worker', withRole('worker'), manager, swarm, context)),
  ]);
}

/** Each is a manager again before the next one leaves; a failure skips the rest. */
async function rejoinOneByOne(
  machines: readonly Machine[],
  manager: Machine,
  swarm: Swarm,
  context: Context,
): Promise<Outcome<RejoinedNode>[]> {
  const outcomes: Outcome<RejoinedNode>[] = [];
  for (const machine of machines) {
    const hasFailed = outcomes.some(({ status }) => status !== 'ok');
    if (hasFailed) outcomes.push({ name: machine.name, status: 'skipped' });
    else outcomes.push(...(await rejoinAs('manager', [machine], manager, swarm, context, leaveAsMember)));
  }
  return outcomes;
}

/** @returns whether the machine needs no join */
type Leave = (task: Task, swarm: Swarm, node: SwarmNode | undefined) => Promise<boolean>;

/** @throws UserError when the swarm would lose its quorum */
const leaveAsMember: Leave = async ({ subject: machine, step, context }, swarm, node) => {
  if (!node) return false;
  const member = { node, machine, name: machine.name };
  const check = { what: 'rejoining', force: false, isPart: true };
  await requireQuorumWithout(swarm, [member], check, context);
  await withEngine(machine, context, (api) => removeManager(swarm, api, { subject: member, step, context }));
  return false;
};

async function rejoinAs(
  role: Role,
  machines: readonly Machine[],
  manager: Machine,
  swarm: Swarm,
  context: Context,
  leave: Leave = leaveUnlessBack(role, manager),
): Promise<Outcome<RejoinedNode>[]> {
  if (machines.length === 0) return [];
  const previous = new Map((await swarm.members()).map(({ node, machine }) => [machine?.name, node]));
  const outcomes = await runTasks<RejoinedNode>(
    machines,
    {
      activity: 'recovered',
      doneText: ({ reconnected }) => (reconnected ? `back as a ${role}` : 'left its previous swarm'),
      run: async (task) => ({
        role,
        reconnected: await leave(task, swarm, previous.get(task.subject.name)),
      }),
    },
    context,
  );
  context.signal.throwIfAborted();
  const hasLeft = new Set(
    outcomes.flatMap((one) => (one.status === 'ok' && !one.value.reconnected ? [one.name] : [])),
  );
  const joining = machines.filter(({ name }) => hasLeft.has(name));
  const joined = joining.length > 0 ? await joinMembers(swarm, { machines: joining, role }, context) : [];
  for (const one of joined)
    if (one.status === 'ok') await copySettings(previous.get(one.name), one.value.nodeId, swarm);
  const failed = new Map(joined.flatMap((one) => (one.status === 'ok' ? [] : [[one.name, one] as const])));
  return outcomes.map((outcome) => failed.get(outcome.name) ?? outcome);
}

function leaveUnlessBack(role: Role, manager: Machine): Leave {
  return async (task, swarm) => {
    const mayReconnect = await canReconnect(task.subject, role, manager, swarm, task.context);
    const timeoutMs = mayReconnect ? reconnectTimeoutMs : 0;
    task.step('waiting until it rejoins on its own');
    if (await waitForReconnect(task.subject, role, swarm, timeoutMs, task.context)) return true;
    task.step('leaving its previous swarm');
    await leavePreviousSwarm(task, swarm);
    return false;
  };
}

/** A node that joins again is a new node to the swarm. */
async function copySettings(from: SwarmNode | undefined, nodeId: string, swarm: Swarm): Promise<void> {
  if (!from || from.id === nodeId) return;
  const { labels, availability } = from;
  await swarm.request((api) =>
    api.updateNode(nodeId, (spec) => ({
      ...spec,
      Labels: { ...labels, ...spec.Labels },
      Availability: availability as NodeAvailability,
    })),
  );
}

/** Whether the machine still connects to the manager; previous managers do not. */
async function canReconnect(
  machine: Machine,
  role: Role,
  manager: Machine,
  swarm: Swarm,
  context: Context,
): Promise<boolean> {
  if (findManagerEntry(await swarm.nodes(), machine)) return true;
  if (role === 'manager') return false;
  const { managers } = await withEngine(machine, context, membershipOf);
  return managers.includes(withManagerPort(requireAddress(manager)));
}

/** Skips a machine that is already a manager of the new cluster. */
async function leavePreviousSwarm({ subject: machine, step, context }: Task, swarm: Swarm): Promise<void> {
  const node = findManagerEntry(await swarm.nodes(), machine);
  return withEngine(machine, context, (api) =>
    node
      ? removeManager(swarm, api, { subject: { node, machine, name: machine.name }, step, context })
      : leaveByForce(api, context),
  );
}

/** @returns whether the swarm lists the machine as ready */
function waitForReconnect(
  machine: Machine,
  role: Role,
  swarm: Swarm,
  timeoutMs: number,
  { signal }: Context,
): Promise<boolean> {
  const check = async (): Promise<boolean | Pending> => {
    const node = (await swarm.members()).find((member) => member.machine?.name === machine.name)?.node;
    if (!node) return false;
    const isBack = node.status === 'ready' && (role === 'worker' || node.reachability === 'reachable');
    return isBack || new Pending(node.status);
  };
  return poll(check, { timeoutMs, intervalMs: 500, signal, onTimeout: () => false });
}

interface OtherNode {
  name: string;
  role: Role;
  /** Whether it is a machine of this cluster. */
  known: boolean;
}

export async function otherNodes(manager: Machine, context: Context): Promise<OtherNode[]> {
  return withSwarm({ manager }, context, async (swarm) => {
    const { nodeId } = await swarm.request(membershipOf);
    return (await swarm.members())
      .filter(({ node }) => node.id !== nodeId)
      .map((member) => ({
        name: memberName(member),
        role: member.node.role,
        known: member.machine !== undefined,
      }));
  });
}

/** @returns their names */
export async function removeStaleNodes(manager: Machine, context: Context): Promise<string[]> {
  return withSwarm({ manager }, context, async (swarm) => {
    const members = await swarm.members();
    const missing = await missingMachines(members, context);
    const removed = findStaleNodes(
      members,
      ({ machine }) => machine !== undefined && missing.has(machine.name),
    );
    for (const { node } of removed) await removeEntry(swarm, node.id, { force: true });
    return removed.map(memberName);
  });
}

async function missingMachines(members: readonly Member[], context: Context): Promise<Set<string>> {
  const machines = members.flatMap(({ node, machine }) =>
    machine && node.status !== 'ready' ? [machine] : [],
  );
  if (machines.length === 0) return new Set();
  const rows = await observe(machines, context);
  return new Set(rows.filter(({ state }) => state === 'missing').map(({ machine }) => machine.name));
}
