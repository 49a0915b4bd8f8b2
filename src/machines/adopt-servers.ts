import { basename, join } from 'node:path';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import type { Adoption, Driver } from '../drivers/driver.js';
import { defaultEngineSettings, enginePorts } from '../engine/model/engine-settings.js';
import type { Connection } from '../ssh/index.js';
import { hasNoSsh, type Machine, reachAddress } from './model/machine.js';
import { hasOriginalState, saveOriginalState } from './original-state.js';
import { type ReadyOptions, setUpMachine } from './wait-until-ready.js';

/**
 * Adopting: servers that somebody else made become machines. What is theirs stays: host name, storage driver, version of the
 * engine, containers and images; and what belt changes is written down first, so that it can be undone.
 */

/** How long a server that exists may take to let belt in. One that is off is not waited for as one that boots. */
const loginTimeoutMs = 15_000;

/** @returns undefined for a driver that creates its machines */
export async function adoptionsFor(
  driver: Driver,
  names: readonly string[],
): Promise<ReadonlyMap<string, Adoption> | undefined> {
  const adoptions = await driver.adopt?.(names);
  return adoptions && new Map(adoptions.map((adoption) => [adoption.name, adoption]));
}

/** The record with the way to the server in it. */
export function withAdoption(
  machine: Machine,
  { addresses, ssh, enginePort, driverData }: Adoption,
): Machine {
  // The usual port is left for the engine's settings to choose: without TLS it is another.
  const hasOwnPort = enginePort !== undefined && enginePort !== enginePorts.secure;
  return {
    ...machine,
    addresses,
    ssh: ssh ?? { user: '', port: 0 },
    driverData,
    ...(hasOwnPort && { engine: { ...(machine.engine ?? defaultEngineSettings), port: enginePort } }),
  };
}

/** Copies the key into the machine's folder, as docker-machine does: a cluster's folder works wherever it is taken. */
export async function copyLoginKey(machine: Machine, { cluster }: Context): Promise<Machine> {
  const { keyPath } = machine.ssh;
  if (keyPath === undefined) return machine;
  const own = join(cluster.machineFolder(machine.name), fileNameFor(keyPath));
  if (own === keyPath) return machine;
  const text = await readText(keyPath);
  if (text === undefined) throw new UserError(`SSH key does not exist: "${keyPath}"`);
  await cluster.files.write(own, text);
  return { ...machine, ssh: { ...machine.ssh, keyPath: own } };
}

/** The key's own name, unless belt and docker-machine have another use for it. */
function fileNameFor(keyPath: string): string {
  const name = basename(keyPath);
  const taken = /^(ca|cert|key|server|server-key)\.pem$|\.json$|^ssh_host_|^\./.test(name);
  return taken ? `login-${name}` : name;
}

/**
 * A name that stood for another server in a first try has another host key now.
 * @throws UserError when belt has changed something on that other server already
 */
export async function unpinMovedServers(machines: readonly Machine[], context: Context): Promise<void> {
  const recorded = new Map(
    (await context.cluster.machines()).machines.map((before) => [before.name, before]),
  );
  const moved = machines.filter((machine) => {
    const before = recorded.get(machine.name);
    return before !== undefined && reachAddress(before) !== reachAddress(machine);
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

/** Sets up the engine of a server; of one that is known by its URL alone, nothing. */
export async function setUpAdoptedServer(
  machine: Machine,
  options: ReadyOptions,
  context: Context,
): Promise<void> {
  if (hasNoSsh(machine)) return;
  const connection = await firstLogin(machine, options, context);
  await saveOriginalState(machine, connection, context);
  await setUpMachine(machine, options, context);
}

/**
 * Logs in to a server for the first time.
 * @throws ExternalError with the obstacle; UserError when its host key is not the pinned one
 */
export async function firstLogin(
  machine: Machine,
  { timeoutMs, step }: ReadyOptions,
  context: Context,
): Promise<Connection> {
  step('waiting for SSH');
  const ssh = await context.ssh();
  return ssh.waitFor(sshTarget(machine), {
    timeoutMs: Math.min(timeoutMs, loginTimeoutMs),
    // The key is there or it is not: asking again makes a server that counts failures shut the door.
    authRetryMs: 0,
    signal: context.signal,
    onProblem: (obstacle) => step(`waiting for SSH (${obstacle})`),
  });
}
