import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { ExternalError, UserError } from '../base/errors.js';
import { clientAccess } from '../engine/client-access.js';
import { engineEndpoint, type Machine } from '../machines/model/machine.js';
import { matchNames, selectNames } from '../machines/model/select-names.js';
import { hasSshAddress, openSshConfigFor } from '../machines/openssh-client.js';

/** Runs the local docker client. */
export type DockerClient = (
  args: readonly string[],
) => Promise<{ code: number; stdout: string; stderr: string }>;

export interface DockerContext {
  /** For example `belt-node1`. */
  name: string;
  machine: string;
  endpoint: string;
}

interface ContextInput {
  machine: Machine;
  /** Over SSH, whatever the engine listens on. */
  ssh: boolean;
}

/** Identifies belt's contexts. */
function description({ name }: Machine, { cluster }: Context): string {
  return `belt: ${name} of cluster ${cluster.name}`;
}

/** @throws UserError without TLS access, or with `ssh` without SSH; ExternalError */
export async function createContext(
  { machine, ssh }: ContextInput,
  docker: DockerClient,
  context: Context,
): Promise<DockerContext> {
  const name = contextName(machine.name, context);
  const endpoint = ssh ? sshEndpoint(machine, context) : await tcpEndpoint(machine, context);
  if (ssh) await writeSshConfig(context);
  const existing = await docker(['context', 'inspect', name]);
  const subcommand = existing.code === 0 ? 'update' : 'create';
  await runDocker(docker, [
    'context',
    subcommand,
    name,
    '--description',
    description(machine, context),
    '--docker',
    endpoint.options,
  ]);
  return { name, machine: machine.name, endpoint: endpoint.url };
}

interface RemoveContextsInput {
  nodes: readonly string[];
  all: boolean;
  /** Also remove the context in use. */
  force: boolean;
}

/**
 * Includes contexts of missing machines, which hold a copy of the client's key.
 * @throws UserError for an unknown name; ExternalError
 */
export async function removeContexts(
  { nodes, all, force }: RemoveContextsInput,
  docker: DockerClient,
  context: Context,
): Promise<string[]> {
  const { name: cluster } = context.cluster;
  const contextMachines = (await beltContexts(docker))
    .filter((entry) => entry.cluster === cluster)
    .map(({ machine }) => machine);
  const machines = all
    ? selectNames(nodes, contextMachines, { all })
    : await namedContexts(nodes, contextMachines, context);
  const names = machines.map((name) => contextName(name, context));
  // One after another: the client's store has no lock.
  for (const name of names) await runDocker(docker, ['context', 'rm', ...(force ? ['--force'] : []), name]);
  return names;
}

/**
 * Removes the contexts that this cluster made for machines that no longer exist. A context of another
 * belt with the same names has another endpoint. @throws ExternalError
 */
export async function removeContextsOf(
  machines: readonly Machine[],
  docker: DockerClient,
  context: Context,
): Promise<string[]> {
  const { cluster } = context;
  const sshConfig = await readFile(sshConfigPath(context), 'utf8').catch(() => '');
  const isOwn = ({ name, endpoint }: DockerContext, machine: Machine): boolean =>
    endpoint === engineEndpoint(machine)?.url ||
    (endpoint === `ssh://${name}` && sshConfig.split('\n').includes(`Host ${name}`));
  const byName = new Map(machines.map((machine) => [machine.name, machine]));
  const own = (await beltContexts(docker)).filter((entry) => {
    const machine = byName.get(entry.machine);
    return entry.cluster === cluster.name && machine && isOwn(entry, machine);
  });
  for (const { name } of own) await runDocker(docker, ['context', 'rm', '--force', name]);
  return own.map(({ name }) => name);
}

/** For a machine without a context, the client reports the error. */
async function namedContexts(
  nodes: readonly string[],
  contextMachines: readonly string[],
  { cluster }: Context,
): Promise<string[]> {
  const { found, unknown } = matchNames(nodes, contextMachines);
  if (unknown.length === 0) return found;
  const { machines } = await cluster.machines();
  const existing = machines.map(({ name }) => name);
  return [...found, ...selectNames(unknown, existing)];
}

/** belt's contexts, of all clusters. */
export async function listContexts(docker: DockerClient): Promise<DockerContext[]> {
  return (await beltContexts(docker)).map(({ cluster: _, ...shownFields }) => shownFields);
}

async function beltContexts(docker: DockerClient): Promise<(DockerContext & { cluster: string })[]> {
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

/** The OpenSSH configuration for contexts over SSH. */
export function sshConfigPath({ cluster }: Context): string {
  return join(cluster.sshFolder, 'config');
}

async function writeSshConfig(context: Context): Promise<void> {
  const { machines } = await context.cluster.machines();
  const reachable = machines.filter(hasSshAddress);
  const text = await openSshConfigFor(reachable, context, (name) => contextName(name, context));
  await context.cluster.files.write(sshConfigPath(context), text);
}

/** `belt-node1` in the cluster `default`, else `belt-swarm2k-node1`. */
function contextName(name: string, { cluster }: Context): string {
  return cluster.name === 'default' ? `belt-${name}` : `belt-${cluster.name}-${name}`;
}

interface Endpoint {
  url: string;
  /** As in `--docker`. */
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

/** `--docker` is parsed as a line of CSV (RFC 4180). */
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
