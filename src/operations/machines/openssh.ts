import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { UserError } from '../../errors.js';
import type { Machine } from '../../machines/machine.js';
import { openSshConfig } from '../../ssh/openssh-config.js';
import type { Context } from '../context.js';
import { observe } from './list.js';
import { sshTarget } from './reach.js';

/**
 * Lends the work a configuration file with which the system's OpenSSH programs reach the machines by their names.
 * @throws UserError for a machine without an address
 */
export async function withOpenSshConfig<T>(
  machines: readonly Machine[],
  context: Context,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const { cluster } = context;
  const path = join(cluster.sshFolder, `config-${randomUUID()}`);
  await cluster.files.write(path, await openSshConfigFor(machines, context));
  try {
    return await work(path);
  } finally {
    await cluster.files.remove(path);
  }
}

/** @param alias what a machine is called there; its own name where absent */
export async function openSshConfigFor(
  machines: readonly Machine[],
  context: Context,
  alias = (name: string): string => name,
): Promise<string> {
  const hosts = await context.knownHosts();
  const targets = await Promise.all(
    machines.map(async (machine) => ({
      ...sshTarget(machine),
      alias: alias(machine.name),
      known: (await hosts.lookup(machine.name)).length > 0,
    })),
  );
  return openSshConfig(targets, context.cluster.knownHostsPath);
}

/** ssh(1) ends with 255 for a failure of its own, and most machines that cannot be reached are simply off. @throws UserError */
export async function explainSshFailure(
  code: number,
  machines: readonly Machine[],
  context: Context,
): Promise<void> {
  if (code !== 255) return;
  const rows = await observe(machines, context);
  const off = rows.find(({ state }) => ['stopped', 'saved', 'paused', 'missing'].includes(state));
  if (!off) return;
  const { name } = off.machine;
  throw new UserError(`Cannot run SSH command: Host "${name}" is not running (it is ${off.state})`, {
    hint: off.state === 'missing' ? `belt rm ${name}` : `belt start ${name}`,
  });
}
