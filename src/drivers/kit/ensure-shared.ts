/**
 * Finds what the machines of a cluster share (a key, a firewall), or creates it once.
 * @param existing what there is after `create` failed: another process may have created it at the
 *   same time, or the response was lost. Undefined: nothing, and the error is thrown
 */
export async function ensureShared<T>(
  find: () => Promise<T | undefined>,
  create: () => Promise<T>,
  existing: (error: unknown) => Promise<T | undefined>,
): Promise<T> {
  const found = await find();
  if (found !== undefined) return found;
  try {
    return await create();
  } catch (error) {
    const other = await existing(error);
    if (other !== undefined) return other;
    throw error;
  }
}
