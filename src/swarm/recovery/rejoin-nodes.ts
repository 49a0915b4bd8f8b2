import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../app/context.js';
import type { Outcome } from '../../app/fan-out.js';
import type { Step } from '../../app/reporter.js';
import { runTasks } from '../../app/run-tasks.js';
import { observe } from '../../machines/list-machines.js';
import type { Machine } from '../../machines/model/machine.js';
import { joinMembers } from '../join-swarm.js';
import { leaveByForce, removeEntry, removeManager } from '../leave-swarm.js';
import { membershipOf, withEngine } from '../membership.js';
import { findStaleNodes } from '../model/manager-ranking.js';
import { findManagerEntry, type Member, memberName } from '../model/members.js';
import { withManagerPort } from '../model/node-addresses.js';
import type { Role } from '../model/swarm-node.js';
import { requireAddress } from '../node-network.js';
import { type Swarm, withSwarm } from '../session.js';

export interface RejoinedNode {
  role: Role;
  /** It came by itself: its certificate is still good, and it knew the manager's address. */
  byItself: boolean;
}

/** A machine that is to be a node of the swarm again. */
export interface Returning {
  machine: Machine;
  role: Role;
}

/**
 * An agent tries again within 8 s (swarmkit, agent/session.go), at one manager after the other of
 * those that it knows.
 */
const reconnectMs = 60_000;

/**
 * Makes machines nodes again of a swarm that was restarted from one manager. Workers are given time to come by
 * themselves; the others leave what they are in and join: managers one after the other, each when
 * the one before takes part, then workers.
 */
export async function rejoinNodes(
  returning: readonly Returning[],
  manager: Machine,
  context: Context,
): Promise<Outcome<RejoinedNode>[]> {
  const of = (role: Role): Machine[] => returning.flatMap((one) => (one.role === role ? [one.machine] : []));
  return withSwarm({ manager }, context, async (swarm) => [
    ...(await rejoinAs('manager', of('manager'), manager, swarm, context)),
    ...(await rejoinAs('worker', of('worker'), manager, swarm, context)),
  ]);
}

async function rejoinAs(
  role: Role,
  machines: readonly Machine[],
  manager: Machine,
  swarm: Swarm,
  context: Context,
): Promise<Outcome<RejoinedNode>[]> {
  if (machines.length === 0) return [];
  const looked = await runTasks<RejoinedNode>(
    machines,
    {
      activity: 'brought back',
      doneText: ({ byItself }) => (byItself ? `back as a ${role}` : 'left its previous swarm'),
      async run({ subject: machine, step }) {
        const patienceMs = (await mayReconnect(machine, role, manager, swarm, context)) ? reconnectMs : 0;
        step('waiting until it rejoins on its own');
        if (await isBack(machine, role, swarm, patienceMs, context)) return { role, byItself: true };
        step('leaving its previous swarm');
        await leave(machine, swarm, step, context);
        return { role, byItself: false };
      },
    },
    context,
  );
  context.signal.throwIfAborted();
  const outside = looked.flatMap((one) => (one.status === 'ok' && !one.value.byItself ? [one.name] : []));
  const joining = machines.filter(({ name }) => outside.includes(name));
  const joined = joining.length > 0 ? await joinMembers(swarm, { machines: joining, role }, context) : [];
  const ended = new Map(joined.map((outcome) => [outcome.name, outcome]));
  return looked.map((outcome) => {
    const join = ended.get(outcome.name);
    return join === undefined || join.status === 'ok' ? outcome : join;
  });
}

/**
 * Whether it tries to reach the manager. A manager of before takes part no longer, but one that has
 * joined since does; a worker knows the addresses that managers had.
 */
async function mayReconnect(
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

/** By force, except for one that counts for the new swarm's quorum. */
async function leave(machine: Machine, swarm: Swarm, step: Step, context: Context): Promise<void> {
  const node = findManagerEntry(await swarm.nodes(), machine);
  return withEngine(machine, context, (api) =>
    node
      ? removeManager(swarm, { node, machine, name: machine.name }, api, step, context)
      : leaveByForce(api, context),
  );
}

/** Whether the swarm has the machine as a node that is there. */
async function isBack(
  machine: Machine,
  role: Role,
  swarm: Swarm,
  patienceMs: number,
  { signal }: Context,
): Promise<boolean> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const members = await swarm.members();
    const node = members.find((member) => member.machine?.name === machine.name)?.node;
    if (node?.status === 'ready' && (role === 'worker' || node.reachability === 'reachable')) return true;
    // Without an entry there is nothing that it could come back as.
    if (!node || Date.now() > deadline) return false;
    await sleep(500, undefined, { signal });
  }
}

export interface OtherNode {
  name: string;
  role: Role;
  /** It is a machine of this cluster. */
  known: boolean;
}

/** The nodes that a swarm knows beside its manager, by the names and in the roles that they had. */
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

/** Takes entries out of the swarm that stand for nothing any more. @returns their names */
export async function removeStaleNodes(manager: Machine, context: Context): Promise<string[]> {
  return withSwarm({ manager }, context, async (swarm) => {
    const members = await swarm.members();
    const gone = await missingMachines(members, context);
    const removed = findStaleNodes(members, ({ machine }) => machine !== undefined && gone.has(machine.name));
    for (const { node } of removed) await removeEntry(swarm, node.id, { force: true });
    return removed.map(memberName);
  });
}

/** Machines that the provider knows no more. */
async function missingMachines(members: readonly Member[], context: Context): Promise<Set<string>> {
  const machines = members.flatMap(({ node, machine }) =>
    machine && node.status !== 'ready' ? [machine] : [],
  );
  if (machines.length === 0) return new Set();
  const rows = await observe(machines, context);
  return new Set(rows.filter(({ state }) => state === 'missing').map(({ machine }) => machine.name));
}
