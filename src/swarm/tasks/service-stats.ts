import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../app/context.js';
import { isAbort, messageOf } from '../../base/errors.js';
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
import { type LocatedTask, locateTasks, requireTasks } from './locate-tasks.js';

export interface TaskUsage extends Partial<ResourceUsage> {
  task: string;
  node: string;
  error?: string;
}

interface StatsInput {
  /** See `findTasks`. */
  wanted: string;
  /** Called about once a second; omitted: sample once. */
  onRows?: (rows: TaskUsage[]) => void;
}

const intervalMs = 1_000;
/** A slower node shows an error. */
const nodeTimeoutMs = 5_000;
const refreshIntervalMs = 5_000;

/** @throws UserError without such a service or running tasks; AbortError, which ends `onRows` */
export async function serviceStats({ wanted, onRows }: StatsInput, context: Context): Promise<TaskUsage[]> {
  return withSwarm({}, context, async (swarm) => {
    const tasks = await locateTasks(wanted, swarm);
    requireTasks(tasks, wanted);
    const sampler = new StatsSampler(tasks, context);
    if (!onRows) return sampler.once();
    let refreshAt = Date.now() + refreshIntervalMs;
    for (;;) {
      sampler.sample();
      await sleep(intervalMs, undefined, { signal: context.signal });
      onRows(sampler.rows());
      if (Date.now() < refreshAt) continue;
      refreshAt = Number.POSITIVE_INFINITY;
      // Not awaited: sampling continues during an election.
      void locateTasks(wanted, swarm)
        .then((found) => {
          sampler.tasks = found;
        })
        .catch(() => {})
        .finally(() => {
          refreshAt = Date.now() + refreshIntervalMs;
        });
    }
  });
}

/** Samples each node independently of the others. */
class StatsSampler {
  private readonly samples = new Map<string, StatsSample>();
  private readonly usages = new Map<string, ResourceUsage>();
  private readonly errors = new Map<string, string>();
  private readonly busy = new Set<string>();

  constructor(
    public tasks: LocatedTask[],
    private readonly context: Context,
  ) {}

  /** A rate needs two samples. */
  async once(): Promise<TaskUsage[]> {
    const sampleTwice = async (here: readonly LocatedTask[]): Promise<void> => {
      await this.sampleNode(here);
      if (here.some(({ machine }) => this.errors.has(machine.name))) return;
      await sleep(intervalMs, undefined, { signal: this.context.signal });
      await this.sampleNode(here);
    };
    await Promise.all(this.byNode().map(sampleTwice));
    return this.rows();
  }

  /** Does not wait for the nodes. */
  sample(): void {
    for (const here of this.byNode()) void this.sampleNode(here).catch(() => {});
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

  private byNode(): LocatedTask[][] {
    return [...groupBy(this.tasks, ({ machine }) => machine.name).values()];
  }

  private async sampleNode(here: readonly LocatedTask[]): Promise<void> {
    const machine = here[0]?.machine;
    if (!machine || this.busy.has(machine.name)) return;
    this.busy.add(machine.name);
    try {
      await withEngineWithin(machine, nodeTimeoutMs, this.context, async (api, signal) => {
        for (const task of here) await this.sampleTask(api, task, signal);
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

  private async sampleTask(
    api: EngineApi,
    { id, containerId }: LocatedTask,
    signal: AbortSignal,
  ): Promise<void> {
    if (containerId === '') return;
    const stats = await api.containerStats(containerId, { signal });
    if (!isRunningSample(stats)) return void this.usages.delete(id);
    const sample = readSample(stats);
    const before = this.samples.get(id);
    this.samples.set(id, sample);
    if (before) this.usages.set(id, usageBetween(before, sample));
  }
}
