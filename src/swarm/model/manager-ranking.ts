import type { Member } from './members.js';
import { compareLogs, type LogPosition } from './raft-log.js';

export interface RaftState {
  name: string;
  swarmId: string;
  nodeId: string;
  manager: boolean;
  /** Encrypted with the unlock key (autolock). */
  locked: boolean;
  /** Undefined without a Raft log. */
  position?: LogPosition;
}

/** Managers with a log, the furthest log first. */
export function rankByLog<T extends RaftState>(states: readonly T[]): (T & { position: LogPosition })[] {
  return states
    .flatMap((state) => (state.manager && state.position ? [{ ...state, position: state.position }] : []))
    .toSorted((one, other) => compareLogs(other.position, one.position));
}

/**
 * Entries to remove after `--force-new-cluster`: managers outside the Raft group, and nodes whose
 * machine has a newer entry or no longer exists. Unreachable workers stay.
 * @param isMissing whether the node's machine no longer exists
 */
export function findStaleNodes<T extends Member>(
  members: readonly T[],
  isMissing: (member: T) => boolean,
): T[] {
  return members.filter((member) => {
    const { node } = member;
    if (node.status === 'ready') return false;
    if (node.role === 'manager' && node.reachability === undefined) return true;
    return isMissing(member) || members.some((other) => supersedes(other, member));
  });
}

/** A host name is not enough: machines not managed by belt may share one. */
function supersedes({ node: newer, machine }: Member, { node }: Member): boolean {
  if (newer.status !== 'ready' || newer.id === node.id || newer.hostname !== node.hostname) return false;
  return machine !== undefined || newer.address === node.address;
}

export interface BackupCandidate {
  name: string;
  leader: boolean;
  reachable: boolean;
  availability: string;
  /** Running tasks, which stop together with the engine. */
  tasks: number;
}

/** Best first: not the leader, drained, with the fewest tasks. */
export function rankForBackup<T extends BackupCandidate>(managers: readonly T[]): T[] {
  return managers
    .filter(({ reachable }) => reachable)
    .toSorted(
      (one, other) =>
        Number(one.leader) - Number(other.leader) ||
        Number(one.availability !== 'drain') - Number(other.availability !== 'drain') ||
        one.tasks - other.tasks,
    );
}
