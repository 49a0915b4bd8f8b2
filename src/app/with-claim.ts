import type { Context } from './context.js';

/** @param what as in "node1 is being provisioned by another belt" */
export async function whileClaimed<T>(
  subjects: Parameters<Context['cluster']['claim']>[0],
  what: string,
  { cluster }: Pick<Context, 'cluster'>,
  work: () => Promise<T>,
): Promise<T> {
  await using _claim = await cluster.claim(subjects, what);
  return await work();
}

/** For work that takes managers away: hold it from the quorum check until they are back. */
export function whileSwarmClaimed<T>(
  what: string,
  context: Pick<Context, 'cluster'>,
  work: () => Promise<T>,
): Promise<T> {
  // Not a valid machine name.
  return whileClaimed(['the swarm'], what, context, work);
}
