import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../app/context.js';
import { ExternalError, unlessAborted } from '../base/errors.js';
import type { Machine } from '../machines/model/machine.js';
import { answeringManagers, membershipOf, withEngineWithin } from './membership.js';
import { hasAddress, type Member, matchMembers } from './model/members.js';
import { hasQuorum, type ManagerState, type Tally, tallyManagers } from './model/quorum.js';
import { hostOf, readNodes, type SwarmNode } from './model/swarm-node.js';
import { currentManagers, managersAsReported } from './require-quorum.js';
import type { Swarm } from './session.js';

/** The nodes of a swarm, and which of its managers are there, as its leader and the managers themselves see it. */
export interface StableSwarm {
  members: Member[];
  managers: ManagerState[];
}

/** A manager that has a leader answers at once. */
const nodesTimeoutMs = 5_000;
/** One that has just lost it holds questions back for 20 s (moby, daemon/cluster: `swarmRequestTimeout`). */
const infoTimeoutMs = 25_000;
/** An election after the leader's loss takes some 10 s, and up to 20 s until it begins. */
const electionMs = 45_000;

/** What one node of a swarm lets belt know of it. */
export interface SwarmSnapshot {
  /** Absent where the swarm has no quorum, or nothing can be learned of it. */
  settled?: StableSwarm;
  /** Without `settled`, by what the managers say of themselves; a leader may not know yet of all of them. */
  present?: ReachableManagers;
}

/** `reachable` counts those that belt cannot ask as well: they may be there. */
interface ReachableManagers extends Tally {
  answering: number;
}

/**
 * The swarm of a manager, when its leader knows the others.
 * @param force where enough managers answer and elect nobody, that is told, and no error
 * @param noWait no election is waited for
 * @returns undefined when it has no quorum, or nothing can be learned of it
 * @throws ExternalError when enough managers answer and elect nobody; AbortError
 */
export async function stableSwarm(
  manager: Machine,
  { force, noWait = false }: { force: boolean; noWait?: boolean },
  context: Context,
): Promise<StableSwarm | undefined> {
  const { settled, present } = await (noWait ? inspectSwarm : waitForStableSwarm)(manager, context);
  if (settled || !present || !hasQuorum(present)) return settled;
  const obstacle = `${present.reachable} of ${present.managers} managers of the swarm of ${manager.name} may be there, and have no leader that knows them`;
  if (!force) throw new ExternalError(obstacle, { hint: 'again in a minute, or all the same: --force' });
  context.reporter.warn(`${obstacle}; --force: nobody can tell what this takes from the swarm`);
  return undefined;
}

/**
 * Looks at the swarm of a manager. While its leader is lost, or a new one has not heard of all yet, and enough managers answer, it waits
 * for some time: a swarm between two leaders has not lost its quorum.
 * @throws AbortError
 */
export async function waitForStableSwarm(manager: Machine, context: Context): Promise<SwarmSnapshot> {
  const deadline = Date.now() + electionMs;
  for (let told = false; ; told = true) {
    const look = await inspectSwarm(manager, context);
    if (look.settled || !look.present || !hasQuorum(look.present) || Date.now() > deadline) return look;
    if (!told) context.reporter.note(`nobody leads the swarm of ${manager.name}: waiting for an election`);
    await sleep(500, undefined, { signal: context.signal });
  }
}

/** Looks at the swarm of a node once, as it is now. @throws AbortError */
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
  // A leader that counts enough others leads them, though belt reaches fewer.
  const isLed = !hasQuorum(present) && hasQuorum(tallyManagers(managersAsReported(members)));
  return isLed ? { settled: { members, managers } } : { present };
}

/** A new leader hears of the other managers within this. */
const newLeaderMs = 20_000;

/**
 * The same of a swarm that is asked already. A leader that was just elected is given time to hear of the others, where enough of them
 * answer.
 */
export async function stableMembers(swarm: Swarm, context: Context): Promise<StableSwarm> {
  const deadline = Date.now() + newLeaderMs;
  for (;;) {
    const members = await swarm.members();
    const managers = await currentManagers(members, context);
    if (hasQuorum(tallyManagers(managers)) || Date.now() > deadline) return { members, managers };
    if (!hasQuorum(await countReachable(managerMachines(members), context))) return { members, managers };
    await sleep(500, undefined, { signal: context.signal });
  }
}

function managerMachines(members: readonly Member[]): (Machine | undefined)[] {
  return members.filter(({ node }) => node.role === 'manager').map(({ machine }) => machine);
}

/** Its nodes, by the word of a manager that has a leader. @throws ExternalError, EngineError where there is none */
export function nodesSeenFrom(node: Machine, context: Context): Promise<SwarmNode[]> {
  return withEngineWithin(node, nodesTimeoutMs, context, async (api, signal) =>
    readNodes(await api.get('/nodes', { signal })),
  );
}

/** Where the managers are, as each node of the swarm knows. */
function managerHosts(node: Machine, context: Context): Promise<string[]> {
  return withEngineWithin(node, infoTimeoutMs, context, async (api, signal) => {
    const { managers } = await membershipOf(api, { signal });
    return managers.map(hostOf);
  });
}

/** Which machine is at each host; absent: none that belt knows. */
function machinesAt(hosts: readonly string[], machines: readonly Machine[]): (Machine | undefined)[] {
  return hosts.map((host) => machines.find((machine) => hasAddress(machine, host)));
}

/** One that is no machine of belt's cannot be asked, and counts as present. */
async function countReachable(managers: readonly (Machine | undefined)[], context: Context): Promise<ReachableManagers> {
  const known = managers.filter((machine) => machine !== undefined);
  const answering = (await answeringManagers(known, context)).length;
  return { managers: managers.length, reachable: managers.length - known.length + answering, answering };
}
