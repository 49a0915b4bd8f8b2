import { NotRunningError, reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { fanOut } from '../app/fan-out.js';
import { ExternalError, isAbort, messageOf, UserError } from '../base/errors.js';
import { withTimeout } from '../base/with-timeout.js';
import { type EngineApi, EngineError } from '../engine/api.js';
import { engineOf } from '../engine/connect-engine.js';
import { hasNoSsh, type Machine } from '../machines/model/machine.js';
import { membershipOf, noResponse } from './membership.js';
import { type Membership, readNodes, type SwarmNode } from './model/swarm-node.js';
import { NoQuorumError } from './require-quorum.js';

/** A manager that responded; the caller closes `api`. */
export interface ManagerConnection {
  machine: Machine;
  api: EngineApi;
  membership: Membership;
  nodes: SwarmNode[];
}

/** Slower machines are skipped. */
const probeTimeoutMs = 5_000;
/** The leader may return a long list. */
export const nodesTimeoutMs = 10_000;

/** @throws UserError when the machine is not a manager */
export async function connectManager(machine: Machine, context: Context): Promise<ManagerConnection> {
  const api = engineOf(await reach(machine, context));
  const connect = async (): Promise<ManagerConnection> => {
    const membership = await managerMembership(machine, api, context.signal);
    return { machine, api, membership, nodes: await firstNodes(api, context.signal) };
  };
  return closeOnError(api, connect).catch((error) => {
    if (!(error instanceof ExternalError)) throw error;
    throw new ExternalError(`${machine.name}: ${error.message}`, { cause: error });
  });
}

async function closeOnError<T>(api: EngineApi, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    api.close();
    throw error;
  }
}

async function managerMembership(
  { name }: Machine,
  api: EngineApi,
  signal: AbortSignal,
): Promise<Membership> {
  const membership = await membershipOf(api, { signal });
  if (!membership.manager) throw notAManager(name, membership);
  return membership;
}

export function notAManager(name: string, { state, error }: Membership): UserError {
  if (state === 'inactive')
    return new UserError(`${name} is not in a swarm`, { hint: `belt swarm init ${name}` });
  if (state === 'locked')
    return new StuckMemberError(`the swarm on ${name} is locked`, { hint: `belt swarm unlock ${name}` });
  if (state === 'active')
    return new UserError(`${name} is a worker of its swarm, not a manager`, { hint: 'belt swarm ls' });
  return new StuckMemberError(
    `the swarm membership of ${name} is in state "${state}"${error && `: ${error}`}`,
  );
}

async function firstNodes(api: EngineApi, signal: AbortSignal): Promise<SwarmNode[]> {
  try {
    return readNodes(await api.nodes({ timeoutMs: nodesTimeoutMs, signal }));
  } catch (error) {
    if (isAbort(error) || !isRetryableElsewhere(error)) throw error;
    throw noLeader(error);
  }
}

export class NoSwarmError extends UserError {}

/** The machine is in a swarm but cannot take part. */
class StuckMemberError extends UserError {}

function noLeader(cause?: unknown): NoQuorumError {
  const reported = cause === undefined ? '' : messageOf(cause);
  const detail = reported === '' || /does not have a leader/.test(reported) ? '' : ` (${reported})`;
  return leaderless(`too few managers are online, or they are electing one${detail}`, cause);
}

export function leaderless(reason: string, cause?: unknown): NoQuorumError {
  return new NoQuorumError(`the swarm has no leader: ${reason}`, {
    hint: 'belt start NODES; if the managers are lost: belt swarm recover',
    cause,
  });
}

/** Whether a manager belongs to the swarm that is meant. */
export type IsWanted = (
  manager: Pick<ManagerConnection, 'machine' | 'membership' | 'nodes'>,
) => boolean | Promise<boolean>;

/** Queries a group in parallel. @throws the error of the most likely candidate */
export async function findManager(
  groups: readonly (readonly Machine[])[],
  context: Context,
  isWanted: IsWanted = () => true,
): Promise<ManagerConnection> {
  const refusals = new Map<string, unknown>();
  for (const group of groups) {
    const untried = group.filter((machine) => !refusals.has(machine.name) && !hasNoSsh(machine));
    const found = await firstManager(untried, context, isWanted, refusals);
    if (found) return found;
  }
  throw noManager([...refusals.values()]);
}

async function firstManager(
  machines: readonly Machine[],
  context: Context,
  isWanted: IsWanted,
  refusals: Map<string, unknown>,
): Promise<ManagerConnection | undefined> {
  let found: ManagerConnection | undefined;
  const stopOthers = new AbortController();
  const signal = AbortSignal.any([context.signal, stopOthers.signal]);
  const probeOne = async (machine: Machine): Promise<void> => {
    const connection = await probe(machine, signal, isWanted, context);
    if (found) return connection.api.close();
    found = connection;
    stopOthers.abort();
  };
  const outcomes = await fanOut(machines, probeOne, { signal });
  context.signal.throwIfAborted();
  for (const outcome of outcomes) if (outcome.status === 'failed') refusals.set(outcome.name, outcome.error);
  return found;
}

async function probe(
  machine: Machine,
  signal: AbortSignal,
  isWanted: IsWanted,
  context: Context,
): Promise<ManagerConnection> {
  const connect = async (stop: AbortSignal): Promise<{ api: EngineApi; membership: Membership }> => {
    const api = engineOf(await reach(machine, { ...context, signal: stop }));
    return closeOnError(api, async () => ({ api, membership: await managerMembership(machine, api, stop) }));
  };
  const timeoutError = (): Error => noResponse(machine, probeTimeoutMs);
  const { api, membership } = await withTimeout(probeTimeoutMs, signal, connect, timeoutError);
  return closeOnError(api, async () => {
    // A manager without a leader does not know the swarm's ID.
    if (membership.swarmId === '') throw noLeader();
    const nodes = await firstNodes(api, signal);
    const found = { machine, api, membership, nodes };
    if (!(await isWanted(found))) throw new OtherSwarmError(machine.name);
    return found;
  });
}

class OtherSwarmError extends UserError {
  constructor(name: string) {
    super(`${name} is a manager of another swarm`);
  }
}

/** Nothing says which swarm is meant. */
export class SeveralSwarmsError extends UserError {
  constructor(names: readonly string[]) {
    super(`this cluster has managers of ${names.length} swarms: ${names.join(' and ')}`, {
      hint: 'belt active NODE, with a machine of one of them',
    });
  }
}

function noManager(refusals: readonly unknown[]): unknown {
  const decisive = refusals.find(
    (error) =>
      error instanceof NoQuorumError ||
      error instanceof StuckMemberError ||
      error instanceof SeveralSwarmsError,
  );
  if (decisive) return decisive;
  const silent = refusals.filter(
    (error) => !(error instanceof UserError) || error instanceof NotRunningError,
  );
  const other = refusals.find((error) => error instanceof OtherSwarmError);
  if (silent.length > 0) {
    const detail = silent.length > 1 ? `, and ${silent.length - 1} more do not respond` : '';
    return new ExternalError(`no manager responds: ${messageOf(silent[0])}${detail}`, {
      hint: 'belt ls',
      cause: silent[0],
    });
  }
  if (other) return other;
  return new NoSwarmError('no machine of this cluster is a manager of a swarm', {
    hint: 'belt swarm init NODE',
  });
}

/** Phrases of swarmkit (manager/state/raft, manager/controlapi) and gRPC. */
export function isRetryableElsewhere(error: unknown): boolean {
  if (!(error instanceof EngineError)) return error instanceof ExternalError;
  return /does not have a leader|no elected.*leader|lost leader|leader (status|is)|deadline ?exceeded|not a swarm manager|unavailable|transport is closing|connection (error|refused)|raft:/i.test(
    error.message,
  );
}
