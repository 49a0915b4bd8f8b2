import { isPassthrough } from '../command-line.js';
import { outputFormats } from '../output.js';
import { type CommandFace, type Commands, commandOf, type FlagFace, wordsBelow } from './command-tree.js';

/** Sources of names, all local. */
export interface Names {
  machines(): Promise<readonly string[]>;
  clusters(): Promise<readonly string[]>;
  drivers(): Promise<readonly string[]>;
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
  command?: CommandFace;
  positionals: string[];
  /** A flag at the end that needs a value. */
  pending?: FlagFace;
  /** After `--` nothing is a flag. */
  ended: boolean;
}

const nothing: Completion = { candidates: new Map(), files: false };

/** @param words everything after the program's name; the last one may be empty */
export async function complete(
  words: readonly string[],
  commands: Commands,
  names: Names,
): Promise<Completion> {
  const current = words.at(-1) ?? '';
  const line = readLine(words.slice(0, -1), commands);
  return startingWith(current, await offer(line, current, commands, names));
}

async function offer(line: Line, current: string, commands: Commands, names: Names): Promise<Completion> {
  const { path, command, positionals, pending, ended } = line;
  if (pending) return valuesOf(pending, names);
  const name = path[0] ?? '';
  if (isPassthrough(name) && (ended || (positionals.length > 0 && name !== 'exec'))) return nothing;
  const [, flag] = /^(--[\w-]+)=/.exec(current) ?? [];
  if (flag !== undefined && !ended) {
    const known = flagOf(flag, command, commands);
    return known ? behind(`${flag}=`, await valuesOf(known, names)) : nothing;
  }
  if (current.startsWith('-') && !ended) return { candidates: flagsOf(command, commands), files: false };
  const below = positionals.length === 0 ? wordsBelow(commands, path) : new Map<string, string>();
  if (!command) return { candidates: below, files: false };
  const { candidates, files } = await argumentsOf(path.join(' '), command, positionals, names);
  return { candidates: new Map([...below, ...candidates]), files };
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
  if (line.positionals.length > 0 || !wordsBelow(commands, line.path).has(word)) {
    line.positionals.push(word);
    return;
  }
  line.path.push(word);
  const command = commandOf(commands, line.path);
  if (command) line.command = command;
}

/** Before the command, only the global flags. */
function faceOf(command: CommandFace | undefined, commands: Commands): CommandFace['flags'] {
  if (command) return command.flags;
  const some = Object.entries(commandOf(commands, ['ls'])?.flags ?? {});
  return Object.fromEntries(some.filter(([, { helpGroup }]) => helpGroup === 'GLOBAL'));
}

function flagOf(written: string, command: CommandFace | undefined, commands: Commands): FlagFace | undefined {
  const flags = Object.values(faceOf(command, commands));
  return flags.find(({ name, char }) => written === `--${name}` || written === `-${char}`);
}

function flagsOf(command: CommandFace | undefined, commands: Commands): Map<string, string> {
  const shown = Object.values(faceOf(command, commands)).filter(({ hidden }) => !hidden);
  const entries = shown.flatMap(({ name, allowNo, summary, description }): [string, string][] => {
    const text = summary ?? description ?? '';
    return [[`--${name}`, text], ...(allowNo ? [[`--no-${name}`, text] as [string, string]] : [])];
  });
  return new Map([...entries, ['--help', 'Show help']]);
}

async function valuesOf({ name, helpValue = '', options }: FlagFace, names: Names): Promise<Completion> {
  if (options) return of(options);
  if (name === 'output') return of(outputFormats);
  if (name === 'cluster') return of(await names.clusters());
  if (/^NODES?$/.test(helpValue)) return of(await names.machines());
  if (helpValue === 'docker-machine|DRIVER') return of(['docker-machine', ...(await names.drivers())]);
  if (helpValue === 'DRIVER') return of(await names.drivers());
  return { candidates: new Map(), files: /^(FILE|DIR)$/.test(helpValue) };
}

/** Names of arguments that are existing machines. */
const machineWords = new Set(['node', 'nodes', 'manager']);
const fileWords = new Set(['file', 'path', 'folder', 'mountpoint']);
/** `node1:`, `node1:/path` or a local file. */
const placeWords = new Set(['source', 'target', 'place']);

async function argumentsOf(
  id: string,
  { args }: CommandFace,
  positionals: readonly string[],
  names: Names,
): Promise<Completion> {
  // The arguments of these commands do not name their kind.
  if (id === 'create' || id === 'cluster new') return nothing;
  if (id === 'cluster rm') return of(await names.clusters());
  if (id === 'ssh' || id === 'exec') return others(await names.machines(), positionals);
  const all = Object.values(args);
  const last = all.at(-1);
  const { name = '', options } = all[positionals.length] ?? (last?.name === 'nodes' ? last : {});
  if (options) return of(options);
  if (name === 'cluster') return of(await names.clusters());
  if (machineWords.has(name)) return others(await names.machines(), positionals);
  if (placeWords.has(name)) {
    const places = (await names.machines()).map((machine) => `${machine}:`);
    return { candidates: of(places).candidates, files: true };
  }
  return { candidates: new Map(), files: fileWords.has(name) };
}

/** Machines that are not on the command line yet. */
function others(machines: readonly string[], positionals: readonly string[]): Completion {
  return of(machines.filter((machine) => !positionals.includes(machine)));
}

function of(values: readonly string[]): Completion {
  return { candidates: new Map(values.map((value) => [value, ''])), files: false };
}

function behind(prefix: string, { candidates, files }: Completion): Completion {
  return { candidates: new Map([...candidates].map(([value, text]) => [`${prefix}${value}`, text])), files };
}

function startingWith(current: string, { candidates, files }: Completion): Completion {
  return { candidates: new Map([...candidates].filter(([value]) => value.startsWith(current))), files };
}
