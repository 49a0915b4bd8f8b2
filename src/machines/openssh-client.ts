import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { openSshConfig } from '../ssh/openssh-config.js';
import type { SshProgramCall } from './copy-files.js';
import { observe } from './list-machines.js';
import type { Machine } from './model/machine.js';

/** @throws UserError for a machine without an address */
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

/** @param alias default: the machine's name */
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
 * Reports machines that are off, which programs such as scp and rsync do not.
 * @param run runs the call in this terminal. @returns the exit code
 */
export async function runOverSsh(
  machines: readonly Machine[],
  createCall: (configPath: string) => SshProgramCall,
  run: (call: SshProgramCall) => Promise<number>,
  context: Context,
): Promise<number> {
  return withOpenSshConfig(machines, context, async (path) => {
    const call = createCall(path);
    const code = await run(call);
    if (call.unreachableCodes.includes(code)) await requireRunning(machines, context);
    return code;
  });
}

/** scp uses SFTP since OpenSSH 9.0; small servers such as Dropbear often lack it. */
export function findWithoutSftp(machines: readonly Machine[], context: Context): Promise<string[]> {
  return withOpenSshConfig(machines, context, async (path) => {
    const lacking = await Promise.all(
      machines.map(async ({ name }) => ((await refusesSftp(name, path)) ? [name] : [])),
    );
    return lacking.flat();
  });
}

function refusesSftp(name: string, configPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const args = ['-F', configPath, '-s', name, 'sftp'];
    const child = execFile('ssh', args, { timeout: 20_000 }, (_error, _stdout, stderr) =>
      resolve(/subsystem request failed/i.test(stderr)),
    );
    child.stdin?.on('error', () => {}).end();
  });
}

async function requireRunning(machines: readonly Machine[], context: Context): Promise<void> {
  const rows = await observe(machines, context);
  const stopped = rows.find(({ state }) => ['stopped', 'saved', 'paused', 'missing'].includes(state));
  if (!stopped) return;
  const { name } = stopped.machine;
  throw new UserError(`Cannot run SSH command: Host "${name}" is not running (it is ${stopped.state})`, {
    hint: stopped.state === 'missing' ? `belt rm ${name}` : `belt start ${name}`,
  });
}
