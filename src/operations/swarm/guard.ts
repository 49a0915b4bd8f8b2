import { foldNames } from '../../machines/fold.js';
import { isOnlyUrl, type Machine } from '../../machines/machine.js';
import { type Member, memberName } from '../../swarm/members.js';
import { judge, toleranceOf } from '../../swarm/quorum.js';
import type { Context } from '../context.js';
import { observe } from '../machines/list.js';
import { answeringManagers } from './membership.js';
import { requireQuorum } from './quorum.js';
import { type SettledSwarm, settledSwarm } from './settled.js';

export interface Guard {
  /** As in `stopping mg1`. */
  doing: string;
  /** Whatever it does to the quorum; the price is told. */
  force: boolean;
  /** How long engines may take to answer; those that take longer are in no swarm that could lose anything by it. */
  timeoutMs?: number;
}

/** As a check before machines are resized: most providers switch them off for it. */
export function guardedResize({ force }: Pick<Guard, 'force'>): GuardedBy {
  return async (machines, context) => {
    const drivers = await Promise.all(
      machines.map(({ driver }) => context.driver(driver).catch(() => undefined)),
    );
    const down = machines.filter((_, index) => !drivers[index]?.resizesRunning);
    await requireSwarmsGoOn(down, { doing: 'resizing', force }, context);
  };
}

/** Long enough for a busy machine. */
const askTimeoutMs = 5_000;

type GuardedBy = (machines: readonly Machine[], context: Context) => Promise<void>;

/** As a check before machines are switched off. */
export function guardedBy(guard: Guard): GuardedBy {
  return (machines, context) => requireSwarmsGoOn(machines, guard, context);
}

/**
 * Refuses to switch machines off when a swarm would lose its quorum by it while other nodes of it stay up. All nodes of a swarm at once
 * are a shutdown of the whole, which `start` takes back. Engines that do not answer take part in no quorum, and hold nothing up.
 * @throws UserError with the numbers, unless `force`; ExternalError when a swarm cannot be told from one without a quorum; AbortError
 */
export async function requireSwarmsGoOn(
  machines: readonly Machine[],
  { doing, force, timeoutMs = askTimeoutMs }: Guard,
  context: Context,
): Promise<void> {
  const seen = new Set<string>();
  for (const manager of await managersAmong(machines, context, timeoutMs)) {
    if (seen.has(manager.name)) continue;
    const swarm = await settledSwarm(manager, context);
    for (const { machine } of swarm?.members ?? []) if (machine) seen.add(machine.name);
    if (swarm) await requireSwarmGoesOn(swarm, machines, { doing, force }, context);
  }
}

/** Those of the machines that run and say that they are managers. */
export async function managersAmong(
  machines: readonly Machine[],
  context: Context,
  timeoutMs = askTimeoutMs,
): Promise<Machine[]> {
  const rows = await observe(
    machines.filter((machine) => !isOnlyUrl(machine)),
    context,
  );
  const running = rows.filter(({ state }) => state === 'running').map(({ machine }) => machine);
  return answeringManagers(running, context, timeoutMs);
}

async function requireSwarmGoesOn(
  { members, managers }: SettledSwarm,
  machines: readonly Machine[],
  { doing, force }: Guard,
  context: Context,
): Promise<void> {
  const names = new Set(machines.map(({ name }) => name));
  const isChosen = ({ machine }: Member): boolean => machine !== undefined && names.has(machine.name);
  const chosen = members.filter((member) => isChosen(member) && member.node.role === 'manager');
  const staying = await membersUp(
    members.filter((member) => !isChosen(member)),
    context,
  );
  if (staying.length === 0) {
    if (members.length > 1) context.reporter.note(shutdownNote(members));
    return;
  }
  const who = listed(chosen);
  const changes = chosen.map(({ node }) => ({ id: node.id, does: 'stops' as const }));
  requireQuorum({ managers, changes, what: `${doing} ${who}`, force }, context);
  const { before, after } = judge(managers, changes);
  if (toleranceOf(before) > 0 && toleranceOf(after) === 0) {
    context.reporter.warn(
      `${doing} ${who} leaves ${after.reachable} of ${after.managers} managers, none of which may fail until it is back`,
    );
  }
}

function shutdownNote(members: readonly Member[]): string {
  const managers = listed(members.filter(({ node }) => node.role === 'manager'));
  return `the whole swarm goes down; it is back when most of its managers are started: belt start ${managers}`;
}

function listed(members: readonly Member[]): string {
  return foldNames(members.map(memberName)).join(', ');
}

/** The managers notice a node that is gone late; its provider knows. */
async function membersUp(members: readonly Member[], context: Context): Promise<Member[]> {
  const machines = members.flatMap(({ machine }) => machine ?? []);
  const off = (await observe(machines, context)).filter(
    ({ state }) => state === 'stopped' || state === 'missing',
  );
  const names = new Set(off.map(({ machine }) => machine.name));
  return members.filter(
    ({ node, machine }) => node.status !== 'down' && !(machine && names.has(machine.name)),
  );
}

/**
 * Before a manager's engine restarts. A swarm of one or two managers does without a quorum meanwhile, whoever restarts; a larger one need
 * not, unless another manager is missing: then it is refused.
 * @returns whether the swarm has a quorum, and so will have the manager back
 * @throws as `requireSwarmsGoOn`
 */
export async function requireRestartable(
  manager: Machine,
  { doing, force }: Guard,
  context: Context,
): Promise<boolean> {
  const swarm = await settledSwarm(manager, context);
  if (!swarm) return false;
  const { members, managers } = swarm;
  const member = members.find(({ machine }) => machine?.name === manager.name);
  if (!member) return false;
  const changes = [{ id: member.node.id, does: 'stops' as const }];
  const { before, objection } = judge(managers, changes);
  const isUnavoidable = before.reachable === before.managers && before.managers <= 2;
  if (!isUnavoidable) requireQuorum({ managers, changes, what: `${doing} ${manager.name}`, force }, context);
  else if (objection && members.length > 1)
    context.reporter.note(`until ${manager.name} is back, nothing in its swarm can be changed`);
  return true;
}
