import { failureTolerance } from './quorum.js';
import type { Role } from './swarm-node.js';

export interface RoleAndAvailability {
  role: Role;
  availability: string;
}

export interface NodeUpgradeState {
  name: string;
  leader: boolean;
  now: RoleAndAvailability;
  /** To restore afterwards; from the record of an interrupted run, else from the node. */
  before: RoleAndAvailability;
  resumed: boolean;
  running: boolean;
  resize: boolean;
  engine: boolean;
}

interface RecordedNode {
  now: RoleAndAvailability;
  before: RoleAndAvailability;
  /** The machine runs and the node is ready. */
  back: boolean;
}

/** An upgrade keeps a node drained: in any other state it was changed since the record. */
export function remainingUpgrade({ now, before, back }: RecordedNode): 'nothing' | 'all' | 'changed since' {
  const sameRole = now.role === before.role;
  if (sameRole && now.availability === before.availability) return back ? 'nothing' : 'all';
  const isUpgrading = now.availability === 'drain' && (sameRole || now.role === 'worker');
  return isUpgrading ? 'all' : 'changed since';
}

const upgradeSteps = [
  'drain',
  'demote',
  'stop',
  'resize',
  'start',
  'upgrade engine',
  'wait until ready',
  'promote',
  'restore availability',
] as const;

export type UpgradeStep = (typeof upgradeSteps)[number];

/** @param demotable whether the other managers keep the quorum */
export function planUpgradeSteps(
  state: NodeUpgradeState,
  { demotable }: { demotable: boolean },
): UpgradeStep[] {
  const { now, before, resumed, running, resize, engine } = state;
  const changes = resize || engine;
  if (!changes && !resumed) return [];
  // An earlier run may have ended before the manager noticed its demotion.
  const demotes = changes && (now.role === 'manager' ? demotable : before.role === 'manager');
  const role = demotes ? 'worker' : now.role;
  const availability = changes ? 'drain' : now.availability;
  const needed: Record<UpgradeStep, boolean> = {
    drain: changes,
    demote: demotes,
    stop: resize && running,
    resize,
    start: resize || !running,
    'upgrade engine': engine,
    'wait until ready': true,
    promote: before.role === 'manager' && role === 'worker',
    'restore availability': availability !== before.availability,
  };
  return upgradeSteps.filter((step) => needed[step]);
}

/** Managers before workers; resumed nodes first, the leader last. */
export function sortForUpgrade<T extends NodeUpgradeState>(
  states: readonly T[],
): { managers: T[]; workers: T[] } {
  const rank = ({ resumed, leader }: T): number => (leader ? 2 : resumed ? 0 : 1);
  const ordered = states.toSorted((one, other) => rank(one) - rank(other));
  return {
    managers: ordered.filter(({ before }) => before.role === 'manager'),
    workers: ordered.filter(({ before }) => before.role === 'worker'),
  };
}

export function upgradeWarning(managers: number): string | undefined {
  if (managers < 2) return undefined;
  const others = managers - 1;
  if (failureTolerance({ managers: others, reachable: others }) > 0) return undefined;
  return others === 1
    ? 'while one of the 2 managers is upgraded, the other is the only manager: the swarm tolerates no failure'
    : `while one of the ${managers} managers is upgraded, the other ${others} tolerate no failure`;
}
