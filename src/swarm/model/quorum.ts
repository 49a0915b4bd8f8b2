/**
 * Quorum as a swarm's managers have it: a decision needs more than half of all managers, those that cannot be reached included
 * (https://docs.docker.com/engine/swarm/raft/).
 */

import { plural } from '../../base/plural.js';

export interface ManagerState {
  id: string;
  reachable: boolean;
}

export interface Tally {
  managers: number;
  reachable: number;
}

/** What a command does to one manager. */
export interface ManagerChange {
  id: string;
  /**
   * `leaves`: it is no manager afterwards, and all managers have to agree on that. `stops`: it remains one and cannot be reached for a
   * while.
   */
  effect: 'leaves' | 'stops';
}

/** Why a change should not be made. */
export type Objection = 'no quorum' | 'loses quorum' | 'loses tolerance';

export interface QuorumAssessment {
  before: Tally;
  after: Tally;
  /** Absent: nothing stands against it. */
  objection?: Objection;
}

/** How many managers have to agree. */
export function quorumSize(managers: number): number {
  return Math.floor(managers / 2) + 1;
}

export function hasQuorum({ managers, reachable }: Tally): boolean {
  return reachable >= quorumSize(managers);
}

/** How many of the managers that can be reached may fail, and the swarm goes on; less than none: it does not. */
export function failureTolerance({ managers, reachable }: Tally): number {
  return reachable - quorumSize(managers);
}

export function tallyManagers(managers: readonly ManagerState[]): Tally {
  return { managers: managers.length, reachable: managers.filter(({ reachable }) => reachable).length };
}

/**
 * Judges changes that are made one after the other. Managers that leave are voted out, which needs a quorum before each, and one after
 * it; a swarm that could lose a manager must not come to where it cannot. To stop a manager needs no vote, and it comes back: only the
 * quorum counts. `id`s of no manager change nothing.
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

/** The objection with its numbers. @param what as in `demoting mg1` */
export function objectionText(
  what: string,
  { before, after, objection }: QuorumAssessment,
): string | undefined {
  if (objection === 'no quorum') return `the swarm has no quorum: ${reachabilityText(before)}`;
  if (objection === 'loses quorum')
    return `${what} would leave the swarm without a quorum: ${reachabilityText(after)} (now ${countText(before)})`;
  if (objection === 'loses tolerance')
    return `${what} would leave ${countText(after)}, ${after.managers === 1 ? 'which may not' : 'none of which may'} fail; now ${failureTolerance(before)} of ${before.managers} may`;
  return undefined;
}

/** As in `2 of 3 managers can be reached, and 2 are needed`. */
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

/** More managers make each decision slower, and none safer (https://docs.docker.com/engine/swarm/admin_guide/). */
const maxRecommendedManagers = 7;

/** What is to be said of a number of managers; nothing where it is a good one. */
export function managerCountAdvice(managers: number): string[] {
  const advice: string[] = [];
  if (managers > 0 && managers % 2 === 0) {
    advice.push(
      `${managers} managers bear no more failures than ${managers - 1}: make it an odd number, with one more or one less`,
    );
  }
  if (managers > maxRecommendedManagers)
    advice.push(
      `${managers} managers are many: more than ${maxRecommendedManagers} make every decision slower`,
    );
  return advice;
}
