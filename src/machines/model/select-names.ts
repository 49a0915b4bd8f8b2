import { closest } from '../../base/closest.js';
import { UsageError, UserError } from '../../base/errors.js';
import { foldNames } from './fold-names.js';
import { meantPattern, wantedNames } from './patterns.js';

/** Patterns that leave out what these select: `node3,db[1:2]` is `!node3,!db[1:2]`. */
export function exclusions(patterns: readonly string[]): string[] {
  return patterns.map((pattern) => `!${pattern.replaceAll(/,(?![^[]*\])/g, ',!')}`);
}

/**
 * An exact name always matches, even if it contains dots as imported ones may.
 * @throws UsageError for a bad pattern; UserError naming every machine that does not exist
 */
export function selectNames(
  patterns: readonly string[],
  existing: readonly string[],
  { all = false }: { all?: boolean } = {},
): string[] {
  const names = patterns.filter((pattern) => !pattern.startsWith('!'));
  if (all && names.length > 0) throw new UsageError(`--all leaves no room for names: ${names.join(' ')}`);
  if (all && patterns.length === 0) return [...existing];
  const { found, unknown } = matchNames(all ? ['*', ...patterns] : patterns, existing);
  if (unknown.length > 0) throw unknownMachines(unknown, existing, found);
  return found;
}

/**
 * @throws UsageError for a bad pattern, or none; UserError for an exclusion that matches no machine,
 * or one that leaves none
 */
export function matchNames(
  patterns: readonly string[],
  existing: readonly string[],
): { found: string[]; unknown: string[] } {
  if (patterns.length === 0)
    throw new UsageError('no machine specified', {
      hint: 'name machines (node1, node[1:4] or "node*"), or use --all',
    });
  const known = new Set(existing);
  const parts = patterns.flatMap((pattern) =>
    known.has(pattern) ? [{ names: [pattern], excludes: false }] : wantedNames(pattern),
  );
  const namesOf = (excluding: boolean): string[] =>
    parts.flatMap(({ names, excludes }) => (excludes === excluding ? names : []));
  const wanted = findNames(namesOf(false), existing);
  const excluded = findNames(namesOf(true), existing);
  if (excluded.unknown.length > 0) throw unknownMachines(excluded.unknown, existing);
  if (parts.every(({ excludes }) => excludes))
    throw new UsageError(`${patterns.join(' ')} only excludes machines`, {
      hint: 'name machines too (node1, node[1:4] or "node*"), or use --all',
    });
  const left = wanted.found.filter((name) => !excluded.found.includes(name));
  if (left.length === 0 && excluded.found.length > 0 && wanted.unknown.length === 0)
    throw new UserError(`no machine is left: ${patterns.join(' ')} excludes every machine that it names`);
  return { found: left, unknown: wanted.unknown };
}

function findNames(
  wanted: readonly string[],
  existing: readonly string[],
): { found: string[]; unknown: string[] } {
  const known = new Set(existing);
  const found = new Set<string>();
  const unknown = new Set<string>();
  for (const name of wanted) {
    const matches = known.has(name) ? [name] : globMatches(name, existing);
    if (matches.length === 0) unknown.add(name);
    for (const match of matches) found.add(match);
  }
  return { found: [...found], unknown: [...unknown] };
}

/** Worded as in docker-machine, as scripts match on it, except for globs. */
export function unknownMachines(
  names: readonly string[],
  existing: readonly string[],
  found: readonly string[] = [],
): UserError {
  const errorCode = 'machine-not-found';
  if (names.every(isGlob)) {
    const all = names.map((name) => `"${name}"`).join(', ');
    return new UserError(`no machine matches ${all}`, { errorCode, hint: 'belt ls' });
  }
  const [first = '', ...others] = names;
  const shown = others.slice(0, 9).map((name) => `"${name}"`);
  if (others.length > shown.length) shown.push(`${others.length - shown.length} more`);
  const rest = shown.length > 0 ? ` Nor ${shown.length > 1 ? 'do' : 'does'} ${shown.join(', ')}.` : '';
  const known =
    shown.length > 0 && found.length > 0
      ? ` Only ${foldNames(found).join(',')} ${found.length > 1 ? 'exist' : 'exists'}.`
      : '';
  const hint = others.length > 0 ? createHint(names) : didYouMean(first, existing);
  return new UserError(
    `Docker machine "${first}" does not exist.${rest}${known} Use "belt ls" to list machines`,
    {
      errorCode,
      ...(hint !== undefined && { hint }),
    },
  );
}

function didYouMean(name: string, existing: readonly string[]): string | undefined {
  const suggestion = meantPattern(name) ?? closest(name, existing);
  return suggestion && `did you mean "${suggestion}"?`;
}

/** Several names are hardly all mistyped. */
function createHint(names: readonly string[]): string | undefined {
  const isNew = names.every((name) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i.test(name));
  return isNew ? `belt create ${foldNames(names).join(' ')}` : undefined;
}

function isGlob(name: string): boolean {
  return /[*?]/.test(name);
}

function globMatches(glob: string, existing: readonly string[]): string[] {
  if (!isGlob(glob)) return [];
  const source = glob
    .replaceAll(/[\\^$.|+(){}[\]]/g, '\\$&')
    .replaceAll(/\*+/g, '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`, 'su');
  return existing.filter((name) => expression.test(name));
}
