import { join } from 'node:path';
import { ExternalError, UserError } from '../errors.js';
import type { Machine } from '../machines/machine.js';
import type { Context } from './context.js';
import { clientAccess } from './machines/client-access.js';
import { openSshConfigFor } from './machines/openssh.js';

/** Runs this computer's docker client. @returns what it prints */
export type DockerClient = (
  args: readonly string[],
) => Promise<{ code: number; stdout: string; stderr: string }>;

/** A context of the docker client that leads to one of belt's machines. */
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
 * @throws UserError for a machine that only SSH leads to; ExternalError with the client's own words
 */
export async function createContext(
  { machine, ssh }: ContextInput,
  docker: DockerClient,
  context: Context,
): Promise<DockerContext> {
  const name = contextName(machine.name, context);
  const endpoint = ssh ? sshEndpoint(machine, context) : await tcpEndpoint(machine, context);
  const existing = await docker(['context', 'inspect', name]);
  const verb = existing.code === 0 ? 'update' : 'create';
  await must(docker, [
    'context',
    verb,
    name,
    '--description',
    description(machine, context),
    '--docker',
    endpoint.options,
  ]);
  if (ssh) await writeSshConfig(context);
  return { name, machine: machine.name, endpoint: endpoint.url };
}

export async function removeContext(
  machine: Machine,
  force: boolean,
  docker: DockerClient,
  context: Context,
): Promise<string> {
  const name = contextName(machine.name, context);
  await must(docker, ['context', 'rm', ...(force ? ['--force'] : []), name]);
  return name;
}

/** belt's contexts that the client has, of all clusters. */
export async function listContexts(docker: DockerClient): Promise<DockerContext[]> {
  const text = await must(docker, ['context', 'ls', '--format', '{{json .}}']);
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { Name: string; Description: string; DockerEndpoint: string })
    .flatMap(({ Name, Description, DockerEndpoint }) => {
      const [, machine] = /^belt: (\S+) of cluster /.exec(Description) ?? [];
      return machine === undefined ? [] : [{ name: Name, machine, endpoint: DockerEndpoint }];
    });
}

/** Where OpenSSH finds the way to all machines of the cluster, for contexts over SSH. */
export function sshConfigPath({ cluster }: Context): string {
  return join(cluster.sshFolder, 'config');
}

async function writeSshConfig(context: Context): Promise<void> {
  const { machines } = await context.cluster.machines();
  const reachable = machines.filter(({ addresses }) => addresses.public ?? addresses.private);
  const text = await openSshConfigFor(reachable, context, (name) => contextName(name, context));
  await context.cluster.files.write(sshConfigPath(context), text);
}

/** Of a machine, for docker and for ssh; cluster `default` needs no name: `belt-node1`, `belt-swarm2k-node1`. */
function contextName(name: string, { cluster }: Context): string {
  return cluster.name === 'default' ? `belt-${name}` : `belt-${cluster.name}-${name}`;
}

interface Endpoint {
  url: string;
  /** As `--docker` takes them. */
  options: string;
}

function sshEndpoint(machine: Machine, context: Context): Endpoint {
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

async function must(docker: DockerClient, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(args);
  if (code === 0) return stdout;
  const reason = stderr.trim().split('\n').at(-1) ?? '';
  if (/not found|does not exist/i.test(reason))
    throw new UserError(`docker: ${reason}`, { hint: 'see them: belt context ls' });
  throw new ExternalError(`docker ${args.slice(0, 2).join(' ')} failed: ${reason || `exit code ${code}`}`);
}
