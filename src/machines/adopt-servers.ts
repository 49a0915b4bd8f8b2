import { basename, join } from 'node:path';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { findNoShell, firstLines, noShellError, requestedUser } from '../app/login-shell.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import type { Adoption, Driver } from '../drivers/driver.js';
import { defaultEngineSettings, enginePorts } from '../engine/model/engine-settings.js';
import type { Connection } from '../ssh/index.js';
import { hasNoSsh, type Machine, reachAddress, type SshAccess } from './model/machine.js';
import { hasOriginalState, saveOriginalState } from './original-state.js';
import { type ReadyOptions, setUpMachine } from './wait-until-ready.js';

/**
 * Adopted servers keep their host name, storage driver, engine version, containers and images. What
 * belt changes is recorded first, so that it can be undone.
 */

/** A running server accepts logins at once; this does not wait for one to boot. */
const loginTimeoutMs = 15_000;

/** @returns undefined for a driver that creates its machines */
export async function adoptionsFor(
  driver: Driver,
  names: readonly string[],
  { knownHosts }: Context,
): Promise<ReadonlyMap<string, Adoption> | undefined> {
  const adoptions = await driver.adopt?.(names);
  const hostKeys = adoptions?.flatMap((adoption) => adoption.hostKeys ?? []) ?? [];
  if (hostKeys.length > 0) (await knownHosts()).consult(hostKeys);
  return adoptions && new Map(adoptions.map((adoption) => [adoption.name, adoption]));
}

export function withAdoption(
  machine: Machine,
  { addresses, ssh, enginePort, driverData }: Adoption,
): Machine {
  // The default port is left out: without TLS the engine settings choose a different one.
  const hasOwnPort = enginePort !== undefined && enginePort !== enginePorts.secure;
  return {
    ...machine,
    addresses,
    ssh: ssh ?? { user: '', port: 0 },
    driverData,
    ...(hasOwnPort && { engine: { ...(machine.engine ?? defaultEngineSettings), port: enginePort } }),
  };
}

/** Copies keys into the machine's folder, as docker-machine does, so the folder can be moved. */
export async function copyLoginKeys(machine: Machine, { cluster }: Context): Promise<Machine> {
  const folder = cluster.machineFolder(machine.name);
  async function withCopies<T extends SshAccess>(access: T, prefix: string): Promise<T> {
    const { keyPath, jump } = access;
    return {
      ...access,
      ...(keyPath !== undefined && { keyPath: await copyKey(access, keyPath, prefix) }),
      ...(jump && { jump: await withCopies(jump, `jump-${prefix}`) }),
    };
  }

  /** A key with a certificate stays where it is: certificates are renewed there. */
  async function copyKey({ certificatePath }: SshAccess, keyPath: string, prefix: string): Promise<string> {
    const copyPath = join(folder, `${prefix}${fileNameFor(keyPath)}`);
    if (copyPath === keyPath || certificatePath !== undefined) return keyPath;
    if ((await readText(`${keyPath}-cert.pub`)) !== undefined) return keyPath;
    const text = await readText(keyPath);
    if (text === undefined) throw new UserError(`SSH key does not exist: "${keyPath}"`);
    await cluster.files.write(copyPath, text);
    return copyPath;
  }

  return { ...machine, ssh: await withCopies(machine.ssh, '') };
}

/** The key's own name, unless belt or docker-machine uses that name for another file. */
function fileNameFor(keyPath: string): string {
  const name = basename(keyPath);
  const isReserved = /^(ca|cert|key|server|server-key)\.pem$|\.json$|^ssh_host_|^\./.test(name);
  return isReserved ? `login-${name}` : name;
}

/**
 * A retry may use another server's address. @throws UserError when belt already changed the first
 */
export async function unpinMovedServers(machines: readonly Machine[], context: Context): Promise<void> {
  const recorded = new Map(
    (await context.cluster.machines()).machines.map((previous) => [previous.name, previous]),
  );
  const moved = machines.filter((machine) => {
    const previous = recorded.get(machine.name);
    return previous !== undefined && reachAddress(previous) !== reachAddress(machine);
  });
  for (const { name } of moved) {
    if (!(await hasOriginalState(name, context))) continue;
    throw new UserError(`${name} was started at another address, where belt has already made changes`, {
      hint: `belt rm ${name} restores that server`,
    });
  }
  const hosts = await context.knownHosts();
  await hosts.remove(moved.map(({ name }) => name));
}

export async function setUpAdoptedServer(
  machine: Machine,
  options: ReadyOptions,
  context: Context,
): Promise<Machine> {
  if (hasNoSsh(machine)) return machine;
  const { connection, machine: loggedIn } = await firstLogin(machine, options, context);
  await saveOriginalState(loggedIn, connection, context);
  await setUpMachine(loggedIn, options, context);
  return loggedIn;
}

interface FirstLogin {
  connection: Connection;
  /** With the user that the server asked for. */
  machine: Machine;
}

/**
 * Follows the server that asks for another user, as cloud images do for root.
 * @throws ExternalError with the obstacle, or what a login without a shell printed; UserError when
 * the host key is not the pinned one
 */
export async function firstLogin(
  machine: Machine,
  options: ReadyOptions,
  context: Context,
): Promise<FirstLogin> {
  const connection = await logInAtOnce(machine, options, context);
  const output = await findNoShell(connection, context.signal);
  if (!output) return { connection, machine };
  const user = requestedUser(output);
  if (user === undefined || user === machine.ssh.user) throw noShellError(connection, output);
  context.reporter.warn(
    `${machine.name}: the server refuses ${machine.ssh.user} (${firstLines(output).join(' / ')}), so belt logs in as ${user}`,
  );
  const other: Machine = { ...machine, ssh: { ...machine.ssh, user } };
  const second = await logInAtOnce(other, options, context);
  const refusal = await findNoShell(second, context.signal);
  if (refusal) throw noShellError(second, refusal);
  return { connection: second, machine: other };
}

async function logInAtOnce(
  machine: Machine,
  { timeoutMs, step }: ReadyOptions,
  context: Context,
): Promise<Connection> {
  step('waiting for SSH');
  const ssh = await context.ssh();
  return ssh.waitFor(sshTarget(machine), {
    timeoutMs: Math.min(timeoutMs, loginTimeoutMs),
    // Retries do not help, and fail2ban and similar tools block clients that fail repeatedly.
    bootRetryMs: 0,
    signal: context.signal,
    onProblem: (obstacle) => step(`waiting for SSH (${obstacle})`),
  });
}
