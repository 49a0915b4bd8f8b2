import { UserError } from '../../base/errors.js';
import type { EngineOptionKey } from '../../engine/model/engine-options.js';
import type { EngineSettings } from '../../engine/model/engine-settings.js';

/** A declared cluster: groups of identical machines, from its config.yml or from a command line. */
export interface Group {
  name: string;
  /** Where it is declared: `/p/.belt/x/config.yml line 3`, `--manager`. */
  origin: string;
  role: 'manager' | 'worker';
  /** Names of machines, each once. */
  nodes: readonly string[];
  /** As the user wrote it. Default: the driver's, and existing machines keep theirs. */
  size?: string;
  availability: Availability;
  /** Node labels; others are left unchanged. */
  labels: Readonly<Record<string, string>>;
  driver: string;
  /** Driver settings by key, instead of the cluster's. */
  settings: GroupSettings;
  engine: EngineSettings;
  /** The keys of `engine` set for this cluster itself: only these apply to existing machines. */
  ownEngineKeys: readonly EngineOptionKey[];
}

export type GroupSettings = Readonly<Record<string, GroupSetting>>;

interface GroupSetting {
  value: string | number | boolean | readonly string[];
  /** Where it is set. */
  origin: string;
}

export const availabilities = ['active', 'pause', 'drain'] as const;
export type Availability = (typeof availabilities)[number];

/** @throws UserError when a machine is in two groups, or there is no manager */
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
  throw new UserError('no group has managers, but a swarm needs at least one', {
    hint: 'managers: {nodes: "mg[0:2]"} in config.yml',
  });
}

function overlap(name: string, group: Group, other: { name: string; group: Group }): UserError {
  const [first, second] = [other.group, group].map((each) => `${each.name} (${each.origin})`);
  const what =
    name === other.name ? `${name} is` : `${other.name} and ${name}, which DNS does not distinguish, are`;
  return new UserError(`${what} in two groups: ${first} and ${second}`, {
    hint: 'remove it from one of them',
  });
}
