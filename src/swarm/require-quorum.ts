import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { answeringManagers } from './membership.js';
import type { Member } from './model/members.js';
import {
  assessChanges,
  hasQuorum,
  type ManagerChange,
  type ManagerState,
  objectionText,
} from './model/quorum.js';

/**
 * The managers, and which of them are there: by the others' word, and by their own. The leader notices a frozen one only after a
 * while, and a vote before that would go wrong.
 */
export async function currentManagers(members: readonly Member[], context: Context): Promise<ManagerState[]> {
  const managers = members.filter(({ node }) => node.role === 'manager');
  const counted = managers.filter(({ node }) => node.reachability === 'reachable');
  const machines = counted.flatMap(({ machine }) => machine ?? []);
  const answering = new Set(await answeringManagers(machines, context));
  return managers.map((member) => ({
    id: member.node.id,
    // Another's manager is not belt's to ask.
    reachable: counted.includes(member) && (!member.machine || answering.has(member.machine)),
  }));
}

/** The managers as their leader alone sees them: one that belt cannot log in to may well take part in each vote. */
export function managersAsReported(members: readonly Member[]): ManagerState[] {
  return members.flatMap(({ node }) =>
    node.role === 'manager' ? [{ id: node.id, reachable: node.reachability === 'reachable' }] : [],
  );
}

/**
 * The view of the managers by which a change looks worse: a silent manager may be frozen, which its leader notices late, or only be out of
 * belt's reach.
 */
export function worseView(
  { members, managers }: { members: readonly Member[]; managers: readonly ManagerState[] },
  isBad: (view: readonly ManagerState[]) => boolean,
): readonly ManagerState[] {
  const told = managersAsReported(members);
  return !isBad(managers) && isBad(told) ? told : managers;
}

export interface QuorumCheck {
  managers: readonly ManagerState[];
  changes: readonly ManagerChange[];
  /** As in `demoting mg1 and mg2`. */
  what: string;
  force: boolean;
  /** A part of changes that were judged as a whole: since then a manager may have failed, and only the quorum is looked at. */
  isPart?: boolean;
}

/** The swarm can decide nothing, whatever is asked of it. */
export class NoQuorumError extends UserError {}

/**
 * Refuses what would take the swarm its quorum, or the last manager that it can do without; with `force` the price is told instead.
 * @throws UserError with the numbers; NoQuorumError, `force` or not, when a vote is needed and none can be taken
 */
export function requireQuorum(
  { managers, changes, what, force, isPart = false }: QuorumCheck,
  { reporter }: Context,
): void {
  const judgement = assessChanges(managers, changes);
  if (isPart && judgement.objection === 'loses tolerance') return;
  const objection = objectionText(what, judgement);
  if (objection === undefined) return;
  const hint = remedies[judgement.objection ?? 'no quorum'];
  if (judgement.objection === 'no quorum') throw new NoQuorumError(objection, { hint, errorCode: 'quorum' });
  if (!force) throw new UserError(objection, { hint, errorCode: 'quorum' });
  const price = hasQuorum(judgement.after)
    ? 'the swarm will lose its quorum if another manager fails'
    : `nothing in the swarm can be changed then; what runs goes on; the way back is "${wayBack(changes)}"`;
  reporter.warn(`${objection}; --force: ${price}`);
}

/** Managers that are only stopped come back by themselves. */
function wayBack(changes: readonly ManagerChange[]): string {
  return changes.every(({ effect }) => effect === 'stops') ? 'belt start NODES' : 'belt swarm recover';
}

const remedies = {
  'no quorum': 'bring managers back: belt start NODES; if they are lost: belt swarm recover',
  'loses quorum':
    'bring managers back, or make others first: belt swarm promote NODES; or all the same: --force',
  'loses tolerance': 'make another manager first: belt swarm promote NODES; or all the same: --force',
} as const;
