/** Rules of https://docs.docker.com/engine/swarm/raft/ */

import { plural } from '../../base/plural.js';

export interface ManagerState {
  id: string;
  reachable: boolean;
}

export interface Tally {
  managers: number;
  reachable: number;
}

export interface ManagerChange {
  id: string;
  /** `leaves` needs a vote; `stops` makes the manager unreachable for a while. */
  effect: 'leaves' | 'stops';
}

type Objection = 'no quorum' | 'loses quorum' | 'loses tolerance';

interface QuorumAssessment {
  before: Tally;
  after: Tally;
  /** Undefined for a safe change. */
  objection?: Objection;
}

export function quorumSize(managers: number): number {
  return Math.floor(managers / 2) + 1;
}

export function hasQuorum({ managers, reachable }: Tally): boolean {
  return reachable >= quorumSize(managers);
}

/** Negative once the quorum is lost. */
export function failureTolerance({ managers, reachable }: Tally): number {
  return reachable - quorumSize(managers);
}

export function tallyManagers(managers: readonly ManagerState[]): Tally {
  return { managers: managers.length, reachable: managers.filter(({ reachable }) => reachable).length };
}

/**
 * Assesses changes made one after the other. Removing a manager needs a quorum before and after,
 * and must keep the failure tolerance. Stopping one must only keep the quorum. Unknown ids are
 * ignored.
 */
export function assessChanges(
  managers: readonly ManagerState[],
  changes: readonly ManagerChange[],
): QuorumAssessment {
  const before = tallyManagers(managers);
  let now = [...managers];
  let lost = false;
  let voted = false;
  for (const { id, effect } of changes) {
    const manager = now.find((candidate) => candidate.id === id);
    if (!manager) continue;
    if (effect === 'leaves') {
      voted = true;
      now = now.filter((candidate) => candidate !== manager);
    } else {
      now = now.map((candidate) => (candidate === manager ? { id, reachable: false } : candidate));
    }
    lost ||= !hasQuorum(tallyManagers(now));
  }
  const after = tallyManagers(now);
  const objection = objectionTo(before, after, { lost, voted });
  return { before, after, ...(objection && { objection }) };
}

function objectionTo(
  before: Tally,
  after: Tally,
  { lost, voted }: { lost: boolean; voted: boolean },
): Objection | undefined {
  if (!hasQuorum(before)) return voted ? 'no quorum' : undefined;
  if (lost) return 'loses quorum';
  return voted && failureTolerance(before) > 0 && failureTolerance(after) <= 0
    ? 'loses tolerance'
    : undefined;
}

/** @param what such as `demoting mg1` */
export function objectionText(
  what: string,
  { before, after, objection }: QuorumAssessment,
): string | undefined {
  if (objection === 'no quorum') return `the swarm has no quorum: ${reachabilityText(before)}`;
  if (objection === 'loses quorum')
    return `${what} would leave the swarm without a quorum: ${reachabilityText(after)} (now ${countText(before)})`;
  if (objection === 'loses tolerance')
    return `${what} would leave ${countText(after)}, not enough to tolerate a failure (now ${plural(before.managers, 'manager')} tolerate ${failureTolerance(before)})`;
  return undefined;
}

/** Such as `2 of 3 managers can be reached, and 2 are needed`. */
export function reachabilityText({ managers, reachable }: Tally): string {
  if (managers === 0) return 'no manager would be left';
  const needed = quorumSize(managers);
  return `${reachable} of ${plural(managers, 'manager')} can be reached, and ${needed} ${needed === 1 ? 'is' : 'are'} needed`;
}

function countText({ managers, reachable }: Tally): string {
  return reachable === managers
    ? plural(managers, 'manager')
    : `${reachable} of ${plural(managers, 'manager')}`;
}

/** More managers slow down every decision (docker's admin guide). */
const maxRecommendedManagers = 7;

export function managerCountAdvice(managers: number): string[] {
  const advice: string[] = [];
  if (managers > 0 && managers % 2 === 0) {
    advice.push(
      `${managers} managers tolerate no more failures than ${managers - 1}: use an odd number of managers`,
    );
  }
  if (managers > maxRecommendedManagers)
    advice.push(`more than ${maxRecommendedManagers} managers slow down every decision (now ${managers})`);
  return advice;
}
