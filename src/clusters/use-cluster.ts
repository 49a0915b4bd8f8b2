import type { Context } from '../app/context.js';

export function clusterInUse({ cluster }: Context): string {
  return cluster.name;
}

/** Makes later commands work with the cluster. @throws UserError when there is none of that name */
export async function useCluster(name: string, { clusters }: Context): Promise<string> {
  await clusters.use(name);
  return name;
}
