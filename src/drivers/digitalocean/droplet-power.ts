import { randomUUID } from 'node:crypto';
import { asError } from '../kit/event-stream.js';
import type { Droplet, PowerAction } from './api-types.js';
import { DigitalOceanError } from './digitalocean-error.js';
import type { DropletContext } from './droplet-context.js';
import type { DropletEvents, TrackedDroplet } from './poll-droplets.js';

/** From this many droplets, tagging them, one action and removing the tag take fewer requests. */
const minForTag = 5;

/** How long to wait for another action on the droplet. */
const busyMs = 120_000;
const busyPollMs = 3_000;

/** Starts a power action on all droplets; those that refuse it fail. */
export function actOn(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  type: PowerAction,
  signal: AbortSignal,
): DropletEvents {
  const api = context.api(signal);
  const ways = {
    each: ({ id }: Droplet) => api.power(id, type),
    tagged: (tag: string) => api.powerTagged(tag, type),
  };
  return actOnAll(context, items, ways, signal);
}

/** Acts on each droplet, or on all through a tag, whichever takes fewer requests. */
export function actOnAll(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  ways: { each(droplet: Droplet): Promise<unknown>; tagged(tag: string): Promise<unknown> },
  signal: AbortSignal,
): DropletEvents {
  return items.length < minForTag
    ? actOnEach(context, items, ways.each, signal)
    : actByTag(context, items, ways.tagged, signal);
}

export async function* actOnEach(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  act: (droplet: Droplet) => Promise<unknown>,
  signal: AbortSignal,
): DropletEvents {
  const failures = await Promise.all(
    items.map(({ droplet }) => whenFree(context, () => act(droplet), signal).then(() => undefined, asError)),
  );
  signal.throwIfAborted();
  const started: TrackedDroplet[] = [];
  for (const [index, item] of items.entries()) {
    const error = failures[index];
    if (error) yield { type: 'failed', name: item.name, error };
    else started.push(item);
  }
  return started;
}

/** Uses a temporary tag: other belt processes may create droplets with the cluster's tag. */
async function* actByTag(
  { api }: DropletContext,
  items: readonly TrackedDroplet[],
  act: (tag: string) => Promise<unknown>,
  signal: AbortSignal,
): DropletEvents {
  const tag = `belt-batch:${randomUUID()}`;
  await api(signal).addTag(tag);
  try {
    await api(signal).tagDroplets(
      tag,
      items.map(({ droplet }) => droplet.id),
    );
    await act(tag);
  } finally {
    await api(signal).removeTag(tag);
  }
  return [...items];
}

/** Waits while another action is in progress. A droplet that is already on or off needs no action. */
async function whenFree(
  context: DropletContext,
  act: () => Promise<unknown>,
  signal: AbortSignal,
): Promise<void> {
  const { clock } = context;
  const start = clock.now();
  for (;;) {
    try {
      await act();
      return;
    } catch (error) {
      if (!(error instanceof DigitalOceanError) || error.status !== 422) throw error;
      if (/already (powered )?(on|off)/i.test(error.message)) return;
      if (!/pending event/i.test(error.message) || clock.now() - start > busyMs) throw error;
      await clock.sleep(busyPollMs, signal);
    }
  }
}
