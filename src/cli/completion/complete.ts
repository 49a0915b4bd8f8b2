import { machineStates } from '../../machines/model/machine.js';
import { isPassthrough } from '../command-line.js';
import { outputFormats } from '../output.js';
import { type CommandInfo, type Commands, commandOf, type FlagInfo, subcommandsOf } from './command-tree.js';

/** Sources of names; only `services` and `docker` query machines. */
export interface Names {
  machines(): Promise<readonly string[]>;
  clusters(): Promise<readonly string[]>;
  drivers(): Promise<readonly string[]>;
  /** Of the swarm. */
  services(): Promise<readonly string[]>;
  /** docker's own completion. @param own belt's words up to `docker`. @param words docker's */
  docker(own: readonly string[], words: readonly string[]): Promise<Completion>;
}

export interface Completion {
  /** With summaries, which may be empty. */
  candidates: ReadonlyMap<string, string>;
  /** The shell should also offer files. */
  files: boolean;
}

/** The words before the one to complete. */
interface Line {
  /** The words of the command or topic. */
  path: string[];
  command?: CommandInfo;
  positionals: string[];
  /** A flag at the end that needs a value. */
  pending?: FlagInfo;
  /** After `--` nothing is a flag. */
  ended: boolean;
}

const noCompletion: Completion = { candidates: new Map(), files: false };

/** @param words everything after the program's name; the last one may be empty */
export async function complete(
  words: readonly string[],
  commands: Commands,
  names: Names,
): Promise<Completion> {
  const [, exclusion = '', current = ''] = /^(!?)(.*)$/s.exec(words.at(-1) ?? '') ?? [];
  const line = readLine(words.slice(0, -1), commands);
  const start = dockerStart(words, line, commands);
  if (start !== undefined) return names.docker(words.slice(0, start), words.slice(start));
  const completion = filterByPrefix(current, await completeWord(line, current, commands, names));
  return exclusion === '' ? completion : withPrefix(exclusion, completion);
}

/** Docker's own groups of commands that are also belt's. */
const dockerCommands: readonly string[] = ['docker', 'compose', 'stack'];

/** Where docker's words begin, if the last word is one of them. */
function dockerStart(
  words: readonly string[],
  { path, command, pending }: Line,
  commands: Commands,
): number | undefined {
  const [name = ''] = path;
  if (pending || !dockerCommands.includes(name)) return undefined;
  let start = words.indexOf(name) + 1;
  for (let word = words[start]; word?.startsWith('-'); word = words[start]) {
    const flag = flagOf(word.split('=', 1)[0] as string, command, commands);
    if (!flag) break;
    start += flag.type === 'option' && !word.includes('=') ? 2 : 1;
  }
  const isOwnFlag = start >= words.length - 1 && words.at(-1)?.startsWith('-');
  return isOwnFlag || start > words.length - 1 ? undefined : start;
}

async function completeWord(
  line: Line,
  current: string,
  commands: Commands,
  names: Names,
): Promise<Completion> {
  const { path, command, positionals, pending, ended } = line;
  if (pending) return valuesOf(pending, names);
  const name = path[0] ?? '';
  if (isPassthrough(name) && (ended || (positionals.length > 0 && name !== 'exec'))) return noCompletion;
  const [, flag] = /^(--[\w-]+)=/.exec(current) ?? [];
  if (flag !== undefined && !ended) {
    const known = flagOf(flag, command, commands);
    return known ? withPrefix(`${flag}=`, await valuesOf(known, names)) : noCompletion;
  }
  if (current.startsWith('-') && !ended) return { candidates: flagsOf(command, commands), files: false };
  const subcommands = positionals.length === 0 ? subcommandsOf(commands, path) : new Map<string, string>();
  if (!command) return { candidates: subcommands, files: false };
  const { candidates, files } = await argumentsOf(path.join(' '), command, positionals, names);
  return { candidates: new Map([...subcommands, ...candidates]), files };
}

function readLine(words: readonly string[], commands: Commands): Line {
  const line: Line = { path: [], positionals: [], ended: false };
  for (let index = 0; index < words.length; index++) {
    const word = words[index] as string;
    if (line.ended) line.positionals.push(word);
    else if (word === '--') line.ended = true;
    else if (word.startsWith('-') && word !== '-') {
      const flag = flagOf(word.split('=', 1)[0] as string, line.command, commands);
      if (flag?.type !== 'option' || word.includes('=')) continue;
      index++;
      if (index === words.length) line.pending = flag;
    } else readWord(word, line, commands);
  }
  return line;
}

function readWord(word: string, line: Line, commands: Commands): void {
  if (line.positionals.length > 0 || !subcommandsOf(commands, line.path).has(word)) {
    line.positionals.push(word);
    return;
  }
  line.path.push(word);
  const command = commandOf(commands, line.path);
  if (command) line.command = command;
}

/** Before the command, the global flags and --host. */
function flagTableOf(command: CommandInfo | undefined, commands: Commands): CommandInfo['flags'] {
  if (command) return command.flags;
  const lsFlags = Object.entries(commandOf(commands, ['ls'])?.flags ?? {});
  const { host } = commandOf(commands, ['docker'])?.flags ?? {};
  return {
    ...Object.fromEntries(lsFlags.filter(([, { helpGroup }]) => helpGroup === 'GLOBAL')),
    ...(host && { host }),
  };
}

function flagOf(written: string, command: CommandInfo | undefined, commands: Commands): FlagInfo | undefined {
  const flags = Object.values(flagTableOf(command, commands));
  return flags.find(({ name, char }) => written === `--${name}` || written === `-${char}`);
}

function flagsOf(command: CommandInfo | undefined, commands: Commands): Map<string, string> {
  const visible = Object.values(flagTableOf(command, commands)).filter(({ hidden }) => !hidden);
  const entries = visible.flatMap(({ name, allowNo, summary, description }): [string, string][] => {
    const text = summary ?? description ?? '';
    return [[`--${name}`, text], ...(allowNo ? [[`--no-${name}`, text] as [string, string]] : [])];
  });
  return new Map([...entries, ['--help', 'Show help']]);
}

async function valuesOf({ name, helpValue = '', options }: FlagInfo, names: Names): Promise<Completion> {
  if (options) return completionOf(options);
  if (name === 'output') return completionOf(outputFormats);
  if (name === 'cluster') return completionOf(await names.clusters());
  if (/^NODES?$/.test(helpValue)) return completionOf(await names.machines());
  if (helpValue === 'docker-machine|DRIVER')
    return completionOf(['docker-machine', ...(await names.drivers())]);
  if (name === 'wait' && helpValue === 'STATE=N') return completionOf(goalStates.map((state) => `${state}=`));
  if (/^[\w-]+(\|[\w-]+)+$/.test(helpValue)) return completionOf(helpValue.split('|'));
  if (helpValue === 'DRIVER') return completionOf(await names.drivers());
  return { candidates: new Map(), files: /^(FILE|DIR)$/.test(helpValue) };
}

/** What `status --wait` counts; `active` is the 2016 belt's word for running. */
const goalStates = ['active', ...machineStates];

/** Names of arguments that are existing machines. */
const machineArguments = new Set(['node', 'nodes', 'manager']);
const fileArguments = new Set(['file', 'path', 'folder', 'mountpoint']);
/** `node1:`, `node1:/path` or a local file. */
const remotePathArguments = new Set(['source', 'target', 'place']);

async function argumentsOf(
  id: string,
  { args }: CommandInfo,
  positionals: readonly string[],
  names: Names,
): Promise<Completion> {
  // The arguments of these commands do not name their kind.
  if (id === 'create' || id === 'cluster new') return noCompletion;
  if (id === 'cluster rm') return completionOf(await names.clusters());
  if (id === 'ssh' || id === 'exec') return unusedMachines(await names.machines(), positionals);
  const all = Object.values(args);
  const last = all.at(-1);
  const { name = '', options } = all[positionals.length] ?? (last?.name === 'nodes' ? last : {});
  if (options) return completionOf(options);
  if (name === 'task' || name === 'service') return completionOf(await names.services());
  if (name === 'cluster') return completionOf(await names.clusters());
  if (machineArguments.has(name)) return unusedMachines(await names.machines(), positionals);
  if (remotePathArguments.has(name)) {
    const places = (await names.machines()).map((machine) => `${machine}:`);
    return { candidates: completionOf(places).candidates, files: true };
  }
  return { candidates: new Map(), files: fileArguments.has(name) };
}

/** Machines that are not on the command line yet. */
function unusedMachines(machines: readonly string[], positionals: readonly string[]): Completion {
  return completionOf(machines.filter((machine) => !positionals.includes(machine)));
}

function completionOf(values: readonly string[]): Completion {
  return { candidates: new Map(values.map((value) => [value, ''])), files: false };
}

function withPrefix(prefix: string, { candidates, files }: Completion): Completion {
  return { candidates: new Map([...candidates].map(([value, text]) => [`${prefix}${value}`, text])), files };
}

function filterByPrefix(current: string, { candidates, files }: Completion): Completion {
  return { candidates: new Map([...candidates].filter(([value]) => value.startsWith(current))), files };
}
