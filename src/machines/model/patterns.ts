import { UsageError } from '../../base/errors.js';

/** Node patterns such as `node[01:10]`, `mg[0:2],db`, `node*` and `!node3`: see docs/configuration.md. */

/** More names in one command are taken for a typing mistake. */
export const maxNames = 10_000;

/** Names of new machines (RFC 1123 labels). @throws UsageError that points at the character */
export function expandNames(patterns: readonly string[]): string[] {
  const names = new NameSet();
  for (const pattern of patterns) {
    for (const part of parse(pattern, labelRules)) {
      for (const name of expand(part)) {
        requireLabel(name, part);
        names.add(name, part);
      }
    }
  }
  return names.inOrder();
}

/** Expands `10.0.0.[11:14]` or `web[1:3].example.org`. @throws UsageError */
export function expandAddresses(pattern: string): string[] {
  try {
    return parse(pattern, addressRules).flatMap(expand);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { message, hint } = error;
    throw new UsageError(message.replace(/^bad node pattern/, 'bad address pattern'), {
      ...(hint !== undefined && { hint }),
    });
  }
}

/** One comma-separated part of a pattern, split into alternatives to be multiplied. */
interface Part {
  pattern: string;
  /** Begins with `!`. */
  excludes: boolean;
  /** Offsets in `pattern`. */
  start: number;
  end: number;
  /** A literal is a segment with one alternative. */
  segments: string[][];
}

interface NameRules {
  literal: RegExp;
  /** Completes "… is not allowed in …". */
  what: string;
  /** Whether `!` may begin a part. */
  excludes?: boolean;
}

const labelRules: NameRules = {
  literal: /[A-Za-z0-9-]/,
  what: 'a machine name (letters, digits and hyphens are)',
};
const addressRules: NameRules = { literal: /[A-Za-z0-9._:%-]/, what: 'an address or host name' };
/** Swarm nodes and imported machines may have names that belt does not give. */
const selectionRules: NameRules = {
  literal: /[\p{L}\p{N}._*?-]/u,
  what: 'a node pattern (names, [1:4], *, ? and, first, ! are)',
  excludes: true,
};

/** The names or globs of a pattern that selects existing machines. @throws UsageError */
export function wantedNames(pattern: string): { names: string[]; excludes: boolean }[] {
  return parse(pattern, selectionRules).map((part) => ({ names: expand(part), excludes: part.excludes }));
}

function parse(pattern: string, rules: NameRules): Part[] {
  const parts: Part[] = [];
  let start = 0;
  while (start <= pattern.length) {
    const part = parsePart(pattern, start, rules);
    parts.push(part);
    start = part.end + 1;
  }
  return parts;
}

function parsePart(pattern: string, start: number, rules: NameRules): Part {
  const segments: string[][] = [];
  const excludes = rules.excludes === true && pattern[start] === '!';
  let position = excludes ? start + 1 : start;
  let count = 1;
  while (position < pattern.length && pattern[position] !== ',') {
    const opening = position;
    const { alternatives, end } =
      pattern[position] === '[' ? parseBrackets(pattern, position) : parseLiteral(pattern, position, rules);
    count *= alternatives.length;
    if (count > maxNames) throw tooMany(pattern, opening);
    segments.push(alternatives);
    position = end;
  }
  if (segments.length === 0) throw badPattern(pattern, position, 'a name is missing');
  return { pattern, excludes, start, end: position, segments };
}

interface Parsed {
  alternatives: string[];
  /** The offset after it. */
  end: number;
}

function parseLiteral(pattern: string, start: number, { literal, what }: NameRules): Parsed {
  let text = '';
  for (const character of pattern.slice(start)) {
    if (character === '[' || character === ',') break;
    const position = start + text.length;
    if (character === ']') throw badPattern(pattern, position, '"]" without "["');
    if (!literal.test(character))
      throw badPattern(pattern, position, `${JSON.stringify(character)} is not allowed in ${what}`);
    text += character;
  }
  return { alternatives: [text], end: start + text.length };
}

function parseBrackets(pattern: string, opening: number): Parsed {
  const closing = pattern.indexOf(']', opening);
  if (closing < 0) throw badPattern(pattern, opening, '"[" is never closed');
  const alternatives: string[] = [];
  let position = opening + 1;
  for (const item of pattern.slice(position, closing).split(',')) {
    alternatives.push(...parseRange(pattern, position, item));
    if (alternatives.length > maxNames) throw tooMany(pattern, opening);
    position += item.length + 1;
  }
  return { alternatives, end: closing + 1 };
}

/** `7`, `1:4`, `1-4` or `01:10`. Leading zeros of the first number set the width of all. */
function parseRange(pattern: string, start: number, item: string): string[] {
  const [first = '', last, ...surplus] = item.split(/:|(?<=\d)-/);
  const lastStart = start + first.length + 1;
  if (surplus.length > 0)
    throw badPattern(pattern, lastStart + (last ?? '').length, 'a range has one ":" or "-"');
  const low = parseNumber(pattern, start, first);
  if (last === undefined) return [first];
  const high = parseNumber(pattern, lastStart, last);
  if (high < low)
    throw badPattern(pattern, lastStart, `the range ends before it begins: ${high} is less than ${low}`);
  if (isPadded(last) && last.length !== first.length) {
    throw badPattern(pattern, lastStart, `"${last}" and "${first}" do not have the same number of digits`);
  }
  if (high - low >= maxNames) throw tooMany(pattern, start);
  const width = isPadded(first) ? first.length : 0;
  return Array.from({ length: high - low + 1 }, (_, index) => String(low + index).padStart(width, '0'));
}

function parseNumber(pattern: string, start: number, text: string): number {
  if (text === '') throw badPattern(pattern, start, 'a number is missing');
  const stray = text.search(/[^0-9]/);
  if (stray >= 0) throw badPattern(pattern, start + stray, `${JSON.stringify(text)} is not a number`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw badPattern(pattern, start, 'the number is too large');
  return value;
}

function isPadded(digits: string): boolean {
  return digits.length > 1 && digits.startsWith('0');
}

/** The last bracket varies fastest: `a[1:2]b[1:2]` is a1b1 a1b2 a2b1 a2b2. */
function expand({ segments }: Part): string[] {
  return segments.reduce<string[]>(
    (heads, alternatives) => heads.flatMap((head) => alternatives.map((alternative) => head + alternative)),
    [''],
  );
}

/** @see RFC 1123 section 2.1 and RFC 1035 section 2.3.1 */
function requireLabel(name: string, { pattern, start, end }: Part): void {
  if (name.length > 63)
    throw badPattern(pattern, start, `"${name}" has ${name.length} characters, a machine name at most 63`);
  if (name.startsWith('-')) throw badPattern(pattern, start, `the name "${name}" begins with a hyphen`);
  if (name.endsWith('-')) throw badPattern(pattern, end - 1, `the name "${name}" ends with a hyphen`);
}

/** Resolvers ignore case, so names that differ only in case are refused. */
class NameSet {
  private readonly byLowerCase = new Map<string, string>();

  add(name: string, { pattern, start }: Part): void {
    const earlier = this.byLowerCase.get(name.toLowerCase());
    if (earlier === name) return;
    if (earlier !== undefined)
      throw badPattern(pattern, start, `"${name}" and "${earlier}" differ only in case`);
    this.byLowerCase.set(name.toLowerCase(), name);
    if (this.byLowerCase.size > maxNames) throw tooMany(pattern, start);
  }

  inOrder(): string[] {
    return [...this.byLowerCase.values()];
  }
}

function tooMany(pattern: string, position: number): UsageError {
  return badPattern(pattern, position, `more than ${maxNames} names`);
}

/** Points at the character, unless the pattern is too long or has characters of unknown width. */
function badPattern(pattern: string, position: number, reason: string): UsageError {
  const line = `bad node pattern ${JSON.stringify(pattern)}, at character ${position + 1}: ${reason}`;
  const drawable = pattern.length <= 100 && /^[\x20-\x7e]*$/.test(pattern);
  const meant = meantPattern(pattern);
  return new UsageError(drawable ? `${line}\n  ${pattern}\n  ${' '.repeat(position)}^` : line, {
    ...(meant !== undefined && { hint: `did you mean "${meant}"?` }),
  });
}

/** The pattern that was meant by ranges in other forms: `node{1..3}`, `node{1,3}`, `node(1:3)`, `node[1..3]`, `node1..3`. */
export function meantPattern(pattern: string): string | undefined {
  const meant = pattern
    .replaceAll(/[[{(](\d+)(?:-|\.\.|:)(\d+)[\]})]/g, '[$1:$2]')
    .replaceAll(/\{(\d+(?:,\d+)*)\}/g, '[$1]')
    .replaceAll(/(\d+)\.\.(\d+)(?=,|$)/g, '[$1:$2]');
  return meant === pattern ? undefined : meant;
}
