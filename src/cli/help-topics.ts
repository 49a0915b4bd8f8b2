import { type FlagEntry, globalFlags, outputFlags } from './global-flags.js';

/** The top-level commands and topics by task, in the order of `belt --help`. */
export const commandGroups: Readonly<Record<string, readonly string[]>> = {
  machines: [
    ...['create', 'ls', 'status', 'ip', 'url', 'inspect', 'start', 'stop', 'restart', 'kill', 'resize', 'rm'],
    ...['hostname', 'snapshot', 'image', 'sizes', 'regions'],
  ],
  docker: ['active', 'docker', 'compose', 'stack', 'push', 'env', 'config', 'context'],
  access: ['ssh', 'exec', 'scp', 'mount', 'ssh-config', 'inventory'],
  swarm: ['swarm', 'init', 'join', 'promote', 'demote', 'drain', 'logs', 'stats'],
  engines: ['provision', 'upgrade', 'engine', 'certs', 'regenerate-certs'],
  clusters: ['cluster', 'use', 'import', 'gc'],
  setup: ['doctor', 'plugins', 'completion', 'version'],
};

interface HelpTopic {
  summary: string;
  text: string;
  /** Lists after the text, by heading. */
  lists?: Readonly<Record<string, [string, string][]>>;
}

/** `belt help TOPIC`. The documents in docs/ have the details. */
export const helpTopics: ReadonlyMap<string, HelpTopic> = new Map([
  [
    'patterns',
    {
      summary: 'Name many machines at once',
      text: `Wherever a command takes NODES, it takes names and these patterns. Commas join them, and so do
spaces between arguments. Quote them in zsh, unless ~/.zshrc has: eval "$(belt completion zsh)"`,
      lists: {
        'new and existing machines': [
          ['node[1:4]', 'node1 node2 node3 node4; node[1-4] is the same'],
          ['node[08:11]', 'node08 node09 node10 node11'],
          ['node[1,3,5:7]', 'node1 node3 node5 node6 node7'],
          ['dc[1:2]-n[1:2]', 'dc1-n1 dc1-n2 dc2-n1 dc2-n2'],
        ],
        'existing machines': [
          ["'node*' 'mg?'", 'Any characters, one character'],
          ['--all', 'All machines'],
          ["'!node3'", 'Leave out node3; --except node3 is the same'],
        ],
      },
    },
  ],
  [
    'settings',
    {
      summary: 'Set defaults for flags',
      text: `A setting has the first of these values. --debug shows where each one came from. .belt.example.yaml has
all settings with comments.`,
      lists: {
        order: [
          ['1. flag', '--digitalocean-region fra1'],
          ['2. variable', 'DIGITALOCEAN_REGION=fra1'],
          ['3. cluster', 'config.yml in the folder of the cluster'],
          ['4. project', '.belt.yaml in this folder or the nearest one above'],
          ['5. user', '.belt.yaml in your home folder'],
          ['6. default', 'as the help of the command shows it'],
        ],
      },
    },
  ],
  [
    'output',
    {
      summary: 'Choose the format of results',
      text: `Results go to stdout; progress, warnings and prompts go to stderr. Commands that report take -o FORMAT.
docs/output.md describes all fields.`,
      lists: {
        formats: [
          ['table', 'A table that fits the terminal (default)'],
          ['wide', 'The table with all columns'],
          ['json, yaml', 'One document; --json is -o json. Errors are documents too'],
          ['name', 'One name per line; -q is -o name without progress'],
          ['go-template=...', "A Go template: -o 'go-template={{range .}}{{.name}} {{end}}'"],
        ],
      },
    },
  ],
  [
    'exit-codes',
    {
      summary: 'Understand exit codes',
      text: 'docker, compose, stack, ssh, exec, scp and mount exit with the code of the other program.',
      lists: {
        'exit codes': [
          ['0', 'All work is done'],
          ['1', 'Work failed, at least in part, or a prompt was declined'],
          ['2', 'The command line is wrong, or "cluster plan" found differences'],
          ['70', 'A bug in belt: run it again with --debug, and report the stack'],
          ['129, 130, 143', 'Interrupted by SIGHUP, SIGINT (Ctrl-C) or SIGTERM'],
          ['141', 'The reader of the output has gone, as in "belt ls | head -1"'],
        ],
      },
    },
  ],
  [
    'options',
    {
      summary: 'List the flags of all commands',
      text: 'These flags work with every command, before and after its name.',
      lists: { 'global flags': flagRows(globalFlags), 'output flags': flagRows(outputFlags) },
    },
  ],
]);

function flagRows(table: Readonly<Record<string, FlagEntry>>): [string, string][] {
  const entries = Object.entries(table);
  const sorted = [true, false].flatMap((isShort) =>
    entries.filter(([, { short }]) => (short !== undefined) === isShort),
  );
  return sorted.flatMap(([name, { short, value, summary, env }]): [string, string][] => {
    if (summary === undefined) return [];
    const flag = `${short ? `-${short}, ` : '    '}--${name}${value === undefined ? '' : `=${value}`}`;
    return [[flag, `${summary}${env === undefined ? '' : ` [$${env}]`}`]];
  });
}
