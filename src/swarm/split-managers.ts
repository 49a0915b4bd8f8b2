import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { rethrowAbort } from '../base/errors.js';
import type { Machine } from '../machines/model/machine.js';
import { type ProbedMachine, probeMembership } from './manager-reachability.js';
import type { SwarmNode } from './model/swarm-node.js';
import { readNodeIdentity } from './recovery/abandoned-managers.js';
import type { Swarm } from './session.js';
import { nodesSeenFrom, type StableSwarm } from './stable-view.js';

/** A machine that runs as a manager with the swarm's ID, but is not a manager of this swarm. */
export interface SplitManager {
  name: string;
  /** Whether it has a leader of its own: a second swarm that accepts changes. */
  hasLeader: boolean;
}

/** @returns what the machines report that do not take part, whether the swarm lists them or not */
export async function probeOutside(
  { members, managers }: StableSwarm,
  context: Context,
): Promise<ProbedMachine[]> {
  const silent = new Set(managers.filter(({ reachable }) => !reachable).map(({ id }) => id));
  const present = new Set(
    members.flatMap(({ node, machine }) =>
      machine && node.status === 'ready' && !silent.has(node.id) ? [machine.name] : [],
    ),
  );
  const { machines } = await context.cluster.machines();
  return probeMembership(
    machines.filter(({ name }) => !present.has(name)),
    context,
  );
}

/** After a forced new cluster the other managers keep their state, and may start again with it. */
export async function findSplitManagers(
  swarm: Swarm,
  probed: readonly ProbedMachine[],
  context: Context,
): Promise<SplitManager[]> {
  const managers = probed.flatMap(({ machine, membership }) => (membership?.manager ? [machine] : []));
  const inspect = (machine: Machine): Promise<SplitManager | undefined> =>
    inspectManager(machine, swarm, context);
  const { answers } = await queryAll(managers, inspect, context.signal);
  return answers.flatMap(({ value }) => value ?? []);
}

async function inspectManager(
  machine: Machine,
  swarm: Swarm,
  context: Context,
): Promise<SplitManager | undefined> {
  const identity = await readNodeIdentity(machine, context);
  if (identity?.swarmId !== swarm.id) return undefined;
  const theirs = await nodesSeenFrom(machine, context).catch(rethrowAbort);
  const ours = await swarm.nodes();
  const isMember = ours.some(({ id, reachability }) => id === identity.nodeId && reachability !== undefined);
  // A member of the raft without a leader is only reconnecting.
  if (!theirs) return isMember ? undefined : { name: machine.name, hasLeader: false };
  return leaderOf(theirs) === leaderOf(ours) ? undefined : { name: machine.name, hasLeader: true };
}

/** A restored manager has the ID of the node in the backup, at another address. */
function leaderOf(nodes: readonly SwarmNode[]): string | undefined {
  const leader = nodes.find((node) => node.leader);
  return leader && `${leader.id} ${leader.managerAddress}`;
}
