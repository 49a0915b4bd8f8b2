import { reach, sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { ExternalError } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import { withTimeout } from '../base/with-timeout.js';
import type { EngineApi, RequestLimits } from '../engine/api.js';
import { engineOf } from '../engine/connect-engine.js';
import { swarmStateOf } from '../engine/engine-status.js';
import type { Machine } from '../machines/model/machine.js';
import { ambiguousMachines, type Member, matchMembers } from './model/members.js';
import { hostOf, type Membership, type Role, readMembership, type SwarmNode } from './model/swarm-node.js';

export async function withEngine<T>(
  machine: Machine,
  context: Context,
  work: (api: EngineApi) => Promise<T>,
): Promise<T> {
  using api = engineOf(await reach(machine, context));
  return await work(api);
}

export async function membershipOf(api: EngineApi, limits?: RequestLimits): Promise<Membership> {
  return readMembership(await api.info(limits));
}

/** Includes the login in the timeout. @throws ExternalError on a timeout */
export async function withEngineWithin<T>(
  machine: Machine,
  timeoutMs: number,
  context: Context,
  work: (api: EngineApi, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const connect = async (signal: AbortSignal): Promise<T> => {
    using api = engineOf(await reach(machine, { ...context, signal }));
    return await work(api, signal);
  };
  return withTimeout(timeoutMs, context.signal, connect, () => noResponse(machine, timeoutMs));
}

export function noResponse({ name }: Machine, timeoutMs: number): ExternalError {
  return new ExternalError(`${name} did not respond within ${timeoutMs / 1000} s`);
}

/** Matches nodes and machines. Where several entries may be one machine, its engine decides. */
export async function identifyMembers(nodes: readonly SwarmNode[], context: Context): Promise<Member[]> {
  const { machines } = await context.cluster.machines();
  const query = (machine: Machine): Promise<string> =>
    withEngineWithin(
      machine,
      ownStateTimeoutMs,
      context,
      async (api, signal) => (await membershipOf(api, { signal })).nodeId,
    );
  const { answers } = await queryAll(ambiguousMachines(nodes, machines), query, context.signal);
  return matchMembers(nodes, machines, new Map(answers.map(({ subject, value }) => [subject.name, value])));
}

/** @throws ExternalError on a timeout */
export function ownState(machine: Machine, timeoutMs: number, context: Context): Promise<string> {
  return withEngineWithin(machine, timeoutMs, context, (api, signal) => swarmStateOf(api, { signal }));
}

export async function answeringManagers(machines: readonly Machine[], context: Context): Promise<Machine[]> {
  return (await queryForManagers(machines, context)).managers;
}

/** @returns also the machines that did not respond in time */
export async function queryForManagers(
  machines: readonly Machine[],
  context: Context,
  timeoutMs = ownStateTimeoutMs,
): Promise<{ managers: Machine[]; silent: Machine[] }> {
  const query = (machine: Machine): Promise<string> => ownState(machine, timeoutMs, context);
  const { answers, failed } = await queryAll(machines, query, context.signal);
  return {
    managers: answers.filter(({ value }) => value === managerState).map(({ subject }) => subject),
    silent: failed.map(({ subject }) => subject),
  };
}

export const managerState = 'active/manager';

export const ownStateTimeoutMs = 5_000;

/** A node learns its role with its new certificate. */
const ownRoleTimeoutMs = 60_000;

/** The managers know the role earlier. @throws ExternalError on a timeout */
export function waitForOwnRole(name: string, role: Role, api: EngineApi, { signal }: Context): Promise<void> {
  const look = async (): Promise<string | undefined> => {
    const { manager } = await membershipOf(api);
    if (manager === (role === 'manager')) return undefined;
    return manager ? 'manager' : 'worker';
  };
  return waitUntilClear(
    look,
    { timeoutMs: ownRoleTimeoutMs, signal },
    (own) =>
      new ExternalError(
        `${name} is a ${role} now, but after ${ownRoleTimeoutMs / 1000} s its engine still reports "${own}"`,
      ),
  );
}

/**
 * Reads a file of the engine's swarm folder, as root. Tries the default data root first.
 * @param file without special characters
 */
export function readSwarmFile(file: string): string {
  return `sudo=; [ "$(id -u)" = 0 ] || sudo='sudo -n'
$sudo cat /var/lib/docker/swarm/${file} 2>/dev/null ||
  $sudo cat "$($sudo docker info --format '{{.DockerRootDir}}')/swarm/${file}"`;
}

/** Without a leader, a manager's API blocks for 20 s, but its engine keeps a list of managers. */
export async function recordedManagerHosts(machine: Machine, context: Context): Promise<string[]> {
  const { stdout } = await withTimeout(ownStateTimeoutMs, context.signal, async (signal) => {
    const connection = await (await context.ssh()).connect(sshTarget(machine), { signal });
    return connection.run(readSwarmFile('state.json'), { signal });
  });
  const remotes = JSON.parse(stdout) as { addr?: string }[];
  return remotes.flatMap(({ addr }) => (addr === undefined ? [] : hostOf(addr)));
}
