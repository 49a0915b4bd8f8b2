import type { Context } from '../app/context.js';
import { ExternalError, isAbort, rethrowAbort } from '../base/errors.js';
import { byNaturalOrder } from '../base/natural-order.js';
import { retry } from '../base/poll.js';
import type { EngineApi } from '../engine/api.js';
import type { Machine } from '../machines/model/machine.js';
import { canElect, countManagers, electionTimeoutMs, type ManagerTally } from './election.js';
import {
  connectManager,
  findManager,
  type IsWanted,
  isRetryableElsewhere,
  leaderless,
  type ManagerConnection,
  nodesTimeoutMs,
  SeveralSwarmsError,
} from './find-manager.js';
import { probeMembership } from './manager-reachability.js';
import { identifyMembers, ownState, ownStateTimeoutMs } from './membership.js';
import { displayNames, type Member, matchMembers, named } from './model/members.js';
import { hasQuorum, reachabilityText } from './model/quorum.js';
import { readNodes, type SwarmNode } from './model/swarm-node.js';
import { NoQuorumError } from './require-quorum.js';

/** Uses one manager, and switches to another when that fails. */
export interface Swarm {
  readonly id: string;
  /** The manager in use. */
  readonly manager: Machine;
  /**
   * Retries while managers fail or elect a leader, so `call` must be idempotent.
   * @throws EngineError when the swarm refuses; ExternalError when no manager responds; AbortError
   */
  request<T>(call: (api: EngineApi) => Promise<T>): Promise<T>;
  nodes(): Promise<SwarmNode[]>;
  members(): Promise<Member[]>;
}

export interface SwarmChoice {
  /** Default: the active machine, else any manager. */
  manager?: Machine | undefined;
  /** Fails at once without a leader. */
  noWait?: boolean;
}

const electionWait = { timeoutMs: electionTimeoutMs, intervalMs: 500 };

/**
 * Waits for an election when there is no leader but may be one.
 * @throws UserError when there is no swarm or the machine is not a manager; NoQuorumError without a
 * leader; ExternalError when no manager responds; AbortError
 */
export async function withSwarm<T>(
  choice: SwarmChoice,
  context: Context,
  work: (swarm: Swarm) => Promise<T>,
): Promise<T> {
  using session = await SwarmSession.open(choice, context);
  return await work(session);
}

class SwarmSession implements Swarm {
  private switching: Promise<void> | undefined;

  private constructor(
    private current: ManagerConnection,
    private readonly context: Context,
  ) {}

  static async open({ manager, noWait = false }: SwarmChoice, context: Context): Promise<SwarmSession> {
    const { signal, reporter } = context;
    const others = new Set<string>();
    let tally: ManagerTally | undefined;
    const isElecting = async (): Promise<boolean> => {
      if (manager) await excludeOthers(manager, others, context);
      tally = await countManagers(context, others);
      return canElect(tally);
    };
    const connect = () => (manager ? connectManager(manager, context) : findAny(others, context));
    const found = await retry(connect, {
      ...electionWait,
      signal,
      isRetryable: (error) => !noWait && !isAbort(error) && isLeaderless(error, manager) && isElecting(),
      onFirstWait: () => reporter.note('The swarm has no leader; waiting for an election'),
    }).catch((error) => {
      if (!tally?.isKnown || hasQuorum(tally)) throw error;
      // A manager that just lost its leader is silent.
      if (!(error instanceof NoQuorumError) && tally.reachable === 0) throw error;
      throw leaderless(reachabilityText(tally), error);
    });
    return new SwarmSession(found, context);
  }

  get id(): string {
    return this.current.membership.swarmId;
  }

  get manager(): Machine {
    return this.current.machine;
  }

  async request<T>(call: (api: EngineApi) => Promise<T>): Promise<T> {
    let failed: ManagerConnection | undefined;
    const attempt = async (): Promise<T> => {
      if (failed === this.current) await this.failover();
      const used = this.current;
      try {
        return await call(used.api);
      } catch (error) {
        if (isRetryableElsewhere(error)) failed = used;
        throw error;
      }
    };
    return retry(attempt, {
      ...electionWait,
      signal: this.context.signal,
      isRetryable: (error) => !isAbort(error) && (failed === this.current || isRetryableElsewhere(error)),
    });
  }

  nodes(): Promise<SwarmNode[]> {
    return this.request(async (api) => readNodes(await api.nodes(this.limits)));
  }

  async members(): Promise<Member[]> {
    return identifyMembers(await this.nodes(), this.context);
  }

  [Symbol.dispose](): void {
    this.current.api.close();
  }

  private get limits(): { timeoutMs: number; signal: AbortSignal } {
    return { timeoutMs: nodesTimeoutMs, signal: this.context.signal };
  }

  /** Of concurrent failures, the first one switches managers. */
  private failover(): Promise<void> {
    this.switching ??= this.switchManager().finally(() => {
      this.switching = undefined;
    });
    return this.switching;
  }

  /** Tries the known managers first; the failed one may be back soon. */
  private async switchManager(): Promise<void> {
    const { context } = this;
    const { id, manager: failed } = this;
    const { machines } = await context.cluster.machines();
    const managers = matchMembers(this.current.nodes, machines).flatMap(({ node, machine }) =>
      machine && node.role === 'manager' ? [machine] : [],
    );
    const isSame: IsWanted = ({ membership }) => membership.swarmId === id;
    const found = await findManager([managers, machines], context, isSame);
    this.current.api.close();
    this.current = found;
    if (found.machine.name !== failed.name)
      context.reporter.note(`${failed.name} no longer responds as a manager; using ${found.machine.name}`);
  }
}

/**
 * The active machine says which swarm is meant, even if it is a worker or does not respond.
 * @param others gets the names of managers of another swarm
 * @throws SeveralSwarmsError
 */
async function findAny(others: Set<string>, context: Context): Promise<ManagerConnection> {
  const { machines } = await context.cluster.machines();
  const name = await context.cluster.activeMachine();
  const active = machines.find((machine) => machine.name === name);
  return active ? findSwarmOf(active, others, context) : findOnly(machines, context);
}

/** @param others gets the names of managers of another swarm */
async function findSwarmOf(
  meant: Machine,
  others: Set<string>,
  context: Context,
): Promise<ManagerConnection> {
  const { machines } = await context.cluster.machines();
  const own = machines.find(({ name }) => name === meant.name) ?? meant;
  let state: Promise<string | undefined> | undefined;
  const isWanted: IsWanted = async ({ machine, nodes }) => {
    if (machine === own || !unlisted(nodes, machines).includes(own)) return true;
    state ??= ownState(own, ownStateTimeoutMs, context).catch(rethrowAbort);
    const isFree = /^(inactive|pending|error)$/.test((await state) ?? '');
    if (!isFree) others.add(machine.name);
    return isFree;
  };
  return findManager([[own], machines], context, isWanted);
}

/** Managers of other swarms do not count for the election that a named one waits for. */
async function excludeOthers(manager: Machine, others: Set<string>, context: Context): Promise<void> {
  const found = await findSwarmOf(manager, others, context).catch(rethrowAbort);
  found?.api.close();
}

/** Without an active machine, the cluster must not have a second swarm. */
function findOnly(machines: readonly Machine[], context: Context): Promise<ManagerConnection> {
  let check: Promise<void> | undefined;
  const isWanted: IsWanted = async (found) => {
    check ??= requireNoOtherSwarm(found, machines, context);
    await check;
    return true;
  };
  return findManager([machines], context, isWanted);
}

async function requireNoOtherSwarm(
  { machine: { name }, membership: { swarmId }, nodes }: Parameters<IsWanted>[0],
  machines: readonly Machine[],
  context: Context,
): Promise<void> {
  const outside = unlisted(nodes, machines);
  if (outside.length === 0) return;
  const other = (await probeMembership(outside, context)).find(
    ({ membership }) => membership?.manager && !['', swarmId].includes(membership.swarmId),
  );
  if (other) throw new SeveralSwarmsError([name, other.machine.name].sort(byNaturalOrder));
}

function unlisted(nodes: readonly SwarmNode[], machines: readonly Machine[]): Machine[] {
  const listed = new Set(matchMembers(nodes, machines).map(({ machine }) => machine));
  return machines.filter((machine) => !listed.has(machine));
}

/** A manager without a leader may not respond at all; a named one may be unreachable. */
function isLeaderless(error: unknown, manager: Machine | undefined): boolean {
  return error instanceof NoQuorumError || (!manager && error instanceof ExternalError);
}

/** @throws UserError when the machine is not a manager, or there is no swarm */
export function listNodes(
  manager: Machine | undefined,
  context: Context,
  { noWait = false } = {},
): Promise<NodeRow[]> {
  return withSwarm({ manager, noWait }, context, async (swarm) => {
    const members = named(await swarm.members());
    const names = displayNames(members);
    return members.map(({ node }, index) => ({ name: names[index] ?? '', ...node }));
  });
}

/** `name`: of the machine, else of the host; see `displayNames`. */
export type NodeRow = SwarmNode & { name: string };
