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
