import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../app/context.js';
import { ExternalError, isAbort } from '../base/errors.js';
import type { EngineApi } from '../engine/api.js';
import type { Machine } from '../machines/model/machine.js';
import { canElect } from './election.js';
import { type ManagerConnection, connectManager, findManager, isRetryableElsewhere, nodesTimeoutMs } from './find-manager.js';
import { type Member, matchMembers } from './model/members.js';
import { readNodes, type SwarmNode } from './model/swarm-node.js';
import { NoQuorumError } from './require-quorum.js';

/** A swarm of the cluster, asked through one of its managers: another one where that does not answer any more. */
export interface Swarm {
  readonly id: string;
  /** The one that is asked now. */
  readonly manager: Machine;
  /**
   * Asks a manager. While managers fail, or elect a leader, the question is put again, so it must bear to be asked twice.
   * @throws EngineError when the swarm said no; ExternalError when no manager answers in time; AbortError
   */
  ask<T>(question: (api: EngineApi) => Promise<T>): Promise<T>;
  nodes(): Promise<SwarmNode[]>;
  /** The nodes, with the cluster's machines that they are. */
  members(): Promise<Member[]>;
}

export interface SwarmChoice {
  /** A manager of the swarm that is meant; absent: the active machine's swarm, or the one that any machine is a manager of. */
  manager?: Machine | undefined;
  /** Says at once that nobody leads, where enough managers are there to elect a leader. */
  noWait?: boolean;
}

/** An election after the leader's loss takes some 10 s. */
const patienceMs = 60_000;
const pauseMs = 500;

/**
 * Works with a swarm of the cluster. Where it has no leader now, and can elect one, that is waited for.
 * @throws UserError when there is none, or when the chosen machine is no manager; NoQuorumError when nobody leads; ExternalError when
 * nobody answers; AbortError
 */
export async function withSwarm<T>(
  choice: SwarmChoice,
  context: Context,
  work: (swarm: Swarm) => Promise<T>,
): Promise<T> {
  const session = await SwarmSession.open(choice, context);
  try {
    return await work(session);
  } finally {
    session.close();
  }
}

class SwarmSession implements Swarm {
  private switching: Promise<void> | undefined;

  private constructor(
    private current: ManagerConnection,
    private readonly context: Context,
  ) {}

  static async open({ manager, noWait = false }: SwarmChoice, context: Context): Promise<SwarmSession> {
    const deadline = Date.now() + patienceMs;
    for (let told = false; ; told = true) {
      try {
        const found = manager ? await connectManager(manager, context) : await findAny(context);
        return new SwarmSession(found, context);
      } catch (error) {
        const isFinal = noWait || isAbort(error) || !isLeaderless(error, manager) || Date.now() > deadline;
        if (isFinal || !(await canElect(context))) throw error;
        if (!told) context.reporter.note('the swarm has no leader now: waiting until its managers elect one');
        await sleep(pauseMs, undefined, { signal: context.signal });
      }
    }
  }

  get id(): string {
    return this.current.membership.swarmId;
  }

  get manager(): Machine {
    return this.current.machine;
  }

  async ask<T>(question: (api: EngineApi) => Promise<T>): Promise<T> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const asked = this.current;
      try {
        return await question(asked.api);
      } catch (error) {
        if (isAbort(error) || !isRetryableElsewhere(error) || Date.now() > deadline) throw error;
        if (this.current === asked) await this.failover(deadline);
      }
    }
  }

  nodes(): Promise<SwarmNode[]> {
    return this.ask(async (api) => readNodes(await api.get('/nodes', this.limits)));
  }

  async members(): Promise<Member[]> {
    const [nodes, { machines }] = await Promise.all([this.nodes(), this.context.cluster.machines()]);
    return matchMembers(nodes, machines);
  }

  close(): void {
    this.current.api.close();
  }

  private get limits(): { timeoutMs: number; signal: AbortSignal } {
    return { timeoutMs: nodesTimeoutMs, signal: this.context.signal };
  }

  /** Of many questions that fail at the same time, the first looks for another manager. */
  private failover(deadline: number): Promise<void> {
    this.switching ??= this.switchManager(deadline).finally(() => {
      this.switching = undefined;
    });
    return this.switching;
  }

  /** Managers that it knows of come first; the one that failed may well be the first to be back. */
  private async switchManager(deadline: number): Promise<void> {
    const { context } = this;
    const { id, manager: failed } = this;
    const { machines } = await context.cluster.machines();
    const managers = matchMembers(this.current.nodes, machines).flatMap(({ node, machine }) =>
      machine && node.role === 'manager' ? [machine] : [],
    );
    for (;;) {
      await sleep(pauseMs, undefined, { signal: context.signal });
      try {
        const found = await findManager([managers, machines], context, id);
        this.current.api.close();
        this.current = found;
        if (found.machine.name !== failed.name)
          context.reporter.note(
            `${failed.name} speaks for the swarm no longer: asking ${found.machine.name}`,
          );
        return;
      } catch (error) {
        if (isAbort(error) || Date.now() > deadline) throw error;
      }
    }
  }
}

async function findAny(context: Context): Promise<ManagerConnection> {
  const { machines } = await context.cluster.machines();
  const active = await context.cluster.activeHost();
  const first = machines.filter(({ name }) => name === active);
  return findManager([first, machines], context);
}

/** A manager without a leader says so, or holds its answer back; one that was named may also be out of reach, and that is no election. */
function isLeaderless(error: unknown, manager: Machine | undefined): boolean {
  return error instanceof NoQuorumError || (!manager && error instanceof ExternalError);
}
