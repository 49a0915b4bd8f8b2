import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../../base/errors.js';
import { selectCluster } from '../../base/selected-cluster.js';
import { chooseCluster } from '../../state/cluster-index.js';
import { type ClusterStore, openClusterStore } from '../../state/cluster-store.js';
import { type Environment, readEnvironment } from '../../state/environment.js';
import { locateState } from '../../state/locate-state.js';
import { type FlagValues, globalFlags, outputFlags } from '../global-flags.js';
import { normalizeFlags } from '../go-flags.js';

/** The input of a command that only reads local records. */
export interface Local<T extends FlagDefinitions> {
  flags: ParsedFlags<T>;
  words: string[];
  argv: readonly string[];
  cluster: ClusterStore;
  environment: Environment;
}

/** `document` is described in docs/output.md. */
export interface LocalResult<Document = unknown> {
  text: string;
  document: Document;
  /** For the warning about certificates that expire soon. */
  cluster: ClusterStore;
  output: FlagValues<typeof outputFlags>;
}

export type FlagDefinitions = NonNullable<ParseArgsConfig['options']>;
type ParsedFlags<T extends FlagDefinitions> = ReturnType<
  typeof parseArgs<{ options: T; allowPositionals: true }>
>['values'] &
  FlagValues<typeof globalFlags & typeof outputFlags>;

/** @throws UsageError for a switch with a value that is neither true nor false */
export function normalizeLine(argv: readonly string[], flags: FlagDefinitions): string[] {
  const shapes = Object.entries<FlagDefinitions[string]>({ ...globalFlags, ...outputFlags, ...flags });
  // Nothing else turns these switches on, so `=false` equals an omitted switch.
  return normalizeFlags(
    argv,
    shapes.map(([name, { type, short }]) => ({ name, char: short, isSwitch: type === 'boolean' })),
  ).words;
}

/** @throws UsageError; UserError */
export async function openLocal<T extends FlagDefinitions>(
  argv: readonly string[],
  flags: T,
  command = '',
): Promise<Local<T>> {
  const { values, positionals } = parse(argv, { ...globalFlags, ...outputFlags, ...flags }, command);
  const environment = readEnvironment();
  const given = values as ParsedFlags<T>;
  selectCluster(given);
  const place = await chooseCluster(await locateState(environment, given));
  const owner = environment.sudo;
  return {
    flags: given,
    words: positionals,
    argv,
    cluster: await openClusterStore({ ...place, ...(owner && { owner }) }),
    environment,
  };
}

function parse(argv: readonly string[], options: FlagDefinitions, command: string) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const [, flag = ''] = /'(?:-\w, )?(--?[\w-]+)/.exec(message) ?? [];
    const [reason = ''] = message.split('. ');
    const text =
      code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION'
        ? `unknown flag: ${flag}`
        : / argument missing$/.test(reason)
          ? `flag needs an argument: ${flag}`
          : `${reason.charAt(0).toLowerCase()}${reason.slice(1)}`;
    throw new UsageError(text, { hint: `belt ${command} --help` });
  }
}
