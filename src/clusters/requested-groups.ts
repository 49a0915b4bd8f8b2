import type { Context } from '../app/context.js';
import { UsageError, UserError } from '../base/errors.js';
import { expandNames } from '../machines/model/patterns.js';
import { type Group, requireSwarm } from './model/group.js';

/** A cluster declared on the command line, as in the 2016 belt. */
export interface GroupWords {
  managers: readonly string[];
  managerSize?: string | undefined;
  workers: readonly string[];
  workerSize?: string | undefined;
}

/** From the command line or config.yml. @throws UserError without any; UsageError for both */
export async function wantedGroups(words: GroupWords, { settings, cluster }: Context): Promise<Group[]> {
  const fromFile = await settings.groups();
  const fromArguments = await groupsOf(words, settings);
  const [first] = fromFile;
  if (first && fromArguments.length > 0) {
    throw new UsageError(`${first.origin} already defines the groups of the cluster`, {
      hint: 'belt cluster provision, without names and sizes of machines',
    });
  }
  const groups = first ? fromFile : fromArguments;
  if (groups.length === 0) {
    throw new UserError(`no groups are defined for cluster ${cluster.name}`, {
      hint: `define groups in ${cluster.settingsPath} (docs/clusters.md), or pass --manager 'mg[0:2]' 'node[1:4]'`,
    });
  }
  requireSwarm(groups);
  return groups;
}

async function groupsOf(
  { managers, managerSize, workers, workerSize }: GroupWords,
  settings: Context['settings'],
): Promise<Group[]> {
  if (managers.length + workers.length === 0) {
    const size = managerSize ?? workerSize;
    if (size === undefined) return [];
    throw new UsageError(`size ${size} specified without machines`, {
      hint: "belt cluster provision --manager 'mg[0:2]' 'node[1:4]'",
    });
  }
  const common = {
    availability: 'active',
    labels: {},
    driver: await settings.driver(),
    settings: {},
    engine: await settings.engine(),
    ownEngineKeys: [],
  } as const;
  const group = (role: Group['role'], origin: string, nodes: readonly string[], size?: string): Group[] =>
    nodes.length === 0
      ? []
      : [
          {
            ...common,
            name: `${role}s`,
            origin,
            role,
            nodes: expandNames(nodes),
            ...(size !== undefined && { size }),
          },
        ];
  return [
    ...group('manager', '--manager', managers, managerSize),
    ...group('worker', 'NODES', workers, workerSize),
  ];
}
