import { failureTolerance } from './quorum.js';
import type { Role } from './swarm-node.js';

/**
 * The live upgrade of a swarm's nodes: which steps each one needs, and in which order nodes go. What a node was before is known from the
 * record of an earlier run that was cut short, else from the node itself.
 */

export interface RoleAndAvailability {
  role: Role;
  /** `active`, `pause`, `drain`. */
  availability: string;
}

export interface NodeUpgradeState {
  name: string;
  leader: boolean;
  now: RoleAndAvailability;
  /** What it was before the upgrade, and is to be again. */
  before: RoleAndAvailability;
  /** An earlier run has begun with it and not finished. */
  begun: boolean;
  running: boolean;
  /** It has another size than it is to have. */
  resize: boolean;
  /** Its engine is to be brought up to date. */
  engine: boolean;
}

export interface RecordedNode {
  now: RoleAndAvailability;
  /** On record, from an earlier run. */
  before: RoleAndAvailability;
  /** Its machine runs, and its managers have it. */
  back: boolean;
}

/**
 * What an earlier run has left to be done with a node. On its way through an upgrade a node is drained, and is what it was or a worker: whatever
 * else it is was made of it since, and the record holds no longer.
 */
export function remainingUpgrade({ now, before, back }: RecordedNode): 'nothing' | 'all' | 'changed since' {
  const sameRole = now.role === before.role;
  if (sameRole && now.availability === before.availability) return back ? 'nothing' : 'all';
  const isOnItsWay = now.availability === 'drain' && (sameRole || now.role === 'worker');
  return isOnItsWay ? 'all' : 'changed since';
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

/**
 * What is to be done with a node, in order; nothing where it is as it should be.
 * @param demotable the other managers decide on without it
 */
export function planUpgradeSteps(
  state: NodeUpgradeState,
  { demotable }: { demotable: boolean },
): UpgradeStep[] {
  const { now, before, begun, running, resize, engine } = state;
  const changes = resize || engine;
  if (!changes && !begun) return [];
  // An earlier run may have ended before a manager knew that it is a worker.
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

/** Managers, one after the other, and then workers; what an earlier run has begun goes first among them, and the leader last. */
export function sortForUpgrade<T extends NodeUpgradeState>(
  states: readonly T[],
): { managers: T[]; workers: T[] } {
  const rank = ({ begun, leader }: T): number => (leader ? 2 : begun ? 0 : 1);
  const ordered = states.toSorted((one, other) => rank(one) - rank(other));
  return {
    managers: ordered.filter(({ before }) => before.role === 'manager'),
    workers: ordered.filter(({ before }) => before.role === 'worker'),
  };
}

/** What it costs that managers are away one at a time; nothing where another may fail meanwhile. */
export function upgradeWarning(managers: number): string | undefined {
  if (managers < 2) return undefined;
  const others = managers - 1;
  if (failureTolerance({ managers: others, reachable: others }) > 0) return undefined;
  return others === 1
    ? 'while one of the 2 managers is upgraded, the other one alone keeps the swarm: it may not fail'
    : `while one of the ${managers} managers is upgraded, none of the other ${others} may fail`;
}
