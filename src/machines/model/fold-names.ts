import { groupBy } from '../../base/group-by.js';

/**
 * The shortest node patterns for names, as a person would type them: `node[1:40,42]`, `mg1`. They stand for just these names, each prefix
 * where it first came, its numbers in their order.
 */
export function foldNames(names: readonly string[]): string[] {
  const numbered = [...new Set(names)].map(splitNumber);
  return [...groupBy(numbered, ({ prefix }) => prefix)].flatMap(([prefix, group]) =>
    foldGroup(prefix, group),
  );
}

interface Numbered {
  prefix: string;
  /** As it stands there, leading zeros too; empty where the name ends in no number. */
  digits: string;
}

/** More digits than a number is exact for are taken as part of the name. */
function splitNumber(name: string): Numbered {
  const [, prefix = name, digits = ''] = /^(.*?)(\d{1,15})$/s.exec(name) ?? [];
  return { prefix, digits };
}

function foldGroup(prefix: string, group: readonly Numbered[]): string[] {
  const digits = group.map((name) => name.digits).filter((text) => text !== '');
  const bare = digits.length < group.length ? [prefix] : [];
  const ranges = runsOf(digits.toSorted(byNumber)).map(([first, last]) =>
    first === last ? first : `${first}:${last}`,
  );
  if (ranges.length === 0) return bare;
  const isOne = digits.length === 1;
  return [...bare, isOne ? `${prefix}${ranges[0]}` : `${prefix}[${ranges.join(',')}]`];
}

/** Neighbours become one range where its first number, with its leading zeros, leads to the others. */
function runsOf(digits: readonly string[]): [string, string][] {
  const runs: [string, string][] = [];
  for (const text of digits) {
    const run = runs.at(-1);
    if (run && text === following(run)) run[1] = text;
    else runs.push([text, text]);
  }
  return runs;
}

function following([first, last]: [string, string]): string {
  const width = first.length > 1 && first.startsWith('0') ? first.length : 0;
  return String(Number(last) + 1).padStart(width, '0');
}

function byNumber(one: string, other: string): number {
  return Number(one) - Number(other) || one.length - other.length;
}
