import type { Member } from './members.js';
import { compareLogs, type LogPosition } from './raft-log.js';

/** What a machine's disk holds of a swarm. */
export interface RaftState {
  name: string;
  swarmId: string;
  nodeId: string;
  manager: boolean;
  /** The swarm's managers are locked, and so are the files. */
  locked: boolean;
  /** Of a manager's raft log; absent: there is none. */
  position?: LogPosition;
}

/** Managers with a log, the one whose log is ahead first. */
export function rankByLog<T extends RaftState>(traces: readonly T[]): (T & { position: LogPosition })[] {
  return traces
    .flatMap((trace) => (trace.manager && trace.position ? [{ ...trace, position: trace.position }] : []))
    .toSorted((one, other) => compareLogs(other.position, one.position));
}

/**
 * What of a swarm's nodes is left over after a new beginning: managers that are no members of the raft group any more; nodes
 * whose machine is there under a newer entry, or is gone. Workers that are only away stay: they come back as they are, and all of them are
 * `unknown` at first.
 * @param isGone whether the machine of a node exists no more
 */
export function findStaleNodes<T extends Member>(members: readonly T[], isGone: (member: T) => boolean): T[] {
  return members.filter((member) => {
    const { node } = member;
    if (node.status === 'ready') return false;
    if (node.role === 'manager' && node.reachability === undefined) return true;
    return isGone(member) || members.some((other) => supersedes(other, member));
  });
}

/** A host name alone does not tell: machines that are not belt's may share one. */
function supersedes({ node: newer, machine }: Member, { node }: Member): boolean {
  if (newer.status !== 'ready' || newer.id === node.id || newer.hostname !== node.hostname) return false;
  return machine !== undefined || newer.address === node.address;
}

/** A manager that a backup could be taken from. */
export interface BackupCandidate {
  name: string;
  leader: boolean;
  reachable: boolean;
  /** `active`, `pause`, `drain`. */
  availability: string;
  /** Tasks that run there, which stop while the engine does. */
  tasks: number;
}

/** Those that can be taken, the best first: no leader, drained, with the fewest tasks. */
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
