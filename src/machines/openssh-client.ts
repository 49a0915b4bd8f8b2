import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { openSshConfig } from '../ssh/openssh-config.js';
import type { SshProgramCall } from './copy-files.js';
import { observe } from './list-machines.js';
import type { Machine } from './model/machine.js';

/**
 * Lends the work a configuration file with which the system's OpenSSH programs reach the machines by their names.
 * @throws UserError for a machine without an address
 */
async function withOpenSshConfig<T>(
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

/**
 * Has a program reach machines through the system's ssh. Most that cannot be reached are simply off, which such programs do not tell.
 * @param run the call, with this terminal. @returns its exit code
 * @throws UserError when a machine is off
 */
export async function runOverSsh(
  machines: readonly Machine[],
  makeCall: (configPath: string) => SshProgramCall,
  run: (call: SshProgramCall) => Promise<number>,
  context: Context,
): Promise<number> {
  return withOpenSshConfig(machines, context, async (path) => {
    const call = makeCall(path);
    const code = await run(call);
    if (call.unreachableCodes.includes(code)) await requireRunning(machines, context);
    return code;
  });
}

async function requireRunning(machines: readonly Machine[], context: Context): Promise<void> {
  const rows = await observe(machines, context);
  const off = rows.find(({ state }) => ['stopped', 'saved', 'paused', 'missing'].includes(state));
  if (!off) return;
  const { name } = off.machine;
  throw new UserError(`Cannot run SSH command: Host "${name}" is not running (it is ${off.state})`, {
    hint: off.state === 'missing' ? `belt rm ${name}` : `belt start ${name}`,
  });
}
