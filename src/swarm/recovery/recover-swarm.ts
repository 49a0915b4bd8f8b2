import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BatchReport, reportOf } from '../../app/batch-report.js';
import type { Context } from '../../app/context.js';
import { type Outcome, queryAll } from '../../app/fan-out.js';
import { runTask } from '../../app/run-tasks.js';
import { explanationOf, isAbort, UserError } from '../../base/errors.js';
import { isOnlyUrl, type Machine } from '../../machines/model/machine.js';
import { membershipOf, withEngine } from '../membership.js';
import { rankByLog } from '../model/manager-ranking.js';
import { findManagerEntry, type Member, memberName } from '../model/members.js';
import { unlockNodeKey } from '../model/node-key.js';
import { hasQuorum, quorumSize, type Tally, tallyManagers } from '../model/quorum.js';
import type { LogPosition } from '../model/raft-log.js';
import type { Membership, Role } from '../model/swarm-node.js';
import { requireAddress } from '../node-network.js';
import { currentManagers, NoQuorumError } from '../require-quorum.js';
import { withSwarm } from '../session.js';
import { forceNewCluster } from './force-new-cluster.js';
import { type MachineRaftState, readRaftState } from './read-raft-state.js';
import { deleteRecovery, type Recovery, readRecovery, writeRecovery } from './recovery-record.js';
import {
  otherNodes,
  type RejoinedNode,
  type Returning,
  rejoinNodes,
  removeStaleNodes,
} from './rejoin-nodes.js';
import { keptSuffix, runFolderScript } from './swarm-folder.js';

/** What is to be done, before anything is. */
export interface RecoveryPlan {
  swarmId: string;
  /** The machine that the swarm begins anew on, or has begun on. */
  manager: Machine;
  /**
   * The new cluster was already forced, in an earlier run or by a restore: what is left is to bring
   * the others back.
   */
  begun: boolean;
  /** The managers that are left, the one whose log is ahead first. */
  managers: { name: string; position: LogPosition }[];
  /** Machines of the swarm that are to be nodes of it again. */
  returning: Returning[];
  /** Machines of the cluster that cannot be asked, and why. */
  lost: { name: string; reason: string }[];
  autolock: boolean;
  /** `swarm-node.key`, where it has to be unlocked. */
  lockedKey?: string;
}

export interface Recovered {
  manager: string;
  swarmId: string;
  /** The copy of the manager's folder as it was, on the manager. */
  keptFolder?: string;
  returned: BatchReport<RejoinedNode & { name: string }>;
  /** Entries of nodes that were taken out of the swarm. */
  removed: string[];
}

/**
 * Looks at all machines of the cluster; changes nothing on them. The record of a recovery that
 * never forced a new cluster is removed where the swarm has a quorum again: gone on with, it would
 * take managers out that are well.
 * @throws UserError when the swarm has a quorum, or no machine holds its state
 */
export async function planRecovery({ force }: { force: boolean }, context: Context): Promise<RecoveryPlan> {
  const record = await readRecovery(context);
  const leading = await findLedSwarm(context);
  if (leading && record?.swarmId === leading.id) {
    if (await isStarted(record, leading, context)) return resume(record, context);
    await deleteRecovery(context);
  }
  if (leading) {
    const { managers, reachable } = leading.tally;
    throw new UserError(
      `the swarm has a quorum: ${reachable} of ${managers} managers can be reached, and ${quorumSize(managers)} are needed`,
      { hint: 'there is nothing to recover; see its nodes: belt swarm ls' },
    );
  }
  const { states, lost } = await inspectMachines(context);
  const managers = rankByLog(await selectSwarm(states, context));
  const [first] = managers;
  if (!first) {
    throw new UserError('no machine of this cluster has the state of a swarm', {
      hint: 'bring a manager back: belt start NODE; or from a backup: belt swarm restore FILE NODE',
    });
  }
  requireAddress(first.machine);
  if (!force) await requireNoElection(managers, context);
  return {
    swarmId: first.swarmId,
    manager: first.machine,
    begun: false,
    managers,
    returning: states.flatMap(({ swarmId, machine, manager }) =>
      swarmId === first.swarmId && machine !== first.machine
        ? [{ machine, role: manager ? ('manager' as const) : ('worker' as const) }]
        : [],
    ),
    lost,
    // An earlier run may have unlocked the key and come no further.
    autolock: first.locked || (record?.swarmId === first.swarmId && record.autolock),
    ...(first.locked && { lockedKey: first.key }),
  };
}

/**
 * Forces a new cluster on the manager whose log is ahead, brings the other machines back, and
 * takes entries out that stand for nothing any more. Called again after an interruption, it goes
 * on.
 * @throws ExternalError, EngineError when the swarm does not begin
 */
export async function recoverSwarm(
  plan: RecoveryPlan,
  unlockKey: string | undefined,
  context: Context,
): Promise<Recovered> {
  const { manager } = plan;
  if (plan.begun) await recordStart(plan, context);
  const keptFolder = plan.begun ? undefined : await startRecovery(plan, unlockKey, context);
  const returned = await rejoinNodes(plan.returning, manager, context);
  context.signal.throwIfAborted();
  const removed = await removeStaleNodes(manager, context);
  await recordReturned(returned, context);
  return {
    manager: manager.name,
    swarmId: plan.swarmId,
    ...(keptFolder !== undefined && { keptFolder }),
    returned: reportOf(returned, (name, value) => ({ name, ...value })),
    removed,
  };
}

/**
 * Brings machines back into a swarm that has been restored, in the roles that they had in it;
 * others become workers.
 */
export async function rejoinMachines(machines: readonly Machine[], context: Context): Promise<Recovered> {
  const recovery = await readRecovery(context);
  if (!recovery) throw new Error('there is no record of the restore');
  const roles = new Map(recovery.members?.map(({ name, role }) => [name, role]));
  const returning = machines
    .filter(({ name }) => name !== recovery.manager)
    .map((machine) => ({ machine, role: roles.get(machine.name) ?? ('worker' as const) }));
  return recoverSwarm({ ...(await resume(recovery, context)), returning }, undefined, context);
}

async function recordStart({ returning }: RecoveryPlan, context: Context): Promise<void> {
  const recovery = await readRecovery(context);
  if (!recovery || recovery.begun) return;
  await writeRecovery({ members: membersOf(returning), ...recovery, begun: true }, context);
}

function membersOf(returning: readonly Returning[]): { name: string; role: Role }[] {
  return returning.map(({ machine, role }) => ({ name: machine.name, role }));
}

/** What is left goes on with the next call. */
async function recordReturned(returned: readonly Outcome<unknown>[], context: Context): Promise<void> {
  const recovery = await readRecovery(context);
  if (!recovery) return;
  const done = new Set(returned.flatMap(({ name, status }) => (status === 'ok' ? [name] : [])));
  const members = recovery.members?.filter(({ name }) => !done.has(name));
  if (members?.length) await writeRecovery({ ...recovery, members }, context);
  else await deleteRecovery(context);
}

async function startRecovery(
  plan: RecoveryPlan,
  unlockKey: string | undefined,
  context: Context,
): Promise<string> {
  const { manager, swarmId, autolock, lockedKey, returning } = plan;
  const key = lockedKey === undefined ? '' : unlockNodeKey(lockedKey, unlockKey ?? '');
  const recovery: Recovery = {
    swarmId,
    manager: manager.name,
    autolock,
    members: membersOf(returning),
  };
  await writeRecovery(recovery, context);
  return runTask<string>(
    manager,
    {
      activity: 'recovered',
      doneText: (kept) => `now the only manager; its previous state is in ${kept}`,
      async run({ subject: machine, step }) {
        const values = { suffix: keptSuffix('before-recover') };
        const data = { input: Readable.from([Buffer.from(key)]) };
        const answers = await runFolderScript(machine, { script: 'recover', values, step, data }, context);
        const kept = answers.get('copy')?.[0] ?? '';
        await writeRecovery({ ...recovery, kept }, context);
        step('forcing a new cluster');
        await forceNewCluster(machine, autolock, context);
        await recordStart(plan, context);
        return kept;
      },
    },
    context,
  );
}

async function resume(
  { swarmId, manager, autolock, members }: Recovery,
  context: Context,
): Promise<RecoveryPlan> {
  const machines = new Map(
    (await context.cluster.machines()).machines.map((machine) => [machine.name, machine]),
  );
  const first = await context.cluster.machine(manager);
  const left = members ?? (await otherNodes(first, context));
  const returning = left.flatMap(({ name, role }): Returning[] => {
    const machine = machines.get(name);
    return machine ? [{ machine, role }] : [];
  });
  return { swarmId, manager: first, begun: true, managers: [], returning, lost: [], autolock };
}

/**
 * An election takes some 10 s, and a leader that has lost the others needs some to notice: the
 * swarm may be otherwise then.
 */
const electionMs = 20_000;

interface LedSwarm {
  id: string;
  tally: Tally;
  /** After a new beginning, those of before are none. */
  managers: Member[];
}

/** Cut short before it was noted, a new beginning shows in its only manager. */
async function isStarted(
  { begun = false, manager }: Recovery,
  { managers }: LedSwarm,
  { cluster }: Context,
): Promise<boolean> {
  if (!begun && managers.length > 1) return false;
  if (managers.some((member) => memberName(member) === manager)) return true;
  // What was restored has the host name of another machine until its engine has told its own.
  const machine = (await cluster.machines()).machines.find(({ name }) => name === manager);
  const nodes = managers.map(({ node }) => node);
  return machine !== undefined && findManagerEntry(nodes, machine) !== undefined;
}

/**
 * The swarm, where a quorum of its managers is there: by their own word, since a leader believes in
 * the others for a while.
 */
async function findLedSwarm(context: Context): Promise<LedSwarm | undefined> {
  const deadline = Date.now() + electionMs;
  for (let told = false; ; told = true) {
    const leading = await findLeaderNow(context);
    if (leading === undefined || (leading !== 'leaderless' && hasQuorum(leading.tally))) return leading;
    if (Date.now() > deadline) return undefined;
    if (!told) context.reporter.note('the swarm has no quorum; waiting for its managers');
    await sleep(5_000, undefined, { signal: context.signal });
  }
}

/**
 * `leaderless`: managers answer, and none leads.
 * @returns undefined where no manager answers, so that there can be no election
 */
async function findLeaderNow(context: Context): Promise<LedSwarm | 'leaderless' | undefined> {
  try {
    return await withSwarm({ noWait: true }, context, async (swarm) => {
      // After a new beginning, managers of before have entries as such, and no say.
      const members = (await swarm.members()).filter(({ node }) => node.reachability !== undefined);
      const tally = tallyManagers(await currentManagers(members, context));
      return { id: swarm.id, tally, managers: members };
    });
  } catch (error) {
    if (isAbort(error)) throw error;
    return error instanceof NoQuorumError ? 'leaderless' : undefined;
  }
}

async function inspectMachines(
  context: Context,
): Promise<{ states: MachineRaftState[]; lost: { name: string; reason: string }[] }> {
  const { machines } = await context.cluster.machines();
  const withSsh = machines.filter((machine) => !isOnlyUrl(machine));
  const read = (machine: Machine): Promise<MachineRaftState | undefined> => readRaftState(machine, context);
  const { answers, failed } = await queryAll(withSsh, read, context.signal);
  return {
    states: answers.flatMap(({ value }) => value ?? []),
    lost: failed.map(({ subject, error }) => ({ name: subject.name, reason: explanationOf(error) })),
  };
}

/** Machines of a cluster may be in several swarms: the active machine says which one is meant. */
async function selectSwarm(
  states: readonly MachineRaftState[],
  { cluster }: Context,
): Promise<MachineRaftState[]> {
  const swarms = [...new Set(states.filter(({ manager }) => manager).map(({ swarmId }) => swarmId))];
  if (swarms.length < 2) return states.filter(({ swarmId }) => swarmId === swarms[0]);
  const active = await cluster.activeHost();
  const chosen = states.find(({ name }) => name === active)?.swarmId;
  if (chosen !== undefined) return states.filter(({ swarmId }) => swarmId === chosen);
  const names = swarms.map((id) => states.find(({ swarmId }) => swarmId === id)?.name);
  throw new UserError(`this cluster has managers of ${swarms.length} swarms: ${names.join(' and ')}`, {
    hint: 'choose one by a machine of it: belt active NODE',
  });
}

/**
 * Managers that are more than half of all will agree in the end; to force a new cluster beside them would
 * make two swarms of one.
 */
async function requireNoElection(managers: readonly MachineRaftState[], context: Context): Promise<void> {
  const query = ({ machine }: MachineRaftState): Promise<Membership> =>
    withEngine(machine, context, membershipOf);
  const { answers } = await queryAll(managers, query, context.signal);
  const alive = answers.map(({ value }) => value).filter(({ manager }) => manager);
  const known = Math.max(0, ...alive.map(({ managers: { length } }) => length));
  if (known === 0 || !hasQuorum({ managers: known, reachable: alive.length })) return;
  throw new UserError(
    `${alive.length} of ${known} managers respond and ${quorumSize(known)} are needed: they should elect a leader on their own`,
    { hint: 'see whether they reach each other (port 2377, tcp); or begin anew all the same: --force' },
  );
}
