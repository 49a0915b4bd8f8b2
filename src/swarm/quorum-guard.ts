import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { whileSwarmClaimed } from '../app/with-claim.js';
import { ExternalError, rethrowAbort } from '../base/errors.js';
import { observe } from '../machines/list-machines.js';
import { foldNames } from '../machines/model/fold-names.js';
import { hasNoSsh, type Machine } from '../machines/model/machine.js';
import { identifyMembers, membershipOf, queryForManagers, withEngineWithin } from './membership.js';
import { hasAddress, type Member, memberName } from './model/members.js';
import { assessChanges, failureTolerance, type ManagerState } from './model/quorum.js';
import { hostOf } from './model/swarm-node.js';
import { requireQuorum, worseView } from './require-quorum.js';
import { nodesSeenFrom, type StableSwarm, stableSwarm } from './stable-view.js';

interface GuardOptions {
  /** Such as `stopping mg1`. */
  action: string;
  force: boolean;
  /** For an engine's response. */
  timeoutMs?: number;
}

export type QuorumGuard = <T>(
  machines: readonly Machine[],
  context: Context,
  work: () => Promise<T>,
) => Promise<T>;

/** Most providers switch a machine off to resize it. */
export function resizeGuard({ force }: Pick<GuardOptions, 'force'>): QuorumGuard {
  return async (machines, context, work) => {
    const drivers = await Promise.all(
      machines.map(({ driver }) => context.driver(driver).catch(() => undefined)),
    );
    const down = machines.filter((_, index) => !drivers[index]?.resizesRunning);
    return withQuorumGuard(down, { action: 'resizing', force }, context, work);
  };
}

const queryTimeoutMs = 5_000;

export function quorumGuard(guard: GuardOptions): QuorumGuard {
  return (machines, context, work) => withQuorumGuard(machines, guard, context, work);
}

/**
 * Runs work that stops machines, unless a swarm would lose its quorum while other nodes stay up;
 * stopping all its nodes is a shutdown. Other managers report for silent machines. Claims the swarm
 * if there are managers.
 * @throws UserError with the numbers, unless `force`, or while another belt changes the swarm;
 * ExternalError for an unknown quorum, unless `force`; AbortError; errors of `work`
 */
export async function withQuorumGuard<T>(
  machines: readonly Machine[],
  guard: GuardOptions,
  context: Context,
  work: () => Promise<T>,
): Promise<T> {
  const { managers, unreachable } = await lookForManagers(machines, context, guard.timeoutMs);
  if (unreachable.length > 0 && !guard.force) throw unknownQuorum(unreachable, guard);
  if (managers.length === 0) return work();
  return whileSwarmClaimed('changed', context, async () => {
    await requireQuorums(managers, machines, guard, context);
    return work();
  });
}

async function requireQuorums(
  managers: readonly GuardedManager[],
  machines: readonly Machine[],
  { action, force }: GuardOptions,
  context: Context,
): Promise<void> {
  const seen = new Set<string>();
  for (const { machine: manager, source } of managers) {
    if (seen.has(manager.name)) continue;
    const swarm = await stableSwarm(source, { force, noWait: force }, context);
    if (!swarm) continue;
    const inSwarm = swarm.members.flatMap(({ machine }) => machine ?? []);
    for (const { name } of inSwarm) seen.add(name);
    const autolock = await (await context.unlockKeys()).remember(inSwarm, source);
    await requireQuorumOf(swarm, machines, { action, force, autolock }, context);
  }
}

export interface GuardedManager {
  machine: Machine;
  /** The manager to query: itself, or another one if belt cannot log in to it. */
  source: Machine;
}

/** As reported by themselves, else by their leader. */
export async function findManagers(
  machines: readonly Machine[],
  context: Context,
): Promise<GuardedManager[]> {
  return (await lookForManagers(machines, context)).managers;
}

interface FoundManagers {
  managers: GuardedManager[];
  /** Without any manager that responds: silent machines that workers know as managers. */
  unreachable: Machine[];
}

async function lookForManagers(
  machines: readonly Machine[],
  context: Context,
  timeoutMs = queryTimeoutMs,
): Promise<FoundManagers> {
  const running = await runningAmong(machines, context);
  const { managers, silent } = await queryForManagers(running, context, timeoutMs);
  const own = managers.map((machine) => ({ machine, source: machine }));
  if (silent.length === 0) return { managers: own, unreachable: [] };
  const { machines: all } = await context.cluster.machines();
  const names = new Set(machines.map(({ name }) => name));
  const others = await runningAmong(
    all.filter(({ name }) => !names.has(name)),
    context,
  );
  const more = await queryForManagers(others, context, timeoutMs);
  const witnesses = [...managers, ...more.managers];
  if (witnesses.length > 0)
    return {
      managers: [...own, ...(await managersReportedBy(witnesses, silent, context))],
      unreachable: [],
    };
  const workers = others.filter((machine) => !more.silent.includes(machine));
  return { managers: [], unreachable: await managersOfWorkers(workers, silent, timeoutMs, context) };
}

/** A worker that stays up knows the addresses of its managers. */
async function managersOfWorkers(
  workers: readonly Machine[],
  silent: readonly Machine[],
  timeoutMs: number,
  context: Context,
): Promise<Machine[]> {
  const query = (machine: Machine): Promise<readonly string[]> =>
    withEngineWithin(
      machine,
      timeoutMs,
      context,
      async (api, signal) => (await membershipOf(api, { signal })).managers,
    );
  const { answers } = await queryAll(workers, query, context.signal);
  const addresses = answers.flatMap(({ value }) => value.map(hostOf));
  return silent.filter((machine) => addresses.some((address) => hasAddress(machine, address)));
}

function unknownQuorum(managers: readonly Machine[], { action }: GuardOptions): ExternalError {
  const names = foldNames(managers.map(({ name }) => name)).join(', ');
  return new ExternalError(
    `${action} ${names} may cost a swarm its quorum: its workers name a manager there, and no manager responds`,
    { errorCode: 'quorum', hint: 'retry when it accepts SSH logins again, or use --force' },
  );
}

async function runningAmong(machines: readonly Machine[], context: Context): Promise<Machine[]> {
  const rows = await observe(
    machines.filter((machine) => !hasNoSsh(machine)),
    context,
  );
  return rows.filter(({ state }) => state === 'running').map(({ machine }) => machine);
}

/** Silent machines that a leader counts as managers. */
async function managersReportedBy(
  witnesses: readonly Machine[],
  silent: readonly Machine[],
  context: Context,
): Promise<GuardedManager[]> {
  const names = new Set(silent.map(({ name }) => name));
  const ask = async (source: Machine): Promise<GuardedManager[]> => {
    const nodes = (await nodesSeenFrom(source, context).catch(rethrowAbort)) ?? [];
    const members = await identifyMembers(nodes, context);
    return members.flatMap(({ node, machine }) =>
      machine && names.has(machine.name) && node.reachability === 'reachable' ? [{ machine, source }] : [],
    );
  };
  const reported = (await Promise.all(witnesses.map(ask))).flat();
  return [...new Map(reported.map((manager) => [manager.machine.name, manager])).values()];
}

async function requireQuorumOf(
  swarm: StableSwarm,
  machines: readonly Machine[],
  { action, force, autolock }: GuardOptions & { autolock: boolean },
  context: Context,
): Promise<void> {
  const { members } = swarm;
  const names = new Set(machines.map(({ name }) => name));
  const isChosen = ({ machine }: Member): boolean => machine !== undefined && names.has(machine.name);
  const chosen = members.filter((member) => isChosen(member) && member.node.role === 'manager');
  const staying = await membersUp(
    members.filter((member) => !isChosen(member)),
    context,
  );
  if (staying.length === 0) {
    if (members.length > 1) context.reporter.note(shutdownNote(members));
    if (autolock)
      context.reporter.warn(
        'the swarm is autolocked: after a start, its managers need the key from "belt swarm unlock-key"; to unlock them: belt swarm unlock',
      );
    return;
  }
  const managerNames = listed(chosen);
  const changes = chosen.map(({ node }) => ({ id: node.id, effect: 'stops' as const }));
  const managers = worseView(swarm, (view) => assessChanges(view, changes).objection !== undefined);
  requireQuorum({ managers, changes, what: `${action} ${managerNames}`, force }, context);
  const losesTolerance = (view: readonly ManagerState[]): boolean => {
    const { before, after } = assessChanges(view, changes);
    return failureTolerance(before) > 0 && failureTolerance(after) === 0;
  };
  const view = worseView(swarm, losesTolerance);
  if (!losesTolerance(view)) return;
  const { after } = assessChanges(view, changes);
  context.reporter.warn(
    `${action} ${managerNames} leaves ${after.reachable} of ${after.managers} managers: no other manager may fail until it is back`,
  );
}

function shutdownNote(members: readonly Member[]): string {
  const managers = listed(members.filter(({ node }) => node.role === 'manager'));
  return `The whole swarm stops; to bring it back, start most of its managers: belt start ${managers}`;
}

function listed(members: readonly Member[]): string {
  return foldNames(members.map(memberName)).join(', ');
}

/** Managers notice a lost node late; its provider knows at once. */
async function membersUp(members: readonly Member[], context: Context): Promise<Member[]> {
  const { machines: all } = await context.cluster.machines();
  // The machine has joined again as another node.
  const isStale = ({ node, machine }: Member): boolean =>
    !machine && all.some((candidate) => hasAddress(candidate, node.address));
  const machines = members.flatMap(({ machine }) => machine ?? []);
  const off = (await observe(machines, context)).filter(
    ({ state }) => state === 'stopped' || state === 'missing',
  );
  const names = new Set(off.map(({ machine }) => machine.name));
  return members.filter(
    (member) =>
      member.node.status !== 'down' &&
      !isStale(member) &&
      !(member.machine && names.has(member.machine.name)),
  );
}

/**
 * With one or two managers a restart always loses the quorum; in a larger swarm that is refused.
 * @returns the node's id when the swarm has a quorum and the manager will rejoin
 * @throws as `withQuorumGuard`
 */
export async function requireRestartable(
  { machine, source }: GuardedManager,
  { action, force }: GuardOptions,
  context: Context,
): Promise<string | undefined> {
  const swarm = await stableSwarm(source, { force }, context);
  const member = swarm?.members.find((candidate) => candidate.machine?.name === machine.name);
  if (!swarm || !member) return undefined;
  await (await context.unlockKeys()).remember([machine], source);
  const changes = [{ id: member.node.id, effect: 'stops' as const }];
  const managers = worseView(swarm, (view) => assessChanges(view, changes).objection !== undefined);
  const { before, objection } = assessChanges(managers, changes);
  const isUnavoidable = before.reachable === before.managers && before.managers <= 2;
  if (!isUnavoidable) requireQuorum({ managers, changes, what: `${action} ${machine.name}`, force }, context);
  else if (objection && swarm.members.length > 1)
    context.reporter.note(
      `Restarting ${machine.name}: its swarm accepts changes again when it is back; tasks keep running`,
    );
  return member.node.id;
}
