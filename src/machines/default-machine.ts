import { UsageError, UserError } from '../base/errors.js';
import type { ClusterStore } from '../state/cluster-store.js';

/** The machine that docker-machine's commands are for when none is named. */
export const defaultMachine = 'default';

/** The names given; without any, the machine `default`. @throws UserError, in docker-machine's words, when there is none */
export async function namedOrDefault(
  nodes: readonly string[],
  cluster: ClusterStore,
): Promise<readonly string[]> {
  return nodes.length > 0 ? nodes : [await requireDefault(cluster)];
}

/**
 * For commands that look and change nothing: those named, else the machine that `belt active` has chosen, else `default`.
 * @throws UserError when there is none of these
 */
export async function namedOrActive(
  nodes: readonly string[],
  cluster: ClusterStore,
): Promise<readonly string[]> {
  if (nodes.length > 0) return nodes;
  return [(await cluster.activeHost()) ?? (await requireDefault(cluster))];
}

/** As `namedOrChosen`, for a command about one machine. @throws UsageError when more are named */
export async function oneNamedOrActive(nodes: readonly string[], cluster: ClusterStore): Promise<string> {
  const [name, ...more] = await namedOrActive(nodes, cluster);
  if (name === undefined || more.length > 0)
    throw new UsageError(`Expected one machine name as an argument, not ${nodes.length}: ${nodes.join(' ')}`);
  return name;
}

export async function hasDefault(cluster: ClusterStore): Promise<boolean> {
  const { machines } = await cluster.machines();
  return machines.some(({ name }) => name === defaultMachine);
}

async function requireDefault(cluster: ClusterStore): Promise<string> {
  if (await hasDefault(cluster)) return defaultMachine;
  throw new UserError('No machine name(s) specified and no "default" machine exists', {
    hint: 'name some (node1, node[1:4], "node*"); to list them: belt ls',
  });
}
