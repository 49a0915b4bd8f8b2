import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../app/context.js';
import { isAbort, messageOf, UserError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { byNaturalOrder } from '../../base/natural-order.js';
import type { EngineApi } from '../../engine/api.js';
import { withEngineWithin } from '../membership.js';
import {
  isRunningSample,
  type ResourceUsage,
  readSample,
  type StatsSample,
  usageBetween,
} from '../model/container-stats.js';
import { withSwarm } from '../session.js';
import { type PlacedTask, tasksIn } from './placed-tasks.js';

export interface TaskUsage extends Partial<ResourceUsage> {
  task: string;
  node: string;
  /** Why there are no numbers. */
  error?: string;
}

export interface StatsInput {
  /** A service, or a task as for logs. */
  wanted: string;
  /** Called about each second with all that is known by then; absent: one look, for its result. */
  onRows?: (rows: TaskUsage[]) => void;
}

const intervalMs = 1_000;
/** A node that takes longer shows why instead of numbers, and holds up no other. */
const nodeTimeoutMs = 10_000;
/** Tasks come and go; the managers are not asked for it each second. */
const placesEveryMs = 5_000;

/**
 * What a service's tasks use, asked at their nodes, each for itself.
 * @returns the last look, sorted by name
 * @throws UserError when there is no such service, or nothing of it runs; AbortError, which is the
 * way a live look ends
 */
export async function serviceStats({ wanted, onRows }: StatsInput, context: Context): Promise<TaskUsage[]> {
  return withSwarm({}, context, async (swarm) => {
    const sampler = new StatsSampler(await runningTasks(() => tasksIn(swarm, wanted), wanted), context);
    if (!onRows) return sampler.once();
    let placeAt = Date.now() + placesEveryMs;
    for (;;) {
      sampler.sample();
      await sleep(intervalMs, undefined, { signal: context.signal });
      onRows(sampler.rows());
      if (Date.now() < placeAt) continue;
      placeAt = Number.POSITIVE_INFINITY;
      // While managers elect a leader, what is known goes on being asked.
      void tasksIn(swarm, wanted)
        .then((tasks) => {
          sampler.tasks = tasks;
        })
        .catch(() => {})
        .finally(() => {
          placeAt = Date.now() + placesEveryMs;
        });
    }
  });
}

async function runningTasks(find: () => Promise<PlacedTask[]>, wanted: string): Promise<PlacedTask[]> {
  const tasks = await find();
  if (tasks.length > 0) return tasks;
  throw new UserError(`${wanted} has no running tasks`, { hint: `belt docker service ps ${wanted}` });
}

/**
 * The latest numbers of all tasks. Each node is asked again when it has answered, whatever the
 * others do.
 */
class StatsSampler {
  private readonly samples = new Map<string, StatsSample>();
  private readonly usages = new Map<string, ResourceUsage>();
  private readonly errors = new Map<string, string>();
  private readonly busy = new Set<string>();

  constructor(
    public tasks: PlacedTask[],
    private readonly context: Context,
  ) {}

  /** Two moments, a second apart. */
  async once(): Promise<TaskUsage[]> {
    await Promise.all(this.byNode().map((here) => this.askNode(here)));
    await sleep(intervalMs, undefined, { signal: this.context.signal });
    await Promise.all(this.byNode().map((here) => this.askNode(here)));
    return this.rows();
  }

  /** Asks the nodes that owe no answer; it does not wait for them. */
  sample(): void {
    for (const here of this.byNode()) void this.askNode(here).catch(() => {});
  }

  rows(): TaskUsage[] {
    return this.tasks
      .map(({ id, name, machine }) => {
        const error = this.errors.get(machine.name);
        return {
          task: name,
          node: machine.name,
          ...this.usages.get(id),
          ...(error !== undefined && { error }),
        };
      })
      .toSorted((one, other) => byNaturalOrder(one.task, other.task));
  }

  private byNode(): PlacedTask[][] {
    return [...groupBy(this.tasks, ({ machine }) => machine.name).values()];
  }

  private async askNode(here: readonly PlacedTask[]): Promise<void> {
    const machine = here[0]?.machine;
    if (!machine || this.busy.has(machine.name)) return;
    this.busy.add(machine.name);
    try {
      await withEngineWithin(machine, nodeTimeoutMs, this.context, async (api, signal) => {
        for (const task of here) await this.askTask(api, task, signal);
      });
      this.errors.delete(machine.name);
    } catch (error) {
      if (isAbort(error)) throw error;
      for (const { id } of here) this.usages.delete(id);
      this.errors.set(machine.name, messageOf(error));
    } finally {
      this.busy.delete(machine.name);
    }
  }

  private async askTask(api: EngineApi, { id, containerId }: PlacedTask, signal: AbortSignal): Promise<void> {
    if (containerId === '') return;
    const stats = await api.containerStats(containerId, { signal });
    if (!isRunningSample(stats)) return void this.usages.delete(id);
    const sample = readSample(stats);
    const before = this.samples.get(id);
    this.samples.set(id, sample);
    if (before) this.usages.set(id, usageBetween(before, sample));
  }
}
