import { type GoValue, quoted, show, typeOf } from './value.js';

/**
 * Go's `%s %v %d %q %t %f %e %g %x %X %c %%` with width, precision, `-`, `0` and `+`. `%d` takes
 * any whole number, as JSON has one kind.
 * @see https://pkg.go.dev/fmt
 */
export function printf(format: string, values: readonly GoValue[]): string {
  let next = 0;
  const text = format.replaceAll(
    /%([-+# 0]*)(\d*)(?:\.(\d*))?(.|$)/gsu,
    (_, flags: string, width: string, precision: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (verb === '') return '%!(NOVERB)';
      if (next >= values.length) return `%!${verb}(MISSING)`;
      return pad(convert(verb, values[next++], flags, precision), Number(width), flags);
    },
  );
  const extra = values.slice(next).map((value) => `${typeOf(value)}=${show(value)}`);
  return extra.length > 0 ? `${text}%!(EXTRA ${extra.join(', ')})` : text;
}

function convert(verb: string, value: GoValue, flags: string, precision: string | undefined): string {
  const digits = precision === undefined ? undefined : Number(precision);
  if (verb === 'v') return show(value);
  if (verb === 's' && typeof value !== 'number' && typeof value !== 'boolean')
    return [...show(value)].slice(0, digits).join('');
  if (verb === 'q' && typeof value === 'string') return quoted(value);
  if (verb === 't' && typeof value === 'boolean') return String(value);
  if (verb === 'x' && typeof value === 'string') return Buffer.from(value).toString('hex');
  if (typeof value === 'number') {
    const number = convertNumber(verb, value, digits);
    if (number !== undefined) return flags.includes('+') && value >= 0 ? `+${number}` : number;
  }
  return `%!${verb}(${typeOf(value)}=${show(value)})`;
}

function convertNumber(verb: string, value: number, digits: number | undefined): string | undefined {
  switch (verb) {
    case 'f':
      return value.toFixed(digits ?? 6);
    case 'e':
      return value.toExponential(digits ?? 6).replace(/e([+-])(\d)$/, 'e$10$2');
    case 'g':
      return String(value);
    default:
      return Number.isInteger(value) ? convertInteger(verb, value) : undefined;
  }
}

function convertInteger(verb: string, value: number): string | undefined {
  switch (verb) {
    case 'd':
      return String(value);
    case 'x':
      return value.toString(16);
    case 'X':
      return value.toString(16).toUpperCase();
    case 'o':
      return value.toString(8);
    case 'b':
      return value.toString(2);
    case 'c':
      return String.fromCodePoint(Math.max(0, value));
    default:
      return undefined;
  }
}

function pad(text: string, width: number, flags: string): string {
  const missing = width - [...text].length;
  if (missing <= 0) return text;
  if (flags.includes('-')) return text + ' '.repeat(missing);
  if (!flags.includes('0')) return ' '.repeat(missing) + text;
  const sign = /^[+-]/.exec(text)?.[0] ?? '';
  return sign + '0'.repeat(missing) + text.slice(sign.length);
}
