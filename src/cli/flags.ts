import { Args, Flags, type Interfaces } from '@oclif/core';
import { type FlagEntry, globalFlags as globalTable, outputFlags as outputTable } from './global-flags.js';

type OclifFlags<T> = {
  [K in keyof T]: T[K] extends { type: 'boolean' }
    ? Interfaces.BooleanFlag<boolean>
    : Interfaces.OptionFlag<string | undefined>;
};

/** The framework's form of a table of flags. */
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

/** The global flags of commands that report. */
export const reportFlags = { ...globalFlags, ...oclifFlags(outputTable) };

/** For commands that talk to the active host or to others named here. */
export const hostFlag = {
  host: Flags.string({
    summary: 'the machines to talk to instead of the active one',
    helpValue: 'NODES',
    multiple: true,
    multipleNonGreedy: true,
  }),
};

/** What a command that takes NODE or --host is for; nothing where neither is given. */
export function nodeOrHost(node: string | undefined, host: readonly string[] = []): readonly string[] {
  return node === undefined ? host : [node];
}

export const allFlag = {
  all: Flags.boolean({ summary: 'all machines of the cluster' }),
};

/** A word of the command line. The framework would take a missing one from what is piped in; that belongs to the work. */
export function argument(description: string): Interfaces.Arg<string | undefined> {
  return Args.string({ description, ignoreStdin: true });
}

export function requiredArgument(description: string): Interfaces.Arg<string> {
  return Args.string({ description, ignoreStdin: true, required: true });
}

/** NODES of commands that act on existing machines; further words are more of them. */
export const nodesArgument = {
  nodes: argument('machines: names, patterns such as node[1:4], globs such as "node*"'),
};

export const yesFlag = {
  yes: Flags.boolean({ char: 'y', summary: 'do not ask' }),
};

export const driverFlag = {
  driver: Flags.string({ char: 'd', summary: 'what makes the machines', helpValue: 'DRIVER' }),
};

/** How long to wait for machines that boot. */
export const readyTimeoutFlag = {
  timeout: Flags.integer({
    summary: 'seconds that a machine may take to answer',
    default: 300,
    min: 1,
    helpValue: 'S',
  }),
};

/** For commands that could cost a swarm its quorum. */
export const forceFlag = {
  force: Flags.boolean({
    summary: 'do it even where the swarm would lose its quorum, or the last manager to spare',
  }),
};
