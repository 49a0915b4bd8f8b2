import { closest, editDistance } from '../base/closest.js';
import { quoteArgs } from '../base/quote-args.js';

/** Words of other tools, and belt's command for the same. */
const synonyms: Readonly<Record<string, string>> = {
  // docker-machine, docker, doctl
  delete: 'rm',
  remove: 'rm',
  destroy: 'rm',
  del: 'rm',
  list: 'ls',
  ps: 'ls',
  top: 'stats',
  info: 'inspect',
  show: 'inspect',
  describe: 'inspect',
  new: 'create',
  add: 'create',
  shell: 'ssh',
  connect: 'ssh',
  console: 'ssh',
  cp: 'scp',
  copy: 'scp',
  switch: 'use',
  select: 'use',
  // vagrant, multipass
  up: 'start',
  boot: 'start',
  launch: 'create',
  down: 'stop',
  halt: 'stop',
  shutdown: 'stop',
  reboot: 'restart',
  // kubectl
  get: 'ls',
  cordon: 'swarm drain',
  uncordon: 'swarm activate',
  // docker
  node: 'swarm',
  nodes: 'swarm ls',
  machine: '',
  'docker-machine': '',
  scale: 'docker service scale',
};

/** Docker's commands that belt has no command for: `belt docker` runs them. */
const dockerCommands: ReadonlySet<string> = new Set(
  `attach build builder buildx commit container diff events export history images load login
logout manifest network pause port pull rename rmi run save search secret service system tag
unpause volume wait`.split(/\s/),
);

/** The same within a group, where they have another name. */
const synonymsInGroup: Readonly<Record<string, string>> = {
  'cluster create': 'cluster new',
  'cluster add': 'cluster new',
  'swarm create': 'swarm init',
  'swarm remove': 'swarm rm',
  'get node': 'swarm ls',
  'get nodes': 'swarm ls',
  'node rm': 'swarm rm',
  'node ps': 'docker node ps',
  'node inspect': 'docker node inspect',
  'node update': 'docker node update',
  'plugins list': 'plugins',
  'plugins ls': 'plugins',
  'plugins remove': 'plugins uninstall',
};

/** Commands that only show something may be suggested for a word with more than one mistake. */
const readingCommands: ReadonlySet<string> = new Set([
  'certs status',
  'cluster ls',
  'cluster plan',
  'completion',
  'config',
  'context ls',
  'doctor',
  'engine show',
  'env',
  'help',
  'hostname',
  'image ls',
  'inspect',
  'ip',
  'logs',
  'ls',
  'plugins',
  'stats',
  'status',
  'swarm ls',
  'swarm status',
  'url',
  'version',
]);

/**
 * The command line that was probably meant, without `belt`. Undefined: no idea.
 * @param words of the command line, beginning with the unknown command
 * @param commands as typed: `swarm join`
 */
export function suggestCommand(words: readonly string[], commands: readonly string[]): string | undefined {
  for (const count of [2, 1]) {
    const typed = words.slice(0, count);
    const meant =
      typed.length === count ? (synonymOf(typed, commands) ?? misspelled(typed, commands)) : undefined;
    if (meant !== undefined) return withArguments(meant, words.slice(count));
  }
  return undefined;
}

function synonymOf([first = '', second]: readonly string[], commands: readonly string[]): string | undefined {
  if (second === undefined) return dockerCommands.has(first) ? `docker ${first}` : own(synonyms, first);
  const inGroup = own(synonymsInGroup, `${first} ${second}`);
  if (inGroup !== undefined) return inGroup;
  const group = own(synonyms, first) ?? first;
  return [second, own(synonyms, second)]
    .map((word) => `${group} ${word}`.trim())
    .find((command) => commands.includes(command));
}

function own(table: Readonly<Record<string, string>>, word: string): string | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined;
}

/** Never a command that changes something for a word with more than one mistake. */
function misspelled(typed: readonly string[], commands: readonly string[]): string | undefined {
  const word = typed.join(' ');
  const harmless = commands.filter(
    (command) => readingCommands.has(command) || editDistance(word, command) <= 1,
  );
  return closest(word, harmless);
}

/** Flags may contain secrets, and other commands may not have them. */
function withArguments(command: string, rest: readonly string[]): string {
  const isPlain = !rest.some((word) => word.startsWith('-'));
  return [command, isPlain ? quoteArgs(rest) : ''].filter((part) => part !== '').join(' ');
}
