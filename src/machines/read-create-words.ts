import type { Context } from '../app/context.js';
import { type CreateWords, mayNameSize, readCreateWords } from './model/create-words.js';
import { parseSize } from './model/sizes.js';

/** Splits the words of `create`; the provider knows its sizes. @throws UsageError */
export async function sizeAndNodes(
  { words, size, driver: name }: { words: readonly string[]; size?: string | undefined; driver: string },
  context: Context,
): Promise<CreateWords> {
  const driver = await context.driver(name);
  const sizes = new Set<string>();
  for (const word of words) {
    const isSize = mayNameSize(word) ? await driver.isSize?.(word, context.signal) : parseSize(word);
    if (isSize) sizes.add(word);
  }
  return readCreateWords(words, { driver: name, adopts: driver.adopt !== undefined, sizes, size });
}
