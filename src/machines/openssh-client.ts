import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import type { SshTarget } from '../ssh/index.js';
import { openSshConfig, type PinnedKeys } from '../ssh/openssh-config.js';
import type { SshProgramCall } from './copy-files.js';
import { observe } from './list-machines.js';
import { hasNoSsh, type Machine, reachAddress } from './model/machine.js';
import { selectMachines } from './select-machines.js';

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

/** How OpenSSH reaches a machine. */
export interface SshAddress {
  name: string;
  address: string;
  port: number;
  user: string;
  /** Of the private key. */
  keyPath?: string;
  /** The nearest jump host. */
  jumpHost?: string;
}

export function sshAddress(machine: Machine): SshAddress {
  const { name, host: address, port, user, keyPath, jump } = sshTarget(machine);
  return {
    name,
    address,
    port,
    user,
    ...(keyPath !== undefined && { keyPath }),
    ...(jump !== undefined && { jumpHost: jump.host }),
  };
}

/**
 * All machines by default; warns of those that cannot be logged in to.
 * @throws UserError for a named machine without an address or SSH
 */
export async function selectSshMachines(
  nodes: readonly string[],
  context: Context,
  { all = false } = {},
): Promise<Machine[]> {
  const namesMachines = nodes.some((node) => !node.startsWith('!'));
  if (namesMachines && !all) return selectMachines(nodes, context);
  const machines = await selectMachines(nodes, context, { all: true });
  const usable = machines.filter(hasSshAddress);
  const left = machines.filter((machine) => !usable.includes(machine)).map(({ name }) => name);
  if (left.length > 0) context.reporter.warn(`left out ${left.join(', ')}: no SSH or no address yet`);
  return usable;
}

export function hasSshAddress(machine: Machine): boolean {
  return !hasNoSsh(machine) && reachAddress(machine) !== undefined;
}

/** @param alias default: the machine's name */
export async function openSshConfigFor(
  machines: readonly Machine[],
  context: Context,
  alias = (name: string): string => name,
): Promise<string> {
  const targets = machines.map((machine) => ({ ...sshTarget(machine), alias: alias(machine.name) }));
  return openSshConfig(targets, await pinnedKeys(targets, context));
}

export async function pinnedKeys(targets: readonly SshTarget[], context: Context): Promise<PinnedKeys> {
  const hosts = await context.knownHosts();
  const names = targets.flatMap(namesOnTheWay);
  const known = await Promise.all(names.map(async (name) => (await hosts.lookup(name)).length > 0));
  return {
    path: context.cluster.knownHostsPath,
    names: new Set(names.filter((_, index) => known[index])),
  };
}

function namesOnTheWay({ name, jump }: SshTarget): string[] {
  return [name, ...(jump ? namesOnTheWay(jump) : [])];
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
