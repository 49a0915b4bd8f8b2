import { UsageError } from '../../base/errors.js';

/** In nanoseconds, the unit of the Engine API (Go, time.ParseDuration). */
const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const part = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Parses `2160h0m0s`, `1.5h`. @param what the option @returns nanoseconds @throws UsageError */
export function parseDuration(text: string, what: string): number {
  if (text === '0') return 0;
  let total = 0;
  part.lastIndex = 0;
  do {
    const [, number, unit = ''] = part.exec(text) ?? [];
    if (number === undefined) throw invalidDuration(text, what);
    total += Number(number) * (units[unit] as number);
  } while (part.lastIndex < text.length);
  return Math.round(total);
}

function invalidDuration(text: string, what: string): UsageError {
  const hint = /^\d+$/.test(text)
    ? `add a unit: ${text}s, ${text}m or ${text}h`
    : 'use a duration such as 30s, 1h30m or 2160h';
  return new UsageError(`${what}: invalid duration "${text}"`, { hint });
}
