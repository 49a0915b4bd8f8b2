import { UsageError } from '../../base/errors.js';
import { parseSize } from './sizes.js';

/** What the words of `create` mean. */
export interface CreateWords {
  /** Default: the driver's. */
  size?: string;
  /** Names and patterns. */
  nodes: string[];
}

interface WordRules {
  driver: string;
  /** Existing servers keep their size. */
  adopts: boolean;
  /** The words that are sizes: amounts of memory, and the provider's names. */
  sizes: ReadonlySet<string>;
  /** The value of --size. */
  size?: string | undefined;
}

/** Neither an amount of memory nor a pattern: a machine's name, or the provider's name of a size. */
export function mayNameSize(word: string): boolean {
  return !parseSize(word) && !/[[\],*?!{}]/.test(word);
}

/** Splits `[SIZE] NODES...`. @throws UsageError unless there is only one way to read the words */
export function readCreateWords(words: readonly string[], rules: WordRules): CreateWords {
  const [first = ''] = words;
  const nodes = words.filter((word) => !rules.sizes.has(word));
  const sizes = words.filter((word) => rules.sizes.has(word));
  const [size, other] = rules.size === undefined ? sizes : [rules.size, ...sizes];
  if (nodes.length === 0) throw noMachine(size);
  for (const node of nodes) refuseNearSize(node);
  if (size === undefined) {
    if (words.length > 1) requireSizeOrName(first, rules.driver);
    return { nodes };
  }
  if (rules.adopts)
    throw new UsageError(`"${size}" is a size, and the ${rules.driver} driver adopts servers as they are`, {
      hint: 'name only machines',
    });
  if (other !== undefined)
    throw new UsageError(`"${size}" and "${other}" are both sizes`, {
      hint: 'use one size, and names for machines that are not amounts of memory',
    });
  if (rules.size === undefined && first !== size)
    throw misplacedSize(size, `put it first: ${[size, ...nodes].join(' ')}`);
  return { size, nodes };
}

/** The words of `resize`. @throws UsageError */
export function readResizeWords(words: readonly string[]): { size: string; nodes: string[] } {
  const [size, ...nodes] = words;
  if (size === undefined) throw new UsageError('no size specified', { hint: 'belt resize 1gb node1' });
  const misplaced = parseSize(size) ? undefined : nodes.find((word) => parseSize(word));
  if (misplaced !== undefined)
    throw misplacedSize(
      misplaced,
      `belt resize ${[misplaced, ...words.filter((word) => word !== misplaced)].join(' ')}`,
    );
  return { size, nodes };
}

function noMachine(size: string | undefined): UsageError {
  return size === undefined
    ? new UsageError('no machine specified', { hint: 'belt create 512mb node[1:4]' })
    : new UsageError(`"${size}" is a size, and no machine is named`, { hint: `belt create ${size} node1` });
}

function misplacedSize(size: string, hint: string): UsageError {
  return new UsageError(`"${size}" is a size, which comes before the names of the machines`, { hint });
}

/** Of several words, the first may be meant as a size that the driver does not have. */
function requireSizeOrName(word: string, driver: string): void {
  if (!mayNameSize(word) || /^[A-Za-z0-9-]+$/.test(word)) return;
  throw new UsageError(`"${word}" is neither a size of the ${driver} driver nor a machine name`, {
    hint: "sizes are amounts of memory (512mb, 2gb) or the provider's own, and names have letters, digits and hyphens",
  });
}

/** `512k`, `512mbb`: mistyped amounts would become machines. */
function refuseNearSize(word: string): void {
  if (!/^\d+(?:ki?b?|[mgt]i?bb+|[mgt]{2,}b*|b|bytes?)$/i.test(word)) return;
  throw new UsageError(`"${word}" is not a size, and looks too much like one to be a name`, {
    hint: 'sizes are amounts of memory: 512mb, 2gb',
  });
}
