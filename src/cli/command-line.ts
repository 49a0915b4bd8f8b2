import { UsageError } from '../base/errors.js';
import { isOn, longForm, splitFlag } from './go-flags.js';

/**
 * Puts the command line into order before anything else looks at it:
 *
 * - global flags written before the command (`belt --host node2 docker info`) move behind it;
 * - of a command that hands its tail to another program (`docker`, `ssh`, `exec`), everything from the first word that is not
 *   belt's own flag is that tail, word for word;
 * - `env`, `config` and `url` are told apart: they read their lines themselves;
 * - what the scripts of `belt completion` ask goes by as it is;
 * - docker-machine's `help COMMAND`, `-h` and `-v` become what the framework understands.
 *
 * Other forms that Go's flags have (`go-flags.ts`) are understood here only where belt's own flags stand at the head; of all others
 * the command itself knows which it has.
 */
export type CommandLine =
  | { kind: 'command'; argv: string[] }
  | { kind: 'local'; command: LocalName; argv: string[] }
  | { kind: 'version' }
  | { kind: 'complete'; words: string[] }
  | { kind: 'passthrough'; command: PassthroughName; flags: OwnFlags; tail: string[] };

export type PassthroughName = 'docker' | 'ssh' | 'exec';

/** The commands that answer from the records alone. */
export type LocalName = (typeof localNames)[number];
const localNames = ['env', 'config', 'url'] as const;

/** What belt itself takes of a passthrough command's line. */
export interface OwnFlags {
  host: string[];
  cluster?: string;
  'storage-path'?: string;
  debug?: boolean;
  all?: boolean;
  limit?: number;
  'native-ssh'?: boolean;
}

type FlagKind = 'text' | 'list' | 'number' | 'switch';

interface KnownFlag {
  /** Under which a passthrough command finds it; it has no use for the others. */
  name: keyof OwnFlags | 'unused';
  kind: FlagKind;
}

const globalFlags: ReadonlyMap<string, KnownFlag> = new Map([
  ['--host', { name: 'host', kind: 'list' }],
  ['--cluster', { name: 'cluster', kind: 'text' }],
  ['--storage-path', { name: 'storage-path', kind: 'text' }],
  ['-s', { name: 'storage-path', kind: 'text' }],
  ['--debug', { name: 'debug', kind: 'switch' }],
  ['-D', { name: 'debug', kind: 'switch' }],
  ['--native-ssh', { name: 'native-ssh', kind: 'switch' }],
  ...['--tls-ca-cert', '--tls-ca-key', '--tls-client-cert', '--tls-client-key'].map(
    (flag): [string, KnownFlag] => [flag, { name: 'unused', kind: 'text' }],
  ),
  ...['--github-api-token', '--bugsnag-api-token'].map((flag): [string, KnownFlag] => [
    flag,
    { name: 'unused', kind: 'text' },
  ]),
]);

/** Before the command only: behind `docker`, `ssh` and `exec` it is the other program's. */
const leadingFlags: ReadonlyMap<string, KnownFlag> = new Map([
  ...globalFlags,
  ['--json', { name: 'unused', kind: 'switch' }],
]);

/** The passthrough commands, with the flags of their own. */
const passthrough: ReadonlyMap<string, ReadonlyMap<string, KnownFlag>> = new Map<
  PassthroughName,
  Map<string, KnownFlag>
>([
  ['docker', new Map()],
  ['ssh', new Map()],
  [
    'exec',
    new Map<string, KnownFlag>([
      ['--all', { name: 'all', kind: 'switch' }],
      ['--limit', { name: 'limit', kind: 'number' }],
    ]),
  ],
]);

/** Whether the further words of this command are another program's. */
export function isPassthrough(command: string): boolean {
  return passthrough.has(command);
}

/** @throws UsageError for a flag of a passthrough command without its value */
export function readCommandLine(argv: readonly string[]): CommandLine {
  if (argv[0] === '__complete') return { kind: 'complete', words: argv.slice(1) };
  const [globals, rest] = takeFlags(argv, leadingFlags);
  const [command = '', ...words] = rest;
  const own = passthrough.get(command);
  if (!own) return readOwnCommand(command, words, globals);
  const known = new Map([...leadingFlags, ...own]);
  const [flags, tail] = takeFlags(words, new Map([...globalFlags, ...own]));
  if (tail[0] === '--help' || (tail[0] === '-h' && command !== 'docker'))
    return { kind: 'command', argv: [command, '--help'] };
  return {
    kind: 'passthrough',
    command: command as PassthroughName,
    flags: readFlags([...globals, ...flags], known),
    tail,
  };
}

function readOwnCommand(command: string, words: readonly string[], globals: readonly string[]): CommandLine {
  if (['-v', '-version', '--version'].includes(command)) return { kind: 'version' };
  if (command === 'help' || command === 'h')
    return { kind: 'command', argv: [...words.filter((word) => word !== '--help'), '--help'] };
  const end = words.indexOf('--');
  const flags = end === -1 ? words : words.slice(0, end);
  if ([command, ...flags].some(asksForHelp))
    return {
      kind: 'command',
      argv: [command, ...words].map((word) => (asksForHelp(word) ? '--help' : word)),
    };
  const argv = insertGlobals(words, globals);
  const local = localNames.find((name) => name === command);
  if (local) return { kind: 'local', command: local, argv };
  return { kind: 'command', argv: command === '' ? argv : [command, ...argv] };
}

function asksForHelp(word: string): boolean {
  return ['-h', '-help', '--help'].includes(word);
}

/** At the end, but before a `--`, which ends all flags. */
function insertGlobals(words: readonly string[], globals: readonly string[]): string[] {
  const end = words.indexOf('--');
  return end === -1 ? [...words, ...globals] : [...words.slice(0, end), ...globals, ...words.slice(end)];
}

/** Splits off the known flags at the head. */
function takeFlags(words: readonly string[], known: ReadonlyMap<string, KnownFlag>): [string[], string[]] {
  const head: string[] = [];
  const rest = [...words];
  for (let [word] = rest; word !== undefined; [word] = rest) {
    const flag = longForm(word, known);
    const [form, value] = splitFlag(flag);
    const kind = known.get(form)?.kind;
    if (!kind) break;
    head.push(flag, ...rest.splice(0, kind === 'switch' || value !== undefined ? 1 : 2).slice(1));
  }
  return [head, rest];
}

function readFlags(words: readonly string[], known: ReadonlyMap<string, KnownFlag>): OwnFlags {
  const flags: OwnFlags = { host: [] };
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [form, given] = splitFlag(word);
    const { name, kind } = known.get(form) as KnownFlag;
    const value = kind === 'switch' ? isOn(form, given) : textOf(form, given ?? rest.shift(), kind);
    if (kind === 'list') flags.host.push(value as string);
    else if (name !== 'unused') Object.assign(flags, { [name]: value });
  }
  return flags;
}

function textOf(flag: string, value: string | undefined, kind: FlagKind): string | number {
  if (value === undefined) throw new UsageError(`${flag} needs a value`);
  return kind === 'number' ? wholeNumber(flag, value) : value;
}

function wholeNumber(flag: string, value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new UsageError(`${flag} must be a whole number from 1, not "${value}"`);
}
