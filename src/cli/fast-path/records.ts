import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../../base/errors.js';
import { chooseCluster } from '../../state/cluster-index.js';
import { type ClusterStore, openClusterStore } from '../../state/cluster-store.js';
import { type Environment, readEnvironment } from '../../state/environment.js';
import { locateState, type NamedPlace } from '../../state/locate-state.js';
import { plainFlags } from '../go-flags.js';

/** What a command has that answers from the records alone. */
export interface Local<Flags> {
  flags: Flags;
  words: string[];
  cluster: ClusterStore;
  environment: Environment;
}

/** Prints for people, or with --json returns as one document. */
export interface LocalAnswer {
  text: string;
  document: unknown;
  /** Whose certificates the person is warned of when they end soon. */
  cluster: ClusterStore;
}

export type FlagDefinitions = NonNullable<ParseArgsConfig['options']>;
type Parsed<T extends FlagDefinitions> = ReturnType<
  typeof parseArgs<{ options: T; allowPositionals: true }>
>['values'];

/** The face of these flags in help is in the command's file and in `flags.ts`. */
export const globalFlags = {
  cluster: { type: 'string' },
  'storage-path': { type: 'string', short: 's' },
  debug: { type: 'boolean', short: 'D' },
  json: { type: 'boolean' },
  'native-ssh': { type: 'boolean' },
  // Taken, and of no use to what only looks.
  'tls-ca-cert': { type: 'string' },
  'tls-ca-key': { type: 'string' },
  'tls-client-cert': { type: 'string' },
  'tls-client-key': { type: 'string' },
  'github-api-token': { type: 'string' },
  'bugsnag-api-token': { type: 'string' },
} as const satisfies FlagDefinitions;

/** The line as `openLocal` takes it. @throws UsageError for a switch with a value that is neither true nor false */
export function plainLine(argv: readonly string[], flags: FlagDefinitions): string[] {
  const shapes = Object.entries<FlagDefinitions[string]>({ ...globalFlags, ...flags });
  // A switch that is off is here as one that is not given: nothing else turns it on.
  return plainFlags(
    argv,
    shapes.map(([name, { type, short }]) => ({ name, char: short, isSwitch: type === 'boolean' })),
  ).words;
}

/** Reads the command line and opens the cluster. @throws UsageError; UserError */
export async function openLocal<T extends FlagDefinitions>(
  argv: readonly string[],
  flags: T,
): Promise<Local<Parsed<T>>> {
  const { values, positionals } = parse(argv, { ...globalFlags, ...flags });
  const environment = readEnvironment();
  const named: NamedPlace = values;
  const location = await locateState(environment, named);
  const place = await chooseCluster(location, named.cluster);
  const owner = environment.sudo;
  return {
    flags: values as Parsed<T>,
    words: positionals,
    cluster: await openClusterStore({ ...place, ...(owner && { owner }) }),
    environment,
  };
}

function parse(argv: readonly string[], options: FlagDefinitions) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true });
  } catch (error) {
    const [reason = ''] = (error as Error).message.split('. ');
    throw new UsageError(`${reason.charAt(0).toLowerCase()}${reason.slice(1)}`, { hint: 'see --help' });
  }
}
