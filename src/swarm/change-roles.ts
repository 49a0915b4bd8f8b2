import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { runTasks, type Task } from '../app/run-tasks.js';
import { whileSwarmClaimed } from '../app/with-claim.js';
import { ExternalError, UserError } from '../base/errors.js';
import { byNaturalOrder } from '../base/natural-order.js';
import { pollUntil, waitUntilClear } from '../base/poll.js';
import { newLeaderTimeoutMs } from './election.js';
import { waitForOwnRole, withEngine } from './membership.js';
import { demotedMessage, promotedMessage } from './model/docker-messages.js';
import type { Member, NamedMember } from './model/members.js';
import { managerCountAdvice } from './model/quorum.js';
import type { Role } from './model/swarm-node.js';
import { type QuorumCheck, requireQuorum } from './require-quorum.js';
import { onMembers } from './select-nodes.js';
import { type Swarm, withSwarm } from './session.js';
import { stableMembers } from './stable-view.js';

export interface RoleChange {
  nodeId: string;
  role: Role;
  already: boolean;
  message: string;
}

/** A new manager fetches the whole Raft log first. */
const roleTimeoutMs = 90_000;

/** @throws UserError when a node is not ready, or no name is a node */
export async function promoteNodes(
  nodes: readonly string[],
  context: Context,
): Promise<Outcome<RoleChange>[]> {
  return withSwarm({}, context, async (swarm) =>
    onMembers(nodes, await membersWithKnownState(swarm, context), context, (chosen) =>
      promoteMembers(swarm, chosen, context),
    ),
  );
}

async function promoteMembers(
  swarm: Swarm,
  members: readonly NamedMember[],
  context: Context,
): Promise<Outcome<RoleChange>[]> {
  for (const { name, node } of members) {
    if (node.role === 'manager' || node.status === 'ready') continue;
    throw new UserError(`${name} is ${node.status}: an unreachable manager would only weaken the quorum`, {
      hint: `belt start ${name}`,
    });
  }
  const outcomes = await changeRoles(members, 'manager', async () => {}, swarm, context);
  const after = (await swarm.nodes()).filter(({ role }) => role === 'manager').length;
  for (const advice of managerCountAdvice(after)) context.reporter.warn(advice);
  return outcomes;
}

/**
 * Demotes one manager at a time, the leader last; a failure skips the rest.
 * @throws UserError when the swarm would lose its quorum or failure tolerance, unless `force`
 */
export async function demoteNodes(
  nodes: readonly string[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<RoleChange>[]> {
  return withSwarm({}, context, async (swarm) =>
    onMembers(nodes, await swarm.members(), context, (chosen) =>
      demoteMembers(swarm, chosen, { force }, context),
    ),
  );
}

async function demoteMembers(
  swarm: Swarm,
  members: readonly NamedMember[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<RoleChange>[]> {
  const sorted = sortForDemotion(members);
  const demotion = { what: 'demoting', force };
  // All were checked together, but another manager may have failed since.
  const before = async (member: NamedMember): Promise<void> => {
    if (member !== sorted[0])
      await requireQuorumWithout(swarm, [member], { ...demotion, isPart: true }, context);
  };
  const demote = async (): Promise<Outcome<RoleChange>[]> => {
    await requireQuorumWithout(swarm, sorted, demotion, context);
    return changeRoles(sorted, 'worker', before, swarm, context);
  };
  const hasManagers = members.some(({ node }) => node.role === 'manager');
  return hasManagers ? whileSwarmClaimed('changed', context, demote) : demote();
}

/**
 * Demotes the managers among nodes. Several nodes may share a name: stale entries of one machine.
 * @returns the nodes that are workers now, and an outcome per name for the others
 * @throws as `demoteMembers`
 */
export async function demoteAmong(
  swarm: Swarm,
  members: readonly NamedMember[],
  { force }: { force: boolean },
  context: Context,
): Promise<{ workers: NamedMember[]; failed: Outcome<never>[] }> {
  const managers = members.filter(({ node }) => node.role === 'manager');
  if (managers.length === 0) return { workers: [...members], failed: [] };
  const byName = withDistinctNames(managers);
  const distinct = [...byName].map(([name, member]) => ({ ...member, name }));
  const outcomes = await demoteMembers(swarm, distinct, { force }, context);
  const kept = new Set<string>();
  const failed = new Map<string, Outcome<never>>();
  for (const outcome of outcomes) {
    if (outcome.status === 'ok') continue;
    const { name, node } = byName.get(outcome.name) as NamedMember;
    kept.add(node.id);
    if (!failed.has(name)) failed.set(name, { ...outcome, name });
  }
  return { workers: members.filter(({ node }) => !kept.has(node.id)), failed: [...failed.values()] };
}

/** Appends the id to every repeated name. */
function withDistinctNames(members: readonly NamedMember[]): Map<string, NamedMember> {
  const byName = new Map<string, NamedMember>();
  for (const member of members) {
    const { name, node } = member;
    byName.set(byName.has(name) ? `${name} (${node.id})` : name, member);
  }
  return byName;
}

/** @throws UserError when the swarm needs these managers, unless `force`; NoQuorumError */
export async function requireQuorumWithout(
  swarm: Swarm,
  leaving: readonly NamedMember[],
  { what, ...check }: Pick<QuorumCheck, 'what' | 'force' | 'isPart'>,
  context: Context,
): Promise<void> {
  const { managers } = await stableMembers(swarm, context);
  const changes = leaving.map(({ node }) => ({ id: node.id, effect: 'leaves' as const }));
  const names = leaving.map(({ name }) => name).toSorted(byNaturalOrder);
  requireQuorum({ managers, changes, what: `${what} ${names.join(' and ')}`, ...check }, context);
}

/** Does not check the quorum. @throws ExternalError on a timeout */
export async function changeRole(
  swarm: Swarm,
  role: Role,
  { subject: { node, machine, name }, step, context }: Task<NamedMember>,
): Promise<void> {
  await swarm.request((api) => api.updateNode(node.id, (spec) => ({ ...spec, Role: role })));
  step(role === 'manager' ? 'waiting until it is a reachable manager' : 'waiting until it is a worker');
  await waitForRole(node.id, name, role, swarm, context);
  // A manager that does not know its role yet would count as unreachable.
  if (machine && role === 'manager')
    await withEngine(machine, context, (api) => waitForOwnRole(name, role, api, context));
}

/** A new leader lists nodes as `unknown` at first. */
function membersWithKnownState(swarm: Swarm, { signal }: Context): Promise<Member[]> {
  return pollUntil(
    () => swarm.members(),
    (members) => members.every(({ node }) => node.status !== 'unknown'),
    { timeoutMs: newLeaderTimeoutMs, signal },
  );
}

/** Unreachable managers first, which does not reduce the quorum, and the leader last. */
export function sortForDemotion<T extends NamedMember>(members: readonly T[]): T[] {
  const rank = ({ node }: T): number => (node.leader ? 2 : node.reachability === 'reachable' ? 1 : 0);
  return members.toSorted((one, other) => rank(one) - rank(other));
}

/** swarmkit may revert a role after accepting it. @throws ExternalError on a timeout */
export async function waitForRole(
  nodeId: string,
  name: string,
  role: Role,
  swarm: Swarm,
  { signal }: Context,
): Promise<void> {
  const check = async (): Promise<string | undefined> => {
    const node = (await swarm.nodes()).find(({ id }) => id === nodeId);
    const participates = node?.reachability === 'reachable';
    const isDemoted = node?.reachability === undefined;
    if (node?.role === role && (role === 'manager' ? participates : isDemoted)) return undefined;
    return node ? `${node.role}, ${node.reachability ?? node.status}` : 'gone';
  };
  await waitUntilClear(
    check,
    { timeoutMs: roleTimeoutMs, signal },
    (state) =>
      new ExternalError(`${name} is not a ${role} after ${roleTimeoutMs / 1000} s: ${state}`, {
        hint: 'belt swarm ls',
      }),
  );
}

function changeRoles(
  members: readonly NamedMember[],
  role: Role,
  before: (member: NamedMember) => Promise<void>,
  swarm: Swarm,
  context: Context,
): Promise<Outcome<RoleChange>[]> {
  const words =
    role === 'manager'
      ? { what: 'promoted', done: promotedMessage }
      : { what: 'demoted', done: demotedMessage };
  return runTasks<RoleChange, NamedMember>(
    members,
    {
      activity: words.what,
      limit: 1,
      stopAtFailure: true,
      doneText: ({ already }) => (already ? `already a ${role}` : words.what),
      async run(task) {
        const { node, name } = task.subject;
        const already = node.role === role;
        if (!already) await before(task.subject);
        // A node that is down with the role already is not waited for.
        if (!already || node.status !== 'down') await changeRole(swarm, role, task);
        return { nodeId: node.id, role, already, message: words.done(name) };
      },
    },
    context,
  );
}
