import type { Context } from '../app/context.js';
import { ExternalError, isAbort, messageOf, UserError } from '../base/errors.js';
import { quoteArgs } from '../base/quote-args.js';
import type { CreateRequest } from '../drivers/driver.js';
import type { Connection } from '../ssh/index.js';
import type { ClusterStore } from '../state/cluster-store.js';
import { firstLogin } from './adopt-servers.js';
import type { Machine } from './model/machine.js';
import type { ReadyOptions } from './wait-until-ready.js';

/** The cluster's SSH key, generated for its first machine. `path` is the private key's. */
export async function clusterKey(cluster: ClusterStore): Promise<{ path: string; publicKey: string }> {
  const { generateKeyPair } = await import('../ssh/index.js');
  const { publicKey } = await cluster.sshKey(() => generateKeyPair(`belt ${cluster.name}`));
  return { path: cluster.sshKeyPath, publicKey };
}

/** Pins a host key before the machine exists; an interrupted create continues with the same key. */
export async function pinHostKey(
  name: string,
  { cluster, knownHosts }: Context,
): Promise<CreateRequest['ssh']['hostKey']> {
  const { generateKeyPair } = await import('../ssh/index.js');
  const hostKey = await cluster.hostKey(name, () => generateKeyPair(name));
  const hosts = await knownHosts();
  await hosts.add(name, hostKey.publicKey);
  return hostKey;
}

interface AuthorizeOptions extends ReadyOptions {
  /** Default: the recorded key and the user's own. */
  keyPath?: string;
}

/** @throws UserError with instructions when no key is accepted; ExternalError; AbortError */
export async function authorizeClusterKey(
  machine: Machine,
  { keyPath, ...options }: AuthorizeOptions,
  context: Context,
): Promise<void> {
  const { publicKey } = await clusterKey(context.cluster);
  const { name, ssh } = machine;
  const connection = await loginReportingHostKey(
    { ...machine, ssh: { ...ssh, ...(keyPath !== undefined && { keyPath }) } },
    publicKey,
    options,
    context,
  );
  options.step("adding the cluster's key");
  const stdin = await context.templates.render('access/authorize.sh', { key: quoteArgs([publicKey]) });
  const { code, stderr } = await connection.run('/bin/sh -s', { stdin, signal: context.signal });
  if (code === 0) return;
  throw new ExternalError(`${name}: the cluster's key could not be added for ${ssh.user}: ${stderr.trim()}`);
}

async function loginReportingHostKey(
  machine: Machine,
  publicKey: string,
  options: ReadyOptions,
  context: Context,
): Promise<Connection> {
  const hosts = await context.knownHosts();
  const isKnown = (await hosts.lookup(machine.name)).length > 0;
  try {
    return (await firstLogin(machine, options, context)).connection;
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new UserError(messageOf(error), {
      cause: error,
      hint: `specify a key that the machine accepts with --ssh-key, or add this line to ~${machine.ssh.user}/.ssh/authorized_keys on it, then run the same command again: ${publicKey}`,
    });
  } finally {
    if (!isKnown) await reportHostKey(machine, context);
  }
}

/** The key was pinned on first use, even if the login failed: the user should verify it. */
async function reportHostKey({ name }: Machine, { knownHosts, reporter }: Context): Promise<void> {
  const { fingerprint } = await import('../ssh/index.js');
  const [pinned] = await (await knownHosts()).lookup(name);
  if (pinned) reporter.note(`${name}: pinned host key ${fingerprint(pinned.key)}`);
}
