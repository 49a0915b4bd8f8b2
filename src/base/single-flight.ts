/** The same question, of which at most one is under way: who asks meanwhile gets that one's answer. */
export function coalesce<T>(ask: () => Promise<T>): () => Promise<T> {
  let asking: Promise<T> | undefined;
  return () => {
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
}
