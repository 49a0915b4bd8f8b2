import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { ExternalError, isAbort, UserError } from '../base/errors.js';
import { Pending, poll } from '../base/poll.js';
import { observe } from '../machines/list-machines.js';
import type { Machine } from '../machines/model/machine.js';
import { NoSwarmError } from '../swarm/find-manager.js';
import { membershipOf, withEngineWithin } from '../swarm/membership.js';
import type { Member } from '../swarm/model/members.js';
import type { Membership } from '../swarm/model/swarm-node.js';
import { withSwarm } from '../swarm/session.js';
import type { ClusterState, Present } from './model/compare.js';
import { type MachineWithState, presentOf } from './model/current-state.js';
import type { Group } from './model/group.js';

export interface Observation {
  cluster: ClusterState;
  /** All recorded machines. */
  machines: ReadonlyMap<string, Machine>;
  /** Why the swarm cannot be inspected. */
  obstacle?: Error;
}

/** Without a response in this time, the managers' information counts. */
const responseTimeoutMs = 5_000;
/**
 * Managers report a node as ready until it misses three heartbeats of 5 s (swarmkit, dispatcher).
 */
const lostAfterMs = 30_000;

/**
 * Waits for managers to notice that a node was just destroyed.
 * @throws UserError for a damaged record; ExternalError when a provider does not respond
 */
export async function observeCluster(groups: readonly Group[], context: Context): Promise<Observation> {
  let isNoted = false;
  const check = async (): Promise<Observation | Pending> => {
    const observation = await observeOnce(groups, context);
    const unmanaged = findUnmanagedNode(groups, observation);
    if (!unmanaged) return observation;
    if (!isNoted)
      context.reporter.note(`${unmanaged.name} is no longer a machine; waiting for its swarm to notice`);
    isNoted = true;
    return new Pending(unmanagedNodeError(unmanaged, observation));
  };
  return poll(check, { timeoutMs: lostAfterMs, intervalMs: 1_000, signal: context.signal });
}

async function observeOnce(groups: readonly Group[], context: Context): Promise<Observation> {
  const { machines, damaged } = await context.cluster.machines();
  for (const { error } of damaged) throw error;
  refuseOtherDrivers(groups, machines);
  const seen = await observeMachines(machines, context);
  const { swarm, members, obstacle } = await observeSwarm(context);
  return {
    cluster: { swarm, present: presentOf(seen, await withoutStaleMatches(members, seen, context)) },
    machines: new Map(machines.map((machine) => [machine.name, machine])),
    ...(obstacle && { obstacle }),
  };
}

async function observeMachines(machines: readonly Machine[], context: Context): Promise<MachineWithState[]> {
  const rows = await observe(machines, context);
  for (const { machine, state, error } of rows) {
    if (state === 'error' && error !== undefined && machine.phase === 'ready')
      throw new ExternalError(`${machine.driver} cannot list its machines: ${error}`);
  }
  return rows;
}

interface SwarmObservation {
  swarm: ClusterState['swarm'];
  members: Member[];
  obstacle?: Error;
}

async function observeSwarm(context: Context): Promise<SwarmObservation> {
  try {
    return { swarm: 'present', members: await withSwarm({}, context, (swarm) => swarm.members()) };
  } catch (error) {
    if (error instanceof NoSwarmError) return { swarm: 'none', members: [] };
    if (isAbort(error) || !(error instanceof ExternalError || error instanceof UserError)) throw error;
    return { swarm: 'unknown', members: [], obstacle: error };
  }
}

function refuseOtherDrivers(groups: readonly Group[], machines: readonly Machine[]): void {
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  for (const { name: group, origin, nodes, driver } of groups) {
    const other = nodes
      .map((name) => byName.get(name))
      .find((machine) => machine && machine.driver !== driver);
    if (!other) continue;
    throw new UserError(
      `${other.name} is a ${other.driver} machine, but group ${group} (${origin}) wants ${driver}`,
      { hint: `set driver: ${other.driver} in the group, or belt rm ${other.name}` },
    );
  }
}

/** Matches members to stale nodes by name or address, in doubt by the machine's own node ID. */
async function withoutStaleMatches(
  members: readonly Member[],
  seen: readonly MachineWithState[],
  context: Context,
): Promise<Member[]> {
  const running = new Set(seen.flatMap(({ machine, state }) => (state === 'running' ? [machine.name] : [])));
  const doubtful = members.flatMap(({ node, machine }) =>
    machine && running.has(machine.name) && (node.status !== 'ready' || node.hostname !== machine.name)
      ? [machine]
      : [],
  );
  const ids = await nodeIdsOf(doubtful, context);
  return members.map(({ node, machine }) => {
    const id = machine && ids.get(machine.name);
    return !machine || (id !== undefined && id !== node.id) ? { node } : { node, machine };
  });
}

/** The node ID that each machine reports, empty without a node. Omits unresponsive machines. */
async function nodeIdsOf(machines: readonly Machine[], context: Context): Promise<Map<string, string>> {
  const query = (machine: Machine): Promise<Membership> =>
    withEngineWithin(machine, responseTimeoutMs, context, (api, signal) => membershipOf(api, { signal }));
  const { answers } = await queryAll(machines, query, context.signal);
  return new Map(answers.map(({ subject, value }) => [subject.name, value.nodeId]));
}

/** A wanted node without a machine: creating one would add a second node of that name. */
function findUnmanagedNode(groups: readonly Group[], { cluster }: Observation): Present | undefined {
  const wanted = new Set(groups.flatMap(({ nodes }) => nodes));
  return cluster.present.find(
    ({ name, machine, node }) => node && wanted.has(name) && (!machine || machine.state === 'missing'),
  );
}

function unmanagedNodeError({ name }: Present, { machines }: Observation): UserError {
  const machine = machines.get(name);
  if (!machine) {
    return new UserError(`the swarm has a node ${name} that is not a machine of this cluster`, {
      hint: `belt swarm rm ${name}, or use another name for the machine`,
    });
  }
  return new UserError(`machine ${name} does not exist on ${machine.driver}, but is ready in the swarm`, {
    hint: 'belt cluster config, to check the account and region of the driver',
  });
}
