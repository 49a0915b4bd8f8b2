import { Args, Flags, type Interfaces } from '@oclif/core';

/** What every command takes, before the command or after it. */
export const globalFlags = {
  cluster: Flags.string({
    summary: 'use this cluster instead of the one in use',
    helpValue: 'NAME',
    helpGroup: 'GLOBAL',
  }),
  'storage-path': Flags.string({
    char: 's',
    summary: 'use this folder as the cluster folder (as docker-machine)',
    helpValue: 'DIR',
    helpGroup: 'GLOBAL',
  }),
  debug: Flags.boolean({
    char: 'D',
    summary: 'tell more: where settings come from, stacks of errors',
    env: 'MACHINE_DEBUG',
    helpGroup: 'GLOBAL',
  }),
  'native-ssh': Flags.boolean({
    summary: "log in with belt's own SSH instead of the system's [$MACHINE_NATIVE_SSH]",
    helpGroup: 'GLOBAL',
  }),
  'tls-ca-cert': authorityFlag(
    'the certificate authority that a new cluster is to have',
    'MACHINE_TLS_CA_CERT',
  ),
  'tls-ca-key': authorityFlag('its private key', 'MACHINE_TLS_CA_KEY'),
  'tls-client-cert': authorityFlag('the client certificate of a new cluster', 'MACHINE_TLS_CLIENT_CERT'),
  'tls-client-key': authorityFlag('its private key', 'MACHINE_TLS_CLIENT_KEY'),
  // docker-machine asked GitHub for boot2docker and sent crash reports; belt does neither.
  'github-api-token': Flags.string({ hidden: true }),
  'bugsnag-api-token': Flags.string({ hidden: true }),
};

function authorityFlag(summary: string, variable: string): Interfaces.OptionFlag<string | undefined> {
  return Flags.string({ summary: `${summary} [$${variable}]`, helpValue: 'FILE', helpGroup: 'GLOBAL' });
}

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
