import type { Context } from './context.js';

/** Does work while no other belt touches the machines. @param what as in "node1 is being provisioned by another belt" */
export async function whileClaimed<T>(
  names: readonly string[],
  what: string,
  { cluster }: Pick<Context, 'cluster'>,
  work: () => Promise<T>,
): Promise<T> {
  const claim = await cluster.claim(names, what);
  try {
    return await work();
  } finally {
    await claim.release();
  }
}

/**
 * Does work that takes managers away, be it for a while, while no other belt does: each would count on the managers that the other takes.
 * From before the quorum is judged until the managers are back, or are none any more.
 */
export function whileSwarmClaimed<T>(
  what: string,
  context: Pick<Context, 'cluster'>,
  work: () => Promise<T>,
): Promise<T> {
  // No machine can have this name.
  return whileClaimed(['the swarm'], what, context, work);
}
