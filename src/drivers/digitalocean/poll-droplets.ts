import { ExternalError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import type { MachineChange, MachineEvent } from '../driver.js';
import { failedEvent } from '../kit/event-stream.js';
import { watchObjects } from '../kit/watch-objects.js';
import type { Droplet } from './api-types.js';
import { clusterDroplets, type DropletContext } from './droplet-context.js';
import { addressesOf, idTag, isPrivate, stateOf } from './droplets.js';

export interface TrackedDroplet {
  name: string;
  droplet: Droplet;
  /** Whether other machines use its private address. */
  isPrivate: boolean;
}

export function tracked(
  machine: Machine,
  droplet: Droplet,
  settings: DropletContext['settings'],
): TrackedDroplet {
  return { name: machine.name, droplet, isPrivate: isPrivate(machine, settings) };
}

/** Yields events, and returns the droplets that did not fail. */
export type DropletEvents<T = TrackedDroplet[]> = AsyncGenerator<MachineEvent, T>;

export interface DropletGoal {
  /** Progress while waiting: `shutting down`. */
  text: string;
  /** @param droplet undefined: it no longer exists */
  isReached(droplet: Droplet | undefined): boolean;
  timeoutMs: number;
}

interface PollResult {
  reached: TrackedDroplet[];
  late: TrackedDroplet[];
}

const pausesMs = [1_000, 2_000, 3_000, 5_000];

/** How long the list may lack a droplet that was just created or changed. */
const missingMs = 60_000;

/** Polls until all droplets reach the goal, and yields `changed` for each as soon as it does. */
export async function* pollDroplets(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  goal: DropletGoal,
  signal: AbortSignal,
): DropletEvents<PollResult> {
  const result: PollResult = { reached: [], late: [] };
  for (const { name } of items) yield { type: 'progress', name, text: goal.text };
  const sightings = watchObjects(items, {
    idOf: ({ droplet }) => droplet.id,
    read: (pending) => readDroplets(context, pending, signal),
    isReached: goal.isReached,
    timeoutMs: goal.timeoutMs,
    missingMs,
    pausesMs,
    clock: context.clock,
    signal,
  });
  for await (const { target, object, outcome } of sightings) {
    const item = { ...target, droplet: object ?? target.droplet };
    if (outcome === 'missing')
      yield failedEvent(item, resumableError(`droplet ${item.droplet.id} no longer exists at DigitalOcean`));
    if (outcome === 'late') result.late.push(item);
    if (outcome !== 'reached') continue;
    result.reached.push(item);
    if (object) yield { type: 'changed', name: item.name, change: changeOf(item) };
  }
  return result;
}

/** Like `pollDroplets`, but late droplets fail. */
export async function* waitForDroplets(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  goal: DropletGoal,
  signal: AbortSignal,
): DropletEvents {
  const { reached, late } = yield* pollDroplets(context, items, goal, signal);
  for (const { name, droplet } of late) {
    const is = `${droplet.status}${droplet.locked ? ', with an action in progress' : ''}`;
    yield failedEvent(
      { name },
      resumableError(`${goal.text}: the droplet is still ${is} after ${goal.timeoutMs / 1000} s`),
    );
  }
  return reached;
}

export function changeOf({ droplet, isPrivate }: Omit<TrackedDroplet, 'name'>): MachineChange {
  return {
    id: String(droplet.id),
    state: stateOf(droplet),
    addresses: addressesOf(droplet, isPrivate),
    memory: droplet.memory,
    driverData: { slug: droplet.size_slug, region: droplet.region.slug },
  };
}

/** The cluster's droplets, and one by one those without its tag, which docker-machine created. */
async function readDroplets(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Droplet>> {
  const tag = idTag(context.options.cluster);
  const foreign = items.filter(({ droplet }) => !droplet.tags.includes(tag));
  const [tagged, others] = await Promise.all([
    foreign.length < items.length ? clusterDroplets(context, signal) : [],
    Promise.all(foreign.map(({ droplet }) => context.api(signal).droplet(String(droplet.id)))),
  ]);
  const all = [...tagged, ...others.filter((droplet) => droplet !== undefined)];
  return new Map(all.map((droplet) => [droplet.id, droplet]));
}

function resumableError(message: string): ExternalError {
  return new ExternalError(message, { hint: 'rerun the command to resume' });
}
