import { randomUUID } from 'node:crypto';
import { asError } from '../kit/event-stream.js';
import type { Droplet, PowerAction } from './api-types.js';
import { DigitalOceanError } from './digitalocean-error.js';
import type { DropletContext } from './droplet-context.js';
import type { DropletEvents, TrackedDroplet } from './poll-droplets.js';

/** From this many droplets, tagging them, one action and removing the tag take fewer requests. */
const minForTag = 5;

const busyTimeoutMs = 120_000;
const busyPollMs = 3_000;

export function actOn(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  type: PowerAction,
  signal: AbortSignal,
): DropletEvents {
  const api = context.api(signal);
  const calls = {
    each: ({ id }: Droplet) => api.power(id, type),
    tagged: (tag: string) => api.powerTagged(tag, type),
  };
  return actOnAll(context, items, calls, signal);
}

export function actOnAll(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  calls: { each(droplet: Droplet): Promise<unknown>; tagged(tag: string): Promise<unknown> },
  signal: AbortSignal,
): DropletEvents {
  return items.length < minForTag
    ? actOnEach(context, items, calls.each, signal)
    : actByTag(context, items, calls.tagged, signal);
}

export async function* actOnEach(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  act: (droplet: Droplet) => Promise<unknown>,
  signal: AbortSignal,
): DropletEvents {
  const failures = await Promise.all(
    items.map(({ droplet }) =>
      retryWhileBusy(context, () => act(droplet), signal).then(() => undefined, asError),
    ),
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

/** Retries while another action is in progress; a droplet already on or off needs no action. */
async function retryWhileBusy(
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
      if (!/pending event/i.test(error.message) || clock.now() - start > busyTimeoutMs) throw error;
      await clock.sleep(busyPollMs, signal);
    }
  }
}
