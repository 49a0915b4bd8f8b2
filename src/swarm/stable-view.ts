import type { Context } from '../app/context.js';
import { ExternalError, rethrowAbort } from '../base/errors.js';
import { pollUntil } from '../base/poll.js';
import type { Machine } from '../machines/model/machine.js';
import { electionTimeoutMs, newLeaderTimeoutMs } from './election.js';
import { answeringManagers, identifyMembers, membershipOf, withEngineWithin } from './membership.js';
import { hasAddress, type Member } from './model/members.js';
import { hasQuorum, type ManagerState, type Tally, tallyManagers } from './model/quorum.js';
import { hostOf, readNodes, type SwarmNode } from './model/swarm-node.js';
import { currentManagers, managersAsReported } from './require-quorum.js';
import type { Swarm } from './session.js';

/** The managers count as reachable for the leader and for belt. */
export interface StableSwarm {
  members: Member[];
  managers: ManagerState[];
}

const nodesTimeoutMs = 5_000;
/** Without a leader, requests block for 20 s (moby, daemon/cluster: `swarmRequestTimeout`). */
const infoTimeoutMs = 25_000;
const intervalMs = 500;

/** As seen from one node. */
export interface SwarmSnapshot {
  /** Undefined without a quorum, or when unknown. */
  settled?: StableSwarm;
  /** Without `settled`: as the managers report. */
  present?: ReachableManagers;
}

/** `reachable` includes managers that belt cannot query. */
interface ReachableManagers extends Tally {
  answering: number;
}

/**
 * Waits until the leader knows the other managers.
 * @param force warns instead of throwing when there is no leader
 * @param noWait skips waiting for an election
 * @returns undefined without a quorum, or when unknown
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

/** Between two leaders, a swarm has not lost its quorum. @throws AbortError */
export function waitForStableSwarm(manager: Machine, context: Context): Promise<SwarmSnapshot> {
  const { signal, reporter } = context;
  return pollUntil(
    () => inspectSwarm(manager, context),
    ({ settled, present }) => Boolean(settled) || !present || !hasQuorum(present),
    {
      timeoutMs: electionTimeoutMs,
      intervalMs,
      signal,
      onFirstWait: () => reporter.note(`The swarm of ${manager.name} has no leader; waiting for an election`),
    },
  );
}

/** @throws AbortError */
export async function inspectSwarm(node: Machine, context: Context): Promise<SwarmSnapshot> {
  const nodes = await nodesSeenFrom(node, context).catch(rethrowAbort);
  if (!nodes) {
    const { machines } = await context.cluster.machines();
    const hosts = await managerHosts(node, context).catch(rethrowAbort);
    return hosts ? { present: await countReachable(machinesAt(hosts, machines), context) } : {};
  }
  const members = await identifyMembers(nodes, context);
  const managers = await currentManagers(members, context);
  if (hasQuorum(tallyManagers(managers))) return { settled: { members, managers } };
  const present = await countReachable(managerMachines(members), context);
  // The leader may reach managers that belt does not.
  const isLed = !hasQuorum(present) && hasQuorum(tallyManagers(managersAsReported(members)));
  return isLed ? { settled: { members, managers } } : { present };
}

/** A new leader needs some time to hear from the other managers. */
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
export function managerHosts(node: Machine, context: Context): Promise<string[]> {
  return withEngineWithin(node, infoTimeoutMs, context, async (api, signal) => {
    const { managers } = await membershipOf(api, { signal });
    return managers.map(hostOf);
  });
}

/** Undefined for managers that belt does not manage. */
export function machinesAt(hosts: readonly string[], machines: readonly Machine[]): (Machine | undefined)[] {
  return hosts.map((host) => machines.find((machine) => hasAddress(machine, host)));
}

/** Managers that belt does not manage are assumed to be up. */
async function countReachable(
  managers: readonly (Machine | undefined)[],
  context: Context,
): Promise<ReachableManagers> {
  const known = managers.filter((machine) => machine !== undefined);
  const answering = (await answeringManagers(known, context)).length;
  return { managers: managers.length, reachable: managers.length - known.length + answering, answering };
}
