import { UsageError } from '../base/errors.js';

export interface FlagShape {
  /** Without dashes. */
  name: string;
  /** Without dash. */
  char?: string | undefined;
  /** It has no value. */
  isSwitch: boolean;
}

/** A command line without Go's forms. */
interface NormalizedLine {
  words: string[];
  /** Switches given as `=false`, which no variable or settings file may turn on. */
  off: string[];
}

/**
 * Converts Go's forms of flags, which docker-machine accepts: `-driver x` becomes `--driver x`,
 * `--force=true` becomes `--force`, and `--force=false` is listed in `off`.
 * @see https://pkg.go.dev/flag#hdr-Command_line_flag_syntax
 * @throws UsageError for a switch with a value that is neither true nor false
 */
export function normalizeFlags(typed: readonly string[], shapes: readonly FlagShape[]): NormalizedLine {
  const known = indexByForm(shapes);
  const words: string[] = [];
  const off = new Set<string>();
  const rest = [...typed];
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
    if (!shape || value === undefined) words.push(word);
    else words.push(shape.isSwitch ? form : `--${shape.name}=${value}`);
    if (rest.length > 0 && takesNextWord(word, known)) words.push(rest.shift() as string);
  }
  return { words, off: [...off] };
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

/** Whether the flag's value is the next word. In `-Ds DIR`, only the last letter can take one. */
function takesNextWord(word: string, known: ReadonlyMap<string, FlagShape>): boolean {
  const shape = known.get(word);
  if (shape || !/^-[^-]/.test(word)) return shape?.isSwitch === false;
  const letters = [...word.slice(1)].map((letter) => known.get(`-${letter}`));
  return (
    letters.findIndex((letter) => !letter?.isSwitch) === letters.length - 1 && letters.at(-1) !== undefined
  );
}
