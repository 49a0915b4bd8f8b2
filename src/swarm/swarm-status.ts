import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { ExternalError, explanationOf } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { observe } from '../machines/list-machines.js';
import { hasNoSsh, type Machine, type MachineState } from '../machines/model/machine.js';
import { lostQuorum } from './lost-quorum.js';
import { managerState, ownState, ownStateTimeoutMs } from './membership.js';
import { type NamedMember, named } from './model/members.js';
import {
  certificateWarnings,
  createOverview,
  downWarnings,
  lockedWarnings,
  managerCounts,
  type NodeCertificates,
  noQuorumWarning,
  type SwarmOverview,
  splitWarnings,
} from './model/swarm-overview.js';
import { findMovedManagers, movedWarning } from './moved-managers.js';
import { nodeCertificates } from './node-certificates.js';
import { NoQuorumError } from './require-quorum.js';
import { type Swarm, withSwarm } from './session.js';
import { findSplitManagers, probeOutside, type SplitManager } from './split-managers.js';
import { inspectSwarm, type SwarmSnapshot, stableMembers, waitForStableSwarm } from './stable-view.js';

export interface SwarmStatus extends SwarmOverview {
  /** Undefined without a quorum, as all that only a leader knows. */
  id?: string;
  /** The manager that reported the state. */
  asked?: string;
  certificates?: NodeCertificates;
  /** Machines that run as managers with the ID of this swarm, but are not managers of it. */
  splitManagers: string[];
  /** Reported by the machines, without a quorum. */
  machines: ReportedState[];
}

interface ReportedState {
  name: string;
  /** From the provider. */
  state: string;
  /** `inactive`, `active/manager`, ...; undefined without a response. */
  swarm?: string;
  error?: string;
}

/** @throws UserError without a swarm or for a worker; ExternalError, AbortError */
export async function swarmStatus(manager: Machine | undefined, context: Context): Promise<SwarmStatus> {
  const decided = new AbortController();
  const signal = AbortSignal.any([context.signal, decided.signal]);
  const stoppable = { ...context, signal };
  try {
    return await Promise.race([
      statusFromManagers(manager, stoppable),
      statusOfLostQuorum(manager, stoppable),
    ]);
  } finally {
    decided.abort();
  }
}

/** A leader answers sooner. */
const leaderMs = 2_000;

/** Does not wait for an election that cannot succeed. Never resolves if it may, and never throws. */
async function statusOfLostQuorum(manager: Machine | undefined, context: Context): Promise<SwarmStatus> {
  try {
    await sleep(leaderMs, undefined, { signal: context.signal });
    const states = await reportedStates(context);
    const source = bestSource(states, manager?.name ?? (await context.cluster.activeMachine()));
    const tally = source && (await lostQuorum(source, states, context));
    if (tally) return statusWithoutLeader(states, { ...tally, answering: tally.reachable });
    context.reporter.note('The swarm does not respond yet; waiting for its managers to elect a leader');
  } catch {
    // The other request reports what is wrong.
  }
  return new Promise(() => {});
}

async function statusFromManagers(manager: Machine | undefined, context: Context): Promise<SwarmStatus> {
  const statusFromLeader = (): Promise<SwarmStatus> =>
    withSwarm({ manager, noWait: true }, context, (swarm) => statusOf(swarm, context));
  try {
    return await statusFromLeader();
  } catch (error) {
    if (!(error instanceof NoQuorumError || error instanceof ExternalError)) throw error;
    const states = await reportedStates(context);
    const source = bestSource(states, manager?.name ?? (await context.cluster.activeMachine()));
    if (!source) throw error;
    const look = source.swarm === managerState ? waitForStableSwarm : inspectSwarm;
    const { settled, present } = await look(source.machine, context);
    if (settled) return statusFromLeader();
    return statusWithoutLeader(states, present);
  }
}

async function statusOf(swarm: Swarm, context: Context): Promise<SwarmStatus> {
  const settled = await stableMembers(swarm, context);
  const outside = await probeOutside(settled, context);
  const locked = new Set(
    outside.flatMap(({ machine, membership }) => (membership?.state === 'locked' ? [machine.name] : [])),
  );
  const members = withDistinctNames(named(settled.members)).map((member) =>
    locked.has(member.name) ? { ...member, node: { ...member.node, status: 'locked' } } : member,
  );
  const present = new Set(settled.managers.filter(({ reachable }) => reachable).map(({ id }) => id));
  const overview = createOverview(members, present);
  const asked = members.filter(({ node }) => node.role === 'worker' || present.has(node.id));
  const certificates = await nodeCertificates(swarm, asked, context);
  const moved = await findMovedManagers(members, context);
  const split = await findSplitManagers(swarm, outside, context);
  return {
    id: swarm.id,
    asked: swarm.manager.name,
    ...overview,
    certificates,
    splitManagers: split.map(({ name }) => name),
    warnings: [
      ...splitWarnings(split, await namesToLeave(split, swarm, context)),
      ...lockedWarnings([...locked]),
      ...moved.map(movedWarning),
      ...overview.warnings,
      ...downWarnings(await downNodes(members, context)),
      ...certificateWarnings(certificates),
    ],
    // A leader notices late that it lost its followers.
    machines: overview.quorum ? [] : (await reportedStates(context)).map(shown),
  };
}

/** Queries the providers only for nodes that are down. */
async function downNodes(
  members: readonly NamedMember[],
  context: Context,
): Promise<Parameters<typeof downWarnings>[0]> {
  const down = members.filter(({ node }) => node.status === 'down');
  const rows = await observe(
    down.flatMap(({ machine }) => machine ?? []),
    context,
  );
  const states = new Map(rows.map(({ machine, state }) => [machine.name, state]));
  return down.map(({ name, node, machine }) => ({
    name,
    since: node.downSince,
    state: machine && states.get(machine.name),
  }));
}

/** The machine keeps its name; an old entry with that host name is shown with its ID, as in `ls`. */
function withDistinctNames(members: readonly NamedMember[]): NamedMember[] {
  const byName = groupBy(members, ({ name }) => name);
  return members.map((member) => {
    const isUnique = member.machine || byName.get(member.name)?.length === 1;
    return isUnique ? member : { ...member, name: `${member.name} (${member.node.id})` };
  });
}

/** Those that a recovery left behind, even if the swarm that was asked is theirs. */
async function namesToLeave(
  split: readonly SplitManager[],
  { manager }: Swarm,
  context: Context,
): Promise<string[]> {
  const abandoned = await (await context.abandonedManagers()).names();
  return abandoned.has(manager.name) ? [...abandoned] : split.map(({ name }) => name);
}

interface QueriedMachine extends ReportedState {
  machine: Machine;
  state: MachineState;
}

async function reportedStates(context: Context): Promise<QueriedMachine[]> {
  const { machines } = await context.cluster.machines();
  const rows = await observe(
    machines.filter((machine) => !hasNoSsh(machine)),
    context,
  );
  const running = rows.filter(({ state }) => state === 'running').map(({ machine }) => machine);
  const query = (machine: Machine): Promise<string> => ownState(machine, ownStateTimeoutMs, context);
  const { answers, failed } = await queryAll(running, query, context.signal);
  const states = new Map(answers.map(({ subject, value }) => [subject.name, value]));
  const errors = new Map(failed.map(({ subject, error }) => [subject.name, explanationOf(error)]));
  return rows.map(({ machine, state }) => {
    const { name } = machine;
    const swarm = states.get(name);
    const error = errors.get(name);
    return {
      name,
      machine,
      state,
      ...(swarm !== undefined && { swarm }),
      ...(error !== undefined && { error }),
    };
  });
}

/**
 * Without a leader a manager knows most; a worker knows at least its managers.
 * @param wanted the machine whose swarm is meant
 */
function bestSource(
  states: readonly QueriedMachine[],
  wanted: string | undefined,
): QueriedMachine | undefined {
  const members = states.filter(({ swarm = 'inactive' }) => swarm !== 'inactive');
  const managers = members.filter(({ swarm }) => swarm === managerState);
  const sources = managers.length > 0 ? managers : members;
  return sources.find(({ name }) => name === wanted) ?? sources[0];
}

function statusWithoutLeader(
  states: readonly QueriedMachine[],
  present: SwarmSnapshot['present'],
): SwarmStatus {
  const { managers, answering } = present ?? { managers: 0, answering: 0 };
  return {
    quorum: false,
    managers: { ...managerCounts({ managers, reachable: answering }), nodes: [] },
    groups: [],
    places: [],
    splitManagers: [],
    warnings: [noQuorumWarning],
    machines: states.map(shown),
  };
}

function shown({ machine: _, ...state }: QueriedMachine): ReportedState {
  return state;
}
