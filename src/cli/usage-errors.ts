import { Errors } from '@oclif/core';
import { closest } from '../base/closest.js';
import { UsageError } from '../base/errors.js';

/**
 * Converts oclif's errors to docker's words.
 * @param command such as `belt swarm join`
 * @param flags of the command, without dashes
 */
export function asUsageError(error: Error, command: string, flags: readonly string[] = []): Error {
  if (!(error instanceof Errors.CLIError)) return error;
  const { flags: unknown = [] } = error as ParseError;
  return new UsageError(describe(error), { hint: nearestFlag(unknown, flags) ?? `${command} --help` });
}

/** Undefined unless a single flag is nearly one of the command's. */
function nearestFlag(
  [unknown = '', ...others]: readonly string[],
  flags: readonly string[],
): string | undefined {
  if (others.length > 0 || !unknown.startsWith('--')) return undefined;
  const nearest = closest(unknown.slice(2).replace(/=.*$/s, ''), flags);
  return nearest && `did you mean "--${nearest}"?`;
}

/** oclif exports no classes for its parse errors. */
type ParseError = Error & {
  args?: { name: string; description?: string }[];
  flags?: string[];
};

function describe(error: ParseError): string {
  switch (error.constructor.name) {
    case 'RequiredArgsError': {
      const names = (error.args ?? []).map(
        ({ name, description }) => `${name.toUpperCase()} (${description})`,
      );
      return `missing argument: ${names.join(', ')}`;
    }
    case 'NonExistentFlagsError': {
      const flags = error.flags ?? [];
      return `unknown ${flags.length === 1 ? 'flag' : 'flags'}: ${flags.join(', ')}`;
    }
    default:
      return cleanMessage(error.message);
  }
}

function cleanMessage(message: string): string {
  const [first = '', ...rest] = message
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('See more help'));
  const [, flag] = /^Flag (--?[\w-]+) expects a value$/.exec(first) ?? [];
  if (flag !== undefined) return `flag needs an argument: ${flag}`;
  const [, name, word, choices] = /^Expected (?:(--[\w-]+)=)?(.*) to be one of: (.+)$/.exec(first) ?? [];
  if (choices !== undefined) return `${name ? `${name}: ` : ''}"${word}" is not one of ${choices}`;
  const [, parsed] = /^Parsing (--?[\w-]+) ?$/.exec(first) ?? [];
  const [, wanted, given] = /^\s*Expected (an? .+) but received: (.*)$/.exec(rest[0] ?? '') ?? [];
  if (parsed !== undefined && wanted !== undefined) return `${parsed} must be ${wanted}, not "${given}"`;
  const end = rest.length > 0 ? ':' : '';
  const text = `${first.charAt(0).toLowerCase()}${first.slice(1)}`.replace(/[.:]$/, end);
  return [text, ...rest].join('\n');
}
