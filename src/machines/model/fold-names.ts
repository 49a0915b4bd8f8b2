import { groupBy } from '../../base/group-by.js';

/** The shortest node patterns for exactly these names: `node[1:40,42]`, `mg1`. */
export function foldNames(names: readonly string[]): string[] {
  const numbered = [...new Set(names)].map(splitNumber);
  return [...groupBy(numbered, ({ prefix }) => prefix)].flatMap(([prefix, group]) =>
    foldGroup(prefix, group),
  );
}

interface Numbered {
  prefix: string;
  /** With leading zeros; empty for a name that does not end in a number. */
  digits: string;
}

/** Digits beyond a safe integer's belong to the prefix. */
function splitNumber(name: string): Numbered {
  const [, prefix = name, digits = ''] = /^(.*?)(\d{1,15})$/s.exec(name) ?? [];
  return { prefix, digits };
}

function foldGroup(prefix: string, group: readonly Numbered[]): string[] {
  const digits = group.map((name) => name.digits).filter((text) => text !== '');
  const bare = digits.length < group.length ? [prefix] : [];
  const ranges = findRuns(digits.toSorted(byNumber)).map(([first, last]) =>
    first === last ? first : `${first}:${last}`,
  );
  if (ranges.length === 0) return bare;
  const isOne = digits.length === 1;
  return [...bare, isOne ? `${prefix}${ranges[0]}` : `${prefix}[${ranges.join(',')}]`];
}

/** Joins consecutive numbers, as long as the first one's width generates the others. */
function findRuns(digits: readonly string[]): [string, string][] {
  const runs: [string, string][] = [];
  for (const text of digits) {
    const run = runs.at(-1);
    if (run && text === successor(run)) run[1] = text;
    else runs.push([text, text]);
  }
  return runs;
}

function successor([first, last]: [string, string]): string {
  const width = first.length > 1 && first.startsWith('0') ? first.length : 0;
  return String(Number(last) + 1).padStart(width, '0');
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b) || a.length - b.length;
}
