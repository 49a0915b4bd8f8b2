import { ExternalError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import type { MachineChange, MachineEvent } from '../driver.js';
import { failure } from '../kit/event-stream.js';
import type { Droplet } from './api-types.js';
import { type Cloud, clusterDroplets } from './droplet-context.js';
import { addressesOf, isPrivate, stateOf } from './droplets.js';
import { idTag } from './tags.js';

/** A machine with its droplet as it was last seen. */
export interface Item {
  name: string;
  droplet: Droplet;
  /** Other machines reach it at its private address. */
  isPrivate: boolean;
}

/** A recorded machine with its droplet. */
export function itemOf(machine: Machine, droplet: Droplet, settings: Cloud['settings']): Item {
  return { name: machine.name, droplet, isPrivate: isPrivate(machine, settings) };
}

/** Yields events, and returns the items that go on. */
export type Step<T = Item[]> = AsyncGenerator<MachineEvent, T>;

export interface Goal {
  /** Shown meanwhile: `shutting down`. */
  text: string;
  /** Of a droplet that is no longer there: undefined. */
  reached(droplet: Droplet | undefined): boolean;
  withinMs: number;
}

export interface Followed {
  reached: Item[];
  /** Those that did not get there in time. */
  late: Item[];
}

/** The first look comes soon; then DigitalOcean has its time. */
const pollsMs = [1_000, 2_000, 3_000, 5_000];

/** How long a droplet that was just made, or is worked on, may be missing from the list. */
const missingMs = 60_000;

/**
 * Waits until the droplets are as wanted: all of them by the one list of the cluster, however many there are. Each that gets there
 * has its event `changed` at once.
 */
export async function* follow(
  cloud: Cloud,
  items: readonly Item[],
  goal: Goal,
  signal: AbortSignal,
): Step<Followed> {
  const { clock } = cloud;
  const pending = new Map(items.map((item) => [item.droplet.id, item]));
  const reached: Item[] = [];
  const start = clock.now();
  const seenAt = new Map<number, number>();
  for (const { name } of items) yield { type: 'progress', name, text: goal.text };

  for (let poll = 0; pending.size > 0 && clock.now() - start < goal.withinMs; poll++) {
    await clock.sleep(pollsMs[Math.min(poll, pollsMs.length - 1)] ?? 0, signal);
    const seen = await look(cloud, [...pending.values()], signal);
    for (const [id, item] of pending) {
      const droplet = seen.get(id);
      if (droplet) seenAt.set(id, clock.now());
      if (!goal.reached(droplet)) {
        if (droplet) pending.set(id, { ...item, droplet });
        if (droplet || clock.now() - (seenAt.get(id) ?? start) < missingMs) continue;
        pending.delete(id);
        yield failure(item, lost(`DigitalOcean has no droplet ${id} any more`));
        continue;
      }
      pending.delete(id);
      const now = { ...item, droplet: droplet ?? item.droplet };
      reached.push(now);
      if (droplet) yield { type: 'changed', name: item.name, change: changeOf(now) };
    }
  }
  return { reached, late: [...pending.values()] };
}

/** As `follow`; those that are late have failed. */
export async function* reach(cloud: Cloud, items: readonly Item[], goal: Goal, signal: AbortSignal): Step {
  const { reached, late } = yield* follow(cloud, items, goal, signal);
  for (const { name, droplet } of late) {
    const is = `${droplet.status}${droplet.locked ? ', with an action under way' : ''}`;
    yield failure({ name }, lost(`${goal.text}: the droplet is still ${is} after ${goal.withinMs / 1000} s`));
  }
  return reached;
}

export function changeOf({ droplet, isPrivate }: Omit<Item, 'name'>): MachineChange {
  return {
    id: String(droplet.id),
    state: stateOf(droplet),
    addresses: addressesOf(droplet, isPrivate),
    memory: droplet.memory,
    driverData: { slug: droplet.size_slug, region: droplet.region.slug },
  };
}

/** The cluster's droplets, and one by one those without its tag: docker-machine made them. */
async function look(
  cloud: Cloud,
  items: readonly Item[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Droplet>> {
  const tag = idTag(cloud.options.cluster);
  const foreign = items.filter(({ droplet }) => !droplet.tags.includes(tag));
  const [tagged, others] = await Promise.all([
    foreign.length < items.length ? clusterDroplets(cloud, signal) : [],
    Promise.all(foreign.map(({ droplet }) => cloud.api(signal).droplet(String(droplet.id)))),
  ]);
  const all = [...tagged, ...others.filter((droplet) => droplet !== undefined)];
  return new Map(all.map((droplet) => [droplet.id, droplet]));
}

function lost(message: string): ExternalError {
  return new ExternalError(message, { hint: 'run the same command again: it goes on from there' });
}
