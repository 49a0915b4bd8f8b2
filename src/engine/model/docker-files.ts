/** Commands of docker that read or write files of the computer on which the client runs. */
const commands: readonly (readonly string[])[] = [
  ['build'],
  ['builder', 'build'],
  ['buildx'],
  ['compose'],
  ['config', 'create'],
  ['container', 'cp'],
  ['container', 'export'],
  ['cp'],
  ['export'],
  ['image', 'build'],
  ['image', 'import'],
  ['image', 'load'],
  ['image', 'save'],
  ['import'],
  ['load'],
  ['plugin', 'create'],
  ['save'],
  ['secret', 'create'],
  ['stack', 'config'],
  ['stack', 'deploy'],
  ['stack', 'up'],
];

const fileFlag = /^--(?:env-file|label-file|cidfile|iidfile)(?:=|$)/;

/** docker's own flags before the command that take a value. */
const valueFlags = ['-H', '--host', '-c', '--context', '-l', '--log-level', '--config'];

/** @param args after `docker` */
export function usesFiles(args: readonly string[]): boolean {
  const words = withoutGlobalFlags(args);
  if (commands.some((command) => command.every((word, index) => words[index] === word))) return true;
  return words.some((word) => fileFlag.test(word));
}

/** @param args after `docker`, @returns the command and everything after it */
export function withoutGlobalFlags(args: readonly string[]): readonly string[] {
  const [first] = args;
  if (first === undefined || !first.startsWith('-')) return args;
  return withoutGlobalFlags(args.slice(valueFlags.includes(first) ? 2 : 1));
}

/** Words that may be the path of a file: `compose.yml`, `--env-file=x`, `./dir:/there`. */
export function possiblePaths(args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    const value = arg.startsWith('-') ? arg.slice(arg.indexOf('=') + 1) : arg;
    return value.startsWith('-') || value === '' ? [] : [value];
  });
}

/** Whether only a manager of a swarm can run it. */
export function needsManager(args: readonly string[]): boolean {
  const [group = '', command = ''] = withoutGlobalFlags(args);
  if (['service', 'stack', 'node', 'secret', 'config'].includes(group)) return true;
  return group === 'swarm' && ['ca', 'join-token', 'unlock-key', 'update'].includes(command);
}
