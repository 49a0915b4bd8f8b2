import { UsageError } from '../../base/errors.js';
import { quoteArgs } from '../../base/quote-args.js';

interface PushWords {
  images: string[];
  nodes: string[];
  /** Of `nodes`, the words that could also be images. The last one cannot: a machine must be left. */
  ambiguous: string[];
}

/**
 * IMAGE... NODES: the words at the end that name machines are NODES. The first word is an image.
 * @param isMachine whether a word is a name or pattern of existing machines
 * @throws UsageError without an image
 */
export function splitPushWords(
  words: readonly string[],
  isMachine: (word: string) => boolean,
  { all = false }: { all?: boolean } = {},
): PushWords {
  const [first] = words;
  if (first === undefined || first.startsWith('!'))
    throw new UsageError('no image specified', { hint: 'belt push IMAGE... NODES' });
  if (words.length === 1 && !all) {
    const what = isMachine(first)
      ? `"${first}" is a machine, and no image is specified`
      : 'no machine specified';
    throw new UsageError(what, { hint: 'belt push IMAGE... NODES' });
  }
  let at = words.length;
  const isNode = (word: string): boolean => word.startsWith('!') || (!all && isMachine(word));
  while (at > 1 && isNode(words[at - 1] as string)) at--;
  // A word that names no machine: a mistyped one, which the selection of machines explains.
  if (at === words.length && !all) at--;
  const nodes = words.slice(at);
  return {
    images: words.slice(0, at),
    nodes,
    ambiguous: nodes.slice(0, -1).filter((word) => /^[\w./:@-]+$/.test(word)),
  };
}

/** Shows both readings. */
export function ambiguousWord(word: string, { images, nodes }: PushWords): UsageError {
  const at = nodes.indexOf(word);
  const asImage = [...images, ...nodes.slice(0, at), `${word}:latest`, ...nodes.slice(at + 1)];
  const asMachine = [...images, nodes.join(',')];
  return new UsageError(`"${word}" is an image and a machine`, {
    hint: `belt push ${quoteArgs(asImage)} for the image, or belt push ${quoteArgs(asMachine)} for the machine`,
  });
}

/** `-`, a path, or a name that ends like an archive: image names begin with a letter or digit. */
export function looksLikeArchive(word: string): boolean {
  return word === '-' || /^(?:\.{0,2}\/|~\/)/.test(word) || /\.(?:tar|tgz|tar\.\w+)$/.test(word);
}
