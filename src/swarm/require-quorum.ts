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

/** Managers reachable for the leader and for belt: the leader notices a frozen one late. */
export async function currentManagers(members: readonly Member[], context: Context): Promise<ManagerState[]> {
  const managers = members.filter(({ node }) => node.role === 'manager');
  const counted = managers.filter(({ node }) => node.reachability === 'reachable');
  const machines = counted.flatMap(({ machine }) => machine ?? []);
  const answering = new Set(await answeringManagers(machines, context));
  return managers.map((member) => ({
    id: member.node.id,
    reachable: counted.includes(member) && (!member.machine || answering.has(member.machine)),
  }));
}

/** A manager that belt cannot log in to may still vote. */
export function managersAsReported(members: readonly Member[]): ManagerState[] {
  return members.flatMap(({ node }) =>
    node.role === 'manager' ? [{ id: node.id, reachable: node.reachability === 'reachable' }] : [],
  );
}

/** A silent manager may be frozen or only unreachable for belt: the worse case counts. */
export function worseView(
  { members, managers }: { members: readonly Member[]; managers: readonly ManagerState[] },
  isBad: (view: readonly ManagerState[]) => boolean,
): readonly ManagerState[] {
  const reported = managersAsReported(members);
  return !isBad(managers) && isBad(reported) ? reported : managers;
}

export interface QuorumCheck {
  managers: readonly ManagerState[];
  changes: readonly ManagerChange[];
  /** Such as `demoting mg1 and mg2`. */
  what: string;
  force: boolean;
  /** Part of changes checked together: only the quorum is checked again. */
  isPart?: boolean;
}

export class NoQuorumError extends UserError {}

/** @throws UserError, unless `force`; NoQuorumError when a necessary vote is impossible */
export function requireQuorum(
  { managers, changes, what, force, isPart = false }: QuorumCheck,
  { reporter }: Context,
): void {
  const assessment = assessChanges(managers, changes);
  if (isPart && assessment.objection === 'loses tolerance') return;
  const objection = objectionText(what, assessment);
  if (objection === undefined) return;
  const hint = remedies[assessment.objection ?? 'no quorum'];
  if (assessment.objection === 'no quorum') throw new NoQuorumError(objection, { hint, errorCode: 'quorum' });
  if (!force) throw new UserError(objection, { hint, errorCode: 'quorum' });
  const consequence = hasQuorum(assessment.after)
    ? 'the swarm will lose its quorum if another manager fails'
    : `the swarm cannot be changed until its quorum is restored ("${restoreHint(changes)}"); running tasks continue`;
  reporter.warn(`${objection}; --force: ${consequence}`);
}

/** Managers that are only stopped come back when they start. */
function restoreHint(changes: readonly ManagerChange[]): string {
  return changes.every(({ effect }) => effect === 'stops') ? 'belt start NODES' : 'belt swarm recover';
}

const remedies = {
  'no quorum': 'belt start NODES; if the managers are lost: belt swarm recover',
  'loses quorum': 'belt start NODES or belt swarm promote NODES first, or use --force',
  'loses tolerance': 'belt swarm promote NODES first, or use --force',
} as const;
