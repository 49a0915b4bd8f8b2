import { join } from 'node:path';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { ExternalError, UserError } from '../base/errors.js';
import { clientAccess } from '../engine/client-access.js';
import { hasNoSsh, type Machine, reachAddress } from '../machines/model/machine.js';
import { matchNames, selectNames } from '../machines/model/patterns.js';
import { openSshConfigFor } from '../machines/openssh-client.js';

/** Runs this computer's docker client. @returns what it prints */
export type DockerClient = (
  args: readonly string[],
) => Promise<{ code: number; stdout: string; stderr: string }>;

/** A context of the docker client for a machine managed by belt. */
export interface DockerContext {
  /** `belt-node1` */
  name: string;
  machine: string;
  endpoint: string;
}

export interface ContextInput {
  machine: Machine;
  /** Through SSH, whatever the engine listens on. */
  ssh: boolean;
}

/** Marks belt's contexts among others. */
function description({ name }: Machine, { cluster }: Context): string {
  return `belt: ${name} of cluster ${cluster.name}`;
}

/**
 * Makes a native context, or points the one that is there to where the machine is now.
 * @throws UserError for a machine that is only reachable over SSH, or with `ssh` one without SSH;
 * ExternalError with the client's message
 */
export async function createContext(
  { machine, ssh }: ContextInput,
  docker: DockerClient,
  context: Context,
): Promise<DockerContext> {
  const name = contextName(machine.name, context);
  const endpoint = ssh ? sshEndpoint(machine, context) : await tcpEndpoint(machine, context);
  if (ssh) await writeSshConfig(context);
  const existing = await docker(['context', 'inspect', name]);
  const verb = existing.code === 0 ? 'update' : 'create';
  await runDocker(docker, [
    'context',
    verb,
    name,
    '--description',
    description(machine, context),
    '--docker',
    endpoint.options,
  ]);
  return { name, machine: machine.name, endpoint: endpoint.url };
}

export interface RemoveContextsInput {
  nodes: readonly string[];
  /** All of the cluster that the client has. */
  all: boolean;
  /** The one that is in use, too. */
  force: boolean;
}

/**
 * Removes the contexts of machines, also of those that are gone: a context holds a copy of the
 * client's key. @returns their names
 * @throws UserError for a name that is neither a context's nor a machine's; ExternalError with the
 * client's own words
 */
export async function removeContexts(
  { nodes, all, force }: RemoveContextsInput,
  docker: DockerClient,
  context: Context,
): Promise<string[]> {
  const { name: cluster } = context.cluster;
  const made = (await ownContexts(docker))
    .filter((one) => one.cluster === cluster)
    .map(({ machine }) => machine);
  const machines = all ? selectNames(nodes, made, { all }) : await namedContexts(nodes, made, context);
  const names = machines.map((name) => contextName(name, context));
  // One after the other: the client's store has no lock.
  for (const name of names) await runDocker(docker, ['context', 'rm', ...(force ? ['--force'] : []), name]);
  return names;
}

/** Of a machine that has none, the client says so. */
async function namedContexts(
  nodes: readonly string[],
  made: readonly string[],
  { cluster }: Context,
): Promise<string[]> {
  const { found, unknown } = matchNames(nodes, made);
  if (unknown.length === 0) return found;
  const { machines } = await cluster.machines();
  const existing = machines.map(({ name }) => name);
  return [...found, ...selectNames(unknown, existing)];
}

/** belt's contexts that the client has, of all clusters. */
export async function listContexts(docker: DockerClient): Promise<DockerContext[]> {
  return (await ownContexts(docker)).map(({ cluster: _, ...shown }) => shown);
}

async function ownContexts(docker: DockerClient): Promise<(DockerContext & { cluster: string })[]> {
  const text = await runDocker(docker, ['context', 'ls', '--format', '{{json .}}']);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { Name: string; Description: string; DockerEndpoint: string })
    .flatMap(({ Name, Description, DockerEndpoint }) => {
      const [, machine, cluster] = /^belt: (\S+) of cluster (.+)$/.exec(Description) ?? [];
      if (machine === undefined || cluster === undefined) return [];
      return [{ name: Name, machine, cluster, endpoint: DockerEndpoint }];
    });
}

/** Where OpenSSH finds the way to all machines of the cluster, for contexts over SSH. */
export function sshConfigPath({ cluster }: Context): string {
  return join(cluster.sshFolder, 'config');
}

async function writeSshConfig(context: Context): Promise<void> {
  const { machines } = await context.cluster.machines();
  const reachable = machines.filter((machine) => !hasNoSsh(machine) && reachAddress(machine) !== undefined);
  const text = await openSshConfigFor(reachable, context, (name) => contextName(name, context));
  await context.cluster.files.write(sshConfigPath(context), text);
}

/**
 * Of a machine, for docker and for ssh; cluster `default` needs no name: `belt-node1`,
 * `belt-swarm2k-node1`.
 */
function contextName(name: string, { cluster }: Context): string {
  return cluster.name === 'default' ? `belt-${name}` : `belt-${cluster.name}-${name}`;
}

interface Endpoint {
  url: string;
  /** As `--docker` takes them. */
  options: string;
}

/** @throws UserError for a machine without SSH */
function sshEndpoint(machine: Machine, context: Context): Endpoint {
  sshTarget(machine);
  const url = `ssh://${contextName(machine.name, context)}`;
  return { url, options: `host=${url}` };
}

async function tcpEndpoint({ name }: Machine, { cluster }: Context): Promise<Endpoint> {
  const { url, certificates } = await clientAccess(name, cluster);
  if (!certificates) return { url, options: `host=${url}` };
  const { authority, certificate, key } = certificates;
  const values = [
    ['host', url],
    ['ca', authority],
    ['cert', certificate],
    ['key', key],
  ];
  return { url, options: values.map(([option, value]) => csvField(`${option}=${value}`)).join(',') };
}

/** `--docker` is read as a line of CSV (RFC 4180). */
function csvField(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

async function runDocker(docker: DockerClient, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(args);
  if (code === 0) return stdout;
  const reason = stderr.trim().split('\n').at(-1) ?? '';
  if (/not found|does not exist/i.test(reason))
    throw new UserError(`docker: ${reason}`, { hint: 'belt context ls' });
  throw new ExternalError(`docker ${args.slice(0, 2).join(' ')} failed: ${reason || `exit code ${code}`}`);
}
