import { Args, Flags, type Interfaces } from '@oclif/core';
import { type FlagEntry, globalFlags as globalTable, outputFlags as outputTable } from './global-flags.js';

type OclifFlags<T> = {
  [K in keyof T]: T[K] extends { type: 'boolean' }
    ? Interfaces.BooleanFlag<boolean>
    : Interfaces.OptionFlag<string | undefined>;
};

/** Converts a table of flags for oclif. */
function oclifFlags<T extends Readonly<Record<string, FlagEntry>>>(table: T): OclifFlags<T> {
  return Object.fromEntries(
    Object.entries<FlagEntry>(table).map(([name, entry]) => [name, oclifFlag(entry)]),
  ) as OclifFlags<T>;
}

function oclifFlag({ type, short, summary, value, env }: FlagEntry): Interfaces.Flag<unknown> {
  const options = {
    ...(short !== undefined && { char: short as 's' }),
    ...(env !== undefined && { env }),
    ...(summary === undefined ? { hidden: true } : { summary, helpGroup: 'GLOBAL' }),
    ...(value !== undefined && { helpValue: value }),
  };
  const flag = type === 'boolean' ? Flags.boolean(options) : Flags.string(options);
  return flag as Interfaces.Flag<unknown>;
}

export const globalFlags = oclifFlags(globalTable);

export const reportFlags = { ...globalFlags, ...oclifFlags(outputTable) };

/** For commands that use the active machine or the machines named here. */
export const hostFlag = {
  host: Flags.string({
    summary: 'Machines to use instead of the active one',
    helpValue: 'NODES',
    multiple: true,
    multipleNonGreedy: true,
  }),
};

/** For commands that take NODE or --host. */
export function nodeOrHost(node: string | undefined, host: readonly string[] = []): readonly string[] {
  return node === undefined ? host : [node];
}

export const exceptFlag = {
  except: Flags.string({
    summary: 'Machines to leave out, as "!NODES" does',
    helpValue: 'NODES',
    multiple: true,
    multipleNonGreedy: true,
  }),
};

/** For commands that select existing machines. */
export const allFlag = {
  all: Flags.boolean({ summary: 'All machines of the cluster' }),
  ...exceptFlag,
};

/** The framework must not read it from standard input, which belongs to the command. */
export function argument(description: string): Interfaces.Arg<string | undefined> {
  return Args.string({ description, ignoreStdin: true });
}

export function requiredArgument(description: string): Interfaces.Arg<string> {
  return Args.string({ description, ignoreStdin: true, required: true });
}

export const nodesArgument = {
  nodes: argument('Names, patterns such as node[1:4], globs such as "node*", exclusions such as "!node3"'),
};

export const yesFlag = {
  yes: Flags.boolean({ char: 'y', summary: 'Skip confirmation' }),
};

export function driverFlag(summary = 'Driver to create machines with') {
  return { driver: Flags.string({ char: 'd', summary, helpValue: 'DRIVER' }) };
}

export function timeoutFlag(summary: string, seconds: number, options: { char?: 't'; min?: number } = {}) {
  return { timeout: Flags.integer({ summary, default: seconds, min: 1, helpValue: 'S', ...options }) };
}

export const readyTimeoutFlag = timeoutFlag('Timeout per machine in seconds', 300);

/** For commands that may cost a swarm its quorum. */
export const forceFlag = {
  force: Flags.boolean({
    char: 'f',
    summary: 'Continue even if the swarm loses its quorum or its last spare manager',
  }),
};
