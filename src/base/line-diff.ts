export interface LineChange {
  sign: '+' | '-';
  line: string;
}

/** The shortest diff (longest common subsequence). */
export function lineDiff(before: string, after: string): LineChange[] {
  const [from, to] = [linesOf(before), linesOf(after)];
  const common = commonLengths(from, to);
  const changes: LineChange[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    const [oldLine, newLine] = [from[i], to[j]];
    if (oldLine !== undefined && oldLine === newLine) {
      i++;
      j++;
    } else if (
      newLine === undefined ||
      (oldLine !== undefined && at(common, i + 1, j) >= at(common, i, j + 1))
    ) {
      changes.push({ sign: '-', line: from[i++] as string });
    } else {
      changes.push({ sign: '+', line: to[j++] as string });
    }
  }
  return changes;
}

function linesOf(text: string): string[] {
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

/** `[i][j]`: the length of the longest common subsequence of `from[i...]` and `to[j...]`. */
function commonLengths(from: readonly string[], to: readonly string[]): number[][] {
  const lengths: number[][] = Array.from({ length: from.length + 1 }, () => []);
  for (let i = from.length - 1; i >= 0; i--) {
    for (let j = to.length - 1; j >= 0; j--) {
      const rest =
        from[i] === to[j]
          ? 1 + at(lengths, i + 1, j + 1)
          : Math.max(at(lengths, i + 1, j), at(lengths, i, j + 1));
      (lengths[i] as number[])[j] = rest;
    }
  }
  return lengths;
}

function at(lengths: readonly (readonly number[])[], i: number, j: number): number {
  return lengths[i]?.[j] ?? 0;
}
