import { UsageError, UserError } from '../base/errors.js';
import type { ClusterStore } from '../state/cluster-store.js';

/** docker-machine's commands use this machine when no name is given. */
export const defaultMachine = 'default';

/** @throws UserError, worded as in docker-machine, when no name is given and no default exists */
export async function namedOrDefault(
  nodes: readonly string[],
  cluster: ClusterStore,
): Promise<readonly string[]> {
  return nodes.length > 0 ? nodes : [await requireDefault(cluster)];
}

/** `nodes`, else the active machine, else `default`. @throws UserError when none of these exists */
export async function namedOrActive(
  nodes: readonly string[],
  cluster: ClusterStore,
): Promise<readonly string[]> {
  if (nodes.length > 0) return nodes;
  return [(await cluster.activeMachine()) ?? (await requireDefault(cluster))];
}

/** @throws UserError as `namedOrActive`; UsageError for more than one name, or a pattern of several */
export async function oneNamedOrActive(nodes: readonly string[], cluster: ClusterStore): Promise<string> {
  const named = await namedOrActive(nodes, cluster);
  const [name, ...more] = named.some(isPattern) ? await matching(named, cluster) : named;
  if (name === undefined || more.length > 0)
    throw new UsageError(
      `Expected one machine name as an argument, not ${more.length + 1}: ${nodes.join(' ')}`,
    );
  return name;
}

function isPattern(node: string): boolean {
  return !/^[\w.-]*$/.test(node);
}

/** Loaded only for a pattern, since `belt env node1` runs at each start of a shell. */
async function matching(patterns: readonly string[], cluster: ClusterStore): Promise<readonly string[]> {
  const { selectNames } = await import('./model/select-names.js');
  const { machines, damaged } = await cluster.machines();
  return selectNames(
    patterns,
    [...machines, ...damaged].map(({ name }) => name),
  );
}

export async function hasDefault(cluster: ClusterStore): Promise<boolean> {
  const { machines } = await cluster.machines();
  return machines.some(({ name }) => name === defaultMachine);
}

async function requireDefault(cluster: ClusterStore): Promise<string> {
  if (await hasDefault(cluster)) return defaultMachine;
  throw new UserError('No machine name(s) specified and no "default" machine exists', {
    hint: 'name machines (node1, node[1:4] or "node*"); "belt ls" lists them',
  });
}
