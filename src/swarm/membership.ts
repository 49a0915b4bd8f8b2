import { reach, sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { ExternalError } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import type { EngineApi, RequestLimits } from '../engine/api.js';
import { engineOf } from '../engine/connect-engine.js';
import { swarmStateOf } from '../engine/engine-status.js';
import type { Machine } from '../machines/model/machine.js';
import { type Membership, type Role, readMembership } from './model/swarm-node.js';

/** Does some work with a machine's engine and closes the way to it. */
export async function withEngine<T>(
  machine: Machine,
  context: Context,
  work: (api: EngineApi) => Promise<T>,
): Promise<T> {
  const api = engineOf(await reach(machine, context));
  try {
    return await work(api);
  } finally {
    api.close();
  }
}

/** What the machine's engine says of its place in a swarm. */
export async function membershipOf(api: EngineApi, limits?: RequestLimits): Promise<Membership> {
  return readMembership(await api.get('/info', limits));
}

/**
 * The same in bounded time, the login included, for machines that may be hung.
 * @throws ExternalError when the time is up
 */
export async function withEngineWithin<T>(
  machine: Machine,
  timeoutMs: number,
  context: Context,
  work: (api: EngineApi, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([context.signal, limit]);
  try {
    const ssh = await context.ssh();
    const api = engineOf(await ssh.connect(sshTarget(machine), { signal }));
    try {
      return await work(api, signal);
    } finally {
      api.close();
    }
  } catch (error) {
    if (!limit.aborted || context.signal.aborted) throw error;
    throw new ExternalError(`${machine.name} gave no answer within ${timeoutMs / 1000} s`, { cause: error });
  }
}

/**
 * As `swarmStateOf`, in bounded time.
 * @throws ExternalError when there is no answer in time
 */
export function ownState(machine: Machine, timeoutMs: number, context: Context): Promise<string> {
  return withEngineWithin(machine, timeoutMs, context, (api, signal) => swarmStateOf(api, { signal }));
}

/** Those of the machines that say they are managers; the others are none, or give no answer in time. */
export async function answeringManagers(machines: readonly Machine[], context: Context): Promise<Machine[]> {
  return (await askForManagers(machines, context)).managers;
}

/** Asks machines whether they are managers. `silent`: those that give no answer in time. */
export async function askForManagers(
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

/** An engine that takes longer for its own state cannot be counted on. */
export const ownStateTimeoutMs = 5_000;

/** A node learns with its new certificate what it has become. */
const ownRoleTimeoutMs = 60_000;

/** Waits until a node itself knows its role: the managers know earlier. @throws ExternalError when that takes too long */
export function waitForOwnRole(name: string, role: Role, api: EngineApi, { signal }: Context): Promise<void> {
  const look = async (): Promise<string | undefined> => {
    const { manager } = await membershipOf(api);
    if (manager === (role === 'manager')) return undefined;
    return `takes itself for a ${manager ? 'manager' : 'worker'}`;
  };
  return waitUntilClear(
    look,
    { timeoutMs: ownRoleTimeoutMs, signal },
    (obstacle) =>
      new ExternalError(`${name} was made a ${role}, and after ${ownRoleTimeoutMs / 1000} s ${obstacle}`),
  );
}
