import type { Context } from '../app/context.js';
import { ExternalError, unlessAborted } from '../base/errors.js';
import { pollUntil } from '../base/poll.js';
import type { Machine } from '../machines/model/machine.js';
import { electionTimeoutMs, newLeaderTimeoutMs } from './election.js';
import { answeringManagers, membershipOf, withEngineWithin } from './membership.js';
import { hasAddress, type Member, matchMembers } from './model/members.js';
import { hasQuorum, type ManagerState, type Tally, tallyManagers } from './model/quorum.js';
import { hostOf, readNodes, type SwarmNode } from './model/swarm-node.js';
import { currentManagers, managersAsReported } from './require-quorum.js';
import type { Swarm } from './session.js';

/** The nodes, and which managers are reachable according to the leader and themselves. */
export interface StableSwarm {
  members: Member[];
  managers: ManagerState[];
}

/** A manager with a leader responds at once. */
const nodesTimeoutMs = 5_000;
/** Without a leader, requests block for 20 s (moby, daemon/cluster: `swarmRequestTimeout`). */
const infoTimeoutMs = 25_000;
const intervalMs = 500;

/** The state of a swarm, as seen from one node. */
export interface SwarmSnapshot {
  /** Undefined without a quorum, or when the state is unknown. */
  settled?: StableSwarm;
  /** Without `settled`: as the managers report themselves. */
  present?: ReachableManagers;
}

/** `reachable` includes managers that belt cannot query: they may be up. */
interface ReachableManagers extends Tally {
  answering: number;
}

/**
 * The swarm of a manager, once its leader knows the others.
 * @param force warn when enough managers respond but have no leader
 * @param noWait no election is waited for
 * @returns undefined without a quorum, or when the state is unknown
 * @throws ExternalError when enough managers respond but have no leader; AbortError
 */
export async function stableSwarm(
  manager: Machine,
  { force, noWait = false }: { force: boolean; noWait?: boolean },
  context: Context,
): Promise<StableSwarm | undefined> {
  const { settled, present } = await (noWait ? inspectSwarm : waitForStableSwarm)(manager, context);
  if (settled || !present || !hasQuorum(present)) return settled;
  const problem = `${present.reachable} of ${present.managers} managers of the swarm of ${manager.name} appear to be up but have no common leader`;
  if (!force) throw new ExternalError(problem, { hint: 'retry in a minute, or use --force' });
  context.reporter.warn(`${problem}; --force: the effect on the quorum is unknown`);
  return undefined;
}

/**
 * Inspects the swarm of a manager. Waits while enough managers respond and there is no leader yet,
 * or a new one does not know them all: a swarm between two leaders has not lost its quorum.
 * @throws AbortError
 */
export function waitForStableSwarm(manager: Machine, context: Context): Promise<SwarmSnapshot> {
  const { signal, reporter } = context;
  return pollUntil(
    () => inspectSwarm(manager, context),
    ({ settled, present }) => Boolean(settled) || !present || !hasQuorum(present),
    {
      timeoutMs: electionTimeoutMs,
      intervalMs,
      signal,
      onFirstWait: () => reporter.note(`the swarm of ${manager.name} has no leader; waiting for an election`),
    },
  );
}

/** @throws AbortError */
export async function inspectSwarm(node: Machine, context: Context): Promise<SwarmSnapshot> {
  const { machines } = await context.cluster.machines();
  const nodes = await nodesSeenFrom(node, context).catch(unlessAborted);
  if (!nodes) {
    const hosts = await managerHosts(node, context).catch(unlessAborted);
    return hosts ? { present: await countReachable(machinesAt(hosts, machines), context) } : {};
  }
  const members = matchMembers(nodes, machines);
  const managers = await currentManagers(members, context);
  if (hasQuorum(tallyManagers(managers))) return { settled: { members, managers } };
  const present = await countReachable(managerMachines(members), context);
  // A leader that reaches enough managers leads them, even if belt reaches fewer.
  const isLed = !hasQuorum(present) && hasQuorum(tallyManagers(managersAsReported(members)));
  return isLed ? { settled: { members, managers } } : { present };
}

/** Gives a new leader time to learn of the other managers when enough of them respond. */
export function stableMembers(swarm: Swarm, context: Context): Promise<StableSwarm> {
  const read = async (): Promise<StableSwarm> => {
    const members = await swarm.members();
    return { members, managers: await currentManagers(members, context) };
  };
  const isFinal = async ({ members, managers }: StableSwarm): Promise<boolean> =>
    hasQuorum(tallyManagers(managers)) || !hasQuorum(await countReachable(managerMachines(members), context));
  const { signal } = context;
  return pollUntil(read, isFinal, { timeoutMs: newLeaderTimeoutMs, intervalMs, signal });
}

function managerMachines(members: readonly Member[]): (Machine | undefined)[] {
  return members.filter(({ node }) => node.role === 'manager').map(({ machine }) => machine);
}

/** @throws ExternalError, EngineError without a leader */
export function nodesSeenFrom(node: Machine, context: Context): Promise<SwarmNode[]> {
  return withEngineWithin(node, nodesTimeoutMs, context, async (api, signal) =>
    readNodes(await api.nodes({ signal })),
  );
}

/** Every node knows its managers' addresses. */
function managerHosts(node: Machine, context: Context): Promise<string[]> {
  return withEngineWithin(node, infoTimeoutMs, context, async (api, signal) => {
    const { managers } = await membershipOf(api, { signal });
    return managers.map(hostOf);
  });
}

/** Undefined: not managed by belt. */
function machinesAt(hosts: readonly string[], machines: readonly Machine[]): (Machine | undefined)[] {
  return hosts.map((host) => machines.find((machine) => hasAddress(machine, host)));
}

/** Managers not managed by belt cannot be queried: assume they are up. */
async function countReachable(
  managers: readonly (Machine | undefined)[],
  context: Context,
): Promise<ReachableManagers> {
  const known = managers.filter((machine) => machine !== undefined);
  const answering = (await answeringManagers(known, context)).length;
  return { managers: managers.length, reachable: managers.length - known.length + answering, answering };
}
