import { UsageError } from '../base/errors.js';

export interface FlagShape {
  /** Without dashes. */
  name: string;
  /** Without dash. */
  char?: string | undefined;
  /** It has no value. */
  isSwitch: boolean;
  /** Its values, if it has only a few. */
  values?: readonly string[] | undefined;
}

/** A command line without Go's forms. */
interface NormalizedLine {
  words: string[];
  /** Switches given as `=false`, which no variable or settings file may turn on. */
  off: string[];
}

/**
 * Converts Go's forms of flags, which docker-machine accepts: `-driver x` becomes `--driver x`,
 * `--force=true` becomes `--force`, and `--force=false` is listed in `off`. Listed values are
 * accepted in any case, as in docker: `--availability Drain`.
 * @see https://pkg.go.dev/flag#hdr-Command_line_flag_syntax
 * @param valuesOf the values of each positional argument, undefined: any
 * @throws UsageError for a switch with a value that is neither true nor false
 */
export function normalizeFlags(
  typed: readonly string[],
  shapes: readonly FlagShape[],
  valuesOf: readonly FlagShape['values'][] = [],
): NormalizedLine {
  const known = indexByForm(shapes);
  const words: string[] = [];
  const off = new Set<string>();
  const rest = [...typed];
  const left = [...valuesOf];
  for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
    if (next === '--') return { words: [...words, next, ...rest], off: [...off] };
    const word = longForm(next, known);
    const [form, value] = splitFlag(word);
    const shape = known.get(form);
    if (shape?.isSwitch && !parseSwitch(form, value)) {
      off.add(shape.name);
      continue;
    }
    if (shape) off.delete(shape.name);
    if (!shape || value === undefined) words.push(word.startsWith('-') ? word : asListed(word, left.shift()));
    else words.push(shape.isSwitch ? form : `--${shape.name}=${asListed(value, shape.values)}`);
    const taker = takerOfNextWord(word, known);
    if (taker && rest.length > 0) words.push(asListed(rest.shift() as string, taker.values));
  }
  return { words, off: [...off] };
}

function asListed(value: string, values: FlagShape['values'] = []): string {
  return values.find((known) => known.toLowerCase() === value.toLowerCase()) ?? value;
}

/** `--driver` for `-driver` if there is such a flag; one-letter flags keep their dash. */
export function longForm(word: string, known: Pick<ReadonlyMap<string, unknown>, 'has'>): string {
  const long = `-${word}`;
  return /^-[^-=][^=]/.test(word) && known.has(splitFlag(long)[0]) ? long : word;
}

export function splitFlag(word: string): [flag: string, value?: string] {
  const end = word.indexOf('=');
  return end === -1 ? [word] : [word.slice(0, end), word.slice(end + 1)];
}

/**
 * @param value undefined: none given
 * @see https://pkg.go.dev/strconv#ParseBool
 * @throws UsageError for a value that is neither true nor false
 */
export function parseSwitch(flag: string, value = 'true'): boolean {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(value)) return false;
  throw new UsageError(`${flag} must be true or false, not "${value}"`);
}

function indexByForm(shapes: readonly FlagShape[]): ReadonlyMap<string, FlagShape> {
  return new Map(
    shapes.flatMap((shape): [string, FlagShape][] => [
      [`--${shape.name}`, shape],
      ...(shape.char ? [[`-${shape.char}`, shape] as [string, FlagShape]] : []),
    ]),
  );
}

/** The flag whose value is the next word. In `-Ds DIR`, only the last letter can take one. */
function takerOfNextWord(word: string, known: ReadonlyMap<string, FlagShape>): FlagShape | undefined {
  const shape = known.get(word);
  if (shape || !/^-[^-]/.test(word)) return shape?.isSwitch === false ? shape : undefined;
  const letters = [...word.slice(1)].map((letter) => known.get(`-${letter}`));
  const isLast = letters.findIndex((letter) => !letter?.isSwitch) === letters.length - 1;
  return isLast ? letters.at(-1) : undefined;
}
