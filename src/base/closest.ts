/**
 * The candidate with the smallest edit distance, which is at most a third of the word. Of several,
 * the one with the longest common beginning, since the first letters are rarely wrong.
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3));
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) > bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance > bestDistance) continue;
    const ties = distance === bestDistance && best !== undefined;
    if (ties && commonPrefix(word, candidate) <= commonPrefix(word, best as string)) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

function commonPrefix(a: string, b: string): number {
  const different = [...a].findIndex((letter, index) => letter !== b[index]);
  return different === -1 ? a.length : different;
}

/** A hint: the closest name, else all of them. */
export function nameHint(word: string, names: readonly string[]): string {
  const suggestion = closest(word, names);
  if (suggestion !== undefined) return `did you mean "${suggestion}"?`;
  return `use ${names.length > 1 ? 'one of: ' : ''}${names.join(', ')}`;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
export function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const current = [i];
    for (let j = 1; j <= to.length; j++) {
      const substitution = at(previous, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swap = swapped ? at(beforePrevious, j - 2) + 1 : Number.POSITIVE_INFINITY;
      current.push(Math.min(substitution, swap, at(previous, j) + 1, at(current, j - 1) + 1));
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
