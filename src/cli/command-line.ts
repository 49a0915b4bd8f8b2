import { UsageError } from '../base/errors.js';
import { type FlagEntry, type FlagValues, globalFlags, outputFlags } from './global-flags.js';
import { longForm, parseSwitch, splitFlag } from './go-flags.js';

/**
 * The sorted command line:
 *
 * - global flags before the command (`belt --host node2 docker info`) move behind it;
 * - after `docker`, `ssh` or `exec`, the first word that is not belt's flag begins the other
 * program's unchanged arguments, except that belt's flags may also follow the names before `--`;
 * - `env`, `config` and `url` parse their own line (fast-path/);
 * - docker-machine's `help COMMAND`, `-h` and `-v` become oclif's forms.
 *
 * Behind the command, Go's forms of flags (go-flags.ts) depend on the command's own flags and are
 * left to it.
 */
type CommandLine =
  | { kind: 'command'; argv: string[] }
  | { kind: 'local'; command: LocalName; argv: string[] }
  | { kind: 'version' }
  | { kind: 'complete'; words: string[] }
  | { kind: 'passthrough'; command: PassthroughName; flags: OwnFlags; tail: string[] };

/** `compose` and `stack` are docker's commands. */
export type PassthroughName = 'docker' | 'compose' | 'stack' | 'ssh' | 'exec';

/** Commands that only read local records. */
export type LocalName = (typeof localNames)[number];
const localNames = ['env', 'config', 'url'] as const;

/** belt's own flags of a passthrough command. */
export interface OwnFlags extends FlagValues<typeof globalFlags & typeof outputFlags> {
  host: string[];
  all?: boolean;
  except?: string[];
  limit?: number;
}

interface OwnFlag extends Pick<FlagEntry, 'type' | 'short'> {
  multiple?: true;
  /** The value is a whole number from 1. */
  count?: true;
}

type OwnFlagTable = Readonly<Record<string, OwnFlag>>;

/** Accepted before a passthrough command and after it. */
const commonFlags: OwnFlagTable = { ...globalFlags, host: { type: 'string', multiple: true } };

/** Only accepted before the command: after `docker`, `ssh` or `exec` they are that program's. */
const leadingFlags: OwnFlagTable = { ...commonFlags, ...outputFlags };

/** With the flags of their own. */
const passthrough: Readonly<Record<PassthroughName, OwnFlagTable>> = {
  docker: {},
  compose: {},
  stack: {},
  ssh: {},
  exec: {
    all: { type: 'boolean' },
    except: { type: 'string', multiple: true },
    limit: { type: 'string', count: true },
  },
};

/** Whether the words after this command belong to another program. */
export function isPassthrough(command: string): command is PassthroughName {
  return Object.hasOwn(passthrough, command);
}

/** @throws UsageError if a flag of a passthrough command lacks its value */
export function readCommandLine(argv: readonly string[]): CommandLine {
  if (argv[0] === '__complete') return { kind: 'complete', words: argv.slice(1) };
  const [globals, rest] = splitLeadingFlags(argv, indexByForm(leadingFlags));
  const [command = '', ...words] = rest;
  if (!isPassthrough(command)) return readOwnCommand(command, words, globals);
  const own = passthrough[command];
  const [flags, tail] = splitOwnFlags(command, words, indexByForm({ ...commonFlags, ...own }));
  if (tail[0] === '--help' || (tail[0] === '-h' && command !== 'docker'))
    return { kind: 'command', argv: [command, '--help'] };
  return {
    kind: 'passthrough',
    command,
    flags: readFlags([...globals, ...flags], indexByForm({ ...leadingFlags, ...own })),
    tail,
  };
}

function readOwnCommand(command: string, words: readonly string[], globals: readonly string[]): CommandLine {
  if (['-v', '-version', '--version'].includes(command)) return { kind: 'version' };
  if (command === 'help' || command === 'h')
    return { kind: 'command', argv: [...words.filter((word) => word !== '--help'), '--help'] };
  const end = words.indexOf('--');
  const flags = end === -1 ? words : words.slice(0, end);
  if ([command, ...flags].some(isHelpFlag))
    return {
      kind: 'command',
      argv: [command, ...words].map((word) => (isHelpFlag(word) ? '--help' : word)),
    };
  const argv = insertGlobals(words, globals);
  const local = localNames.find((name) => name === command);
  if (local) return { kind: 'local', command: local, argv };
  return { kind: 'command', argv: command === '' ? argv : [command, ...argv] };
}

function isHelpFlag(word: string): boolean {
  return ['-h', '-help', '--help'].includes(word);
}

/** At the end, but before `--`. */
function insertGlobals(words: readonly string[], globals: readonly string[]): string[] {
  const end = words.indexOf('--');
  return end === -1 ? [...words, ...globals] : [...words.slice(0, end), ...globals, ...words.slice(end)];
}

/** By the forms of the flags: `--storage-path`, `-s`. */
type KnownFlags = ReadonlyMap<string, OwnFlag & { name: string }>;

function indexByForm(table: OwnFlagTable): KnownFlags {
  return new Map(
    Object.entries(table).flatMap(([name, flag]) => {
      const forms = [`--${name}`, ...(flag.short === undefined ? [] : [`-${flag.short}`])];
      return forms.map((form) => [form, { ...flag, name }]);
    }),
  );
}

/** @throws UsageError for an unknown flag among the names of `exec` */
function splitOwnFlags(
  command: PassthroughName,
  words: readonly string[],
  known: KnownFlags,
): [string[], string[]] {
  const [flags, rest] = splitLeadingFlags(words, known);
  const end = rest.indexOf('--');
  if (command === 'ssh' && end > 1 && rest[1]?.startsWith('--')) {
    const [more, tail] = splitLeadingFlags(rest.slice(1), known);
    return [
      [...flags, ...more],
      [...rest.slice(0, 1), ...tail],
    ];
  }
  if (command !== 'exec') return [flags, rest];
  const nodes = rest.slice(0, end === -1 ? 1 : end);
  const next = nodes.findIndex((word) => word.startsWith('-') && word !== '--');
  if (next === -1) return [flags, rest];
  if (isHelpFlag(rest[next] as string)) return [flags, rest.slice(next)];
  if (next === 0) throw unknownFlag(rest[0] as string);
  const [more, tail] = splitOwnFlags(command, rest.slice(next), known);
  return [
    [...flags, ...more],
    [...rest.slice(0, next), ...tail],
  ];
}

/** Output flags belong before the command. */
function unknownFlag(flag: string): UsageError {
  const known = indexByForm(outputFlags);
  const output = known.has(splitFlag(longForm(flag, known))[0]) ? '--json ' : '';
  return new UsageError(`unknown flag: ${flag}`, { hint: `belt ${output}exec NODES -- COMMAND` });
}

/** Splits off the known flags at the start. */
function splitLeadingFlags(words: readonly string[], known: KnownFlags): [string[], string[]] {
  const head: string[] = [];
  const rest = [...words];
  for (let [word] = rest; word !== undefined; [word] = rest) {
    const flag = longForm(word, known);
    const [form, value] = splitFlag(flag);
    const type = known.get(form)?.type;
    if (!type) break;
    head.push(flag, ...rest.splice(0, type === 'boolean' || value !== undefined ? 1 : 2).slice(1));
  }
  return [head, rest];
}

function readFlags(words: readonly string[], known: KnownFlags): OwnFlags {
  const flags: OwnFlags = { host: [] };
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [form, given] = splitFlag(word);
    const { name, type, multiple, count } = known.get(form) as OwnFlag & { name: string };
    if (type === 'boolean') Object.assign(flags, { [name]: parseSwitch(form, given) });
    else {
      const value = requireValue(form, given ?? rest.shift());
      if (name === 'except') flags.except = [...(flags.except ?? []), value];
      else if (multiple) flags.host.push(value);
      else Object.assign(flags, { [name]: count ? parsePositiveInteger(form, value) : value });
    }
  }
  return flags;
}

function requireValue(flag: string, value: string | undefined): string {
  if (value === undefined || value === '--') throw new UsageError(`flag needs an argument: ${flag}`);
  return value;
}

function parsePositiveInteger(flag: string, value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new UsageError(`${flag} must be a whole number from 1, not "${value}"`);
}
