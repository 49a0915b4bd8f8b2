import type { Context } from '../../app/context.js';
import { queryAll } from '../../app/fan-out.js';
import { explanationOf, isAbort, UserError } from '../../base/errors.js';
import { Pending, poll } from '../../base/poll.js';
import { hasNoSsh, type Machine } from '../../machines/model/machine.js';
import { SeveralSwarmsError } from '../find-manager.js';
import { membershipOf, withEngine } from '../membership.js';
import { rankByLog } from '../model/manager-ranking.js';
import { findManagerEntry, type Member, memberName } from '../model/members.js';
import { hasQuorum, quorumSize, type Tally, tallyManagers } from '../model/quorum.js';
import type { LogPosition } from '../model/raft-log.js';
import type { Membership } from '../model/swarm-node.js';
import { findMovedManagers, movedText } from '../moved-managers.js';
import { requireAddress } from '../node-network.js';
import { currentManagers, NoQuorumError } from '../require-quorum.js';
import { withSwarm } from '../session.js';
import { type MachineRaftState, readRaftState } from './read-raft-state.js';
import { deleteRecovery, type Recovery, readRecovery } from './recovery-record.js';
import { otherNodes, type ReturningMachine } from './rejoin-nodes.js';

export interface RecoveryPlan {
  swarmId: string;
  /** The machine that forces a new cluster. */
  manager: Machine;
  /** The new cluster exists already: only the other machines have to rejoin. */
  isForced: boolean;
  /** Why managers cannot be reached, although they run. */
  moved?: string;
  /** The furthest log first. */
  managers: { name: string; position: LogPosition }[];
  returning: ReturningMachine[];
  /** Unreachable machines. */
  lost: { name: string; reason: string }[];
  autolock: boolean;
  /** Content of `swarm-node.key`, when locked. */
  lockedKey?: string;
}

/**
 * Changes nothing on the machines. If the swarm has a quorum again, deletes the record of a
 * recovery that never forced a new cluster: resuming would remove healthy managers.
 * @throws UserError when the swarm has a quorum and its manager its address, or no machine holds its state
 */
export async function planRecovery({ force }: { force: boolean }, context: Context): Promise<RecoveryPlan> {
  const record = await readRecovery(context);
  const healthy = await findSwarmWithQuorum(context);
  const moved = healthy && (await planMove(healthy, context));
  if (moved) return moved;
  if (healthy && record?.swarmId === healthy.id) {
    if (await wasForced(record, healthy, context)) return resumePlan(record, context);
    await deleteRecovery(context);
  }
  const rejoin = healthy && (await planRejoin(healthy, context));
  if (rejoin) return rejoin;
  if (healthy) {
    const { managers, reachable } = healthy.tally;
    throw new UserError(
      `the swarm has a quorum: ${reachable} of ${managers} managers can be reached, and ${quorumSize(managers)} are needed`,
      { hint: 'belt swarm ls; there is nothing to recover' },
    );
  }
  const { states, lost } = await inspectMachines(context);
  const managers = rankByLog(await selectSwarm(states, context));
  const [first] = managers;
  if (!first) {
    throw new UserError('no machine of this cluster has the state of a swarm', {
      hint: 'belt start NODE, to start a manager; or belt swarm restore FILE NODE',
    });
  }
  requireAddress(first.machine);
  if (!force) await requireNoElection(managers, context);
  return {
    swarmId: first.swarmId,
    manager: first.machine,
    isForced: false,
    managers,
    returning: states.flatMap(({ swarmId, machine, manager }) =>
      swarmId === first.swarmId && machine !== first.machine
        ? [{ machine, role: manager ? ('manager' as const) : ('worker' as const) }]
        : [],
    ),
    lost,
    // An interrupted run may have unlocked the key already.
    autolock: first.locked || (record?.swarmId === first.swarmId && record.autolock),
    ...(first.locked && { lockedKey: first.key }),
  };
}

/** The workers cannot find a manager that lost its address, and it has no peers to join again. */
async function planMove(
  { id, members }: SwarmWithLeader,
  context: Context,
): Promise<RecoveryPlan | undefined> {
  const managers = members.filter(isRaftMember);
  const [machine] = managers.flatMap((member) => member.machine ?? []);
  if (managers.length !== 1 || !machine) return undefined;
  const [moved] = await findMovedManagers(members, context);
  if (!moved) return undefined;
  requireAddress(machine);
  const listed = new Set(members.map((member) => member.machine?.name));
  const { states, lost } = await inspectMachines(context);
  const own = states.find(({ name }) => name === machine.name);
  const others = states.filter(
    ({ name, swarmId }) => name !== machine.name && swarmId === id && listed.has(name),
  );
  return {
    swarmId: id,
    manager: machine,
    isForced: false,
    moved: movedText(moved),
    managers: [],
    returning: others.map((other) => ({ machine: other.machine, role: 'worker' })),
    lost: lost.filter(({ name }) => listed.has(name)),
    autolock: own?.locked ?? false,
    ...(own?.locked && { lockedKey: own.key }),
  };
}

/** Managers that the others cannot reach at their old addresses leave and join again. */
async function planRejoin(
  { id, members }: SwarmWithLeader,
  context: Context,
): Promise<RecoveryPlan | undefined> {
  const moved = await findMovedManagers(members, context);
  const machineNamed = (name: string | undefined): Machine | undefined =>
    members.find(({ machine }) => machine !== undefined && machine.name === name)?.machine;
  const manager = machineNamed(moved[0]?.other);
  if (!manager) return undefined;
  const returning = moved.flatMap(({ name }) => machineNamed(name) ?? []);
  return {
    swarmId: id,
    manager,
    isForced: true,
    moved: moved.map(movedText).join('; '),
    managers: [],
    returning: returning.map((machine) => ({ machine, role: 'manager', isMember: true })),
    lost: [],
    autolock: false,
  };
}

/** Of a recovery whose new cluster exists. */
export async function resumePlan(
  { swarmId, manager, autolock, members }: Recovery,
  context: Context,
): Promise<RecoveryPlan> {
  const machines = new Map(
    (await context.cluster.machines()).machines.map((machine) => [machine.name, machine]),
  );
  const first = await context.cluster.machine(manager);
  const left = members ?? (await otherNodes(first, context));
  const returning = left.flatMap(({ name, role }): ReturningMachine[] => {
    const machine = machines.get(name);
    return machine ? [{ machine, role }] : [];
  });
  return { swarmId, manager: first, isForced: true, managers: [], returning, lost: [], autolock };
}

/** Short, since the quorum is usually lost for good when this runs. */
const quorumTimeoutMs = 20_000;

interface SwarmWithLeader {
  id: string;
  tally: Tally;
  members: Member[];
}

/** Previous managers are listed without a reachability. */
function isRaftMember({ node }: Member): boolean {
  return node.reachability !== undefined;
}

/** Detects an interruption right after `--force-new-cluster`: there is one manager. */
async function wasForced(
  { begun = false, manager }: Recovery,
  { members }: SwarmWithLeader,
  { cluster }: Context,
): Promise<boolean> {
  const managers = members.filter(isRaftMember);
  if (!begun && managers.length > 1) return false;
  if (managers.some((member) => memberName(member) === manager)) return true;
  // Right after a restore, the node still has the old host name.
  const machine = (await cluster.machines()).machines.find(({ name }) => name === manager);
  const nodes = managers.map(({ node }) => node);
  return machine !== undefined && findManagerEntry(nodes, machine) !== undefined;
}

/** A leader counts on lost managers for a while, so they are queried themselves. */
async function findSwarmWithQuorum(context: Context): Promise<SwarmWithLeader | undefined> {
  const check = async (): Promise<SwarmWithLeader | undefined | Pending> => {
    const swarm = await findSwarm(context);
    const isFinal = swarm !== 'leaderless' && (!swarm || hasQuorum(swarm.tally));
    return isFinal ? swarm : new Pending('no quorum');
  };
  return poll(check, {
    timeoutMs: quorumTimeoutMs,
    intervalMs: 5_000,
    signal: context.signal,
    onFirstWait: () => context.reporter.note('The swarm has no quorum; waiting for its managers'),
    onTimeout: () => undefined,
  });
}

/** @returns undefined when no manager responds */
async function findSwarm(context: Context): Promise<SwarmWithLeader | 'leaderless' | undefined> {
  try {
    return await withSwarm({ noWait: true }, context, async (swarm) => {
      const members = await swarm.members();
      const managers = await currentManagers(members.filter(isRaftMember), context);
      return { id: swarm.id, tally: tallyManagers(managers), members };
    });
  } catch (error) {
    if (isAbort(error) || error instanceof SeveralSwarmsError) throw error;
    return error instanceof NoQuorumError ? 'leaderless' : undefined;
  }
}

async function inspectMachines(
  context: Context,
): Promise<{ states: MachineRaftState[]; lost: { name: string; reason: string }[] }> {
  const { machines } = await context.cluster.machines();
  const withSsh = machines.filter((machine) => !hasNoSsh(machine));
  const read = (machine: Machine): Promise<MachineRaftState | undefined> => readRaftState(machine, context);
  const { answers, failed } = await queryAll(withSsh, read, context.signal);
  return {
    states: answers.flatMap(({ value }) => value ?? []),
    lost: failed.map(({ subject, error }) => ({ name: subject.name, reason: explanationOf(error) })),
  };
}

/** Of several swarms, that of the active machine. */
async function selectSwarm(
  states: readonly MachineRaftState[],
  { cluster }: Context,
): Promise<MachineRaftState[]> {
  const swarms = [...new Set(states.filter(({ manager }) => manager).map(({ swarmId }) => swarmId))];
  if (swarms.length < 2) return states.filter(({ swarmId }) => swarmId === swarms[0]);
  const active = await cluster.activeMachine();
  const chosen = states.find(({ name }) => name === active)?.swarmId;
  if (chosen !== undefined) return states.filter(({ swarmId }) => swarmId === chosen);
  throw new SeveralSwarmsError(
    swarms.flatMap((id) => states.find(({ swarmId }) => swarmId === id)?.name ?? []),
  );
}

/** A majority will elect a leader: a forced new cluster would be a second swarm. */
async function requireNoElection(managers: readonly MachineRaftState[], context: Context): Promise<void> {
  const query = ({ machine }: MachineRaftState): Promise<Membership> =>
    withEngine(machine, context, membershipOf);
  const { answers } = await queryAll(managers, query, context.signal);
  const alive = answers.map(({ value }) => value).filter(({ manager }) => manager);
  const known = Math.max(0, ...alive.map(({ managers: { length } }) => length));
  if (known === 0 || !hasQuorum({ managers: known, reachable: alive.length })) return;
  throw new UserError(
    `${alive.length} of ${known} managers respond and ${quorumSize(known)} are needed: they should elect a leader on their own`,
    { hint: 'check that they reach each other on TCP port 2377, or use --force' },
  );
}
