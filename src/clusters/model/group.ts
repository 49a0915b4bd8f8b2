import { UserError } from '../../base/errors.js';
import type { EngineWord } from '../../engine/model/engine-options.js';
import type { EngineSettings } from '../../engine/model/engine-settings.js';

/** A declared cluster: groups of identical machines, from its config.yml or from a command line. */
export interface Group {
  name: string;
  /** Where it is asked for: `/p/.belt/x/config.yml line 3`, `--manager`. */
  origin: string;
  role: 'manager' | 'worker';
  /** Names of machines, each once. */
  nodes: readonly string[];
  /** As the user wrote it. Default: the driver's, and existing machines keep theirs. */
  size?: string;
  availability: Availability;
  /** Of the swarm's nodes; labels that are not named here are left as they are. */
  labels: Readonly<Record<string, string>>;
  driver: string;
  /** Of the driver, by key, in place of the cluster's. */
  settings: GroupSettings;
  engine: EngineSettings;
  /**
   * The keys of `engine` that are set for this cluster itself: only those are applied to existing
   * machines.
   */
  engineSaid: readonly EngineWord[];
}

export type GroupSettings = Readonly<Record<string, GroupSetting>>;

export interface GroupSetting {
  value: string | number | boolean | readonly string[];
  /** Where it is written. */
  origin: string;
}

export const availabilities = ['active', 'pause', 'drain'] as const;
export type Availability = (typeof availabilities)[number];

/**
 * Refuses groups that cannot be a swarm together.
 * @throws UserError naming both places of a machine that is in two groups, or without a manager
 */
export function requireSwarm(groups: readonly Group[]): void {
  const owners = new Map<string, { name: string; group: Group }>();
  for (const group of groups) {
    for (const name of group.nodes) {
      const other = owners.get(name.toLowerCase());
      if (other) throw overlap(name, group, other);
      owners.set(name.toLowerCase(), { name, group });
    }
  }
  if (groups.some(({ role, nodes }) => role === 'manager' && nodes.length > 0)) return;
  throw new UserError('no group has managers, and a swarm needs one', {
    hint: 'as in: managers: {nodes: "mg[0:2]"}',
  });
}

function overlap(name: string, group: Group, other: { name: string; group: Group }): UserError {
  const [first, second] = [other.group, group].map((each) => `${each.name} (${each.origin})`);
  const what = name === other.name ? `${name} is` : `${other.name} and ${name}, one name to a resolver, are`;
  return new UserError(`${what} in two groups: ${first} and ${second}`, { hint: 'a machine has one place' });
}
