import { randomUUID } from 'node:crypto';
import { messageOf } from '../../base/errors.js';
import type { Droplet, PowerAction } from './api-types.js';
import { DigitalOceanError } from './digitalocean-error.js';
import type { Cloud } from './droplet-context.js';
import type { Item, Step } from './poll-droplets.js';

/** From here on a tag, a call and the tag's end are fewer than a call each. */
const fewestForTag = 5;

/** How long a droplet may be busy with something else. */
const busyMs = 120_000;
const busyPollMs = 3_000;

/** Switches all droplets; those with which it could not be begun have failed. */
export function actOn(cloud: Cloud, items: readonly Item[], type: PowerAction, signal: AbortSignal): Step {
  const api = cloud.api(signal);
  const ways = {
    each: ({ id }: Droplet) => api.power(id, type),
    tagged: (tag: string) => api.powerTagged(tag, type),
  };
  return actOnAll(cloud, items, ways, signal);
}

/** The way with fewer calls. */
export function actOnAll(
  cloud: Cloud,
  items: readonly Item[],
  ways: { each(droplet: Droplet): Promise<unknown>; tagged(tag: string): Promise<unknown> },
  signal: AbortSignal,
): Step {
  return items.length < fewestForTag
    ? actOnEach(cloud, items, ways.each, signal)
    : actThrough(cloud, items, ways.tagged, signal);
}

export async function* actOnEach(
  cloud: Cloud,
  items: readonly Item[],
  act: (droplet: Droplet) => Promise<unknown>,
  signal: AbortSignal,
): Step {
  const failures = await Promise.all(
    items.map(({ droplet }) => whenFree(cloud, () => act(droplet), signal).then(nothing, asError)),
  );
  signal.throwIfAborted();
  const begun: Item[] = [];
  for (const [index, item] of items.entries()) {
    const error = failures[index];
    if (error) yield { type: 'failed', name: item.name, error };
    else begun.push(item);
  }
  return begun;
}

/**
 * One call for all, by a tag that just these droplets have for as long as it takes. The cluster's own tag would not do: another belt
 * may be making machines of the same cluster.
 */
async function* actThrough(
  { api }: Cloud,
  items: readonly Item[],
  act: (tag: string) => Promise<unknown>,
  signal: AbortSignal,
): Step {
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

/** DigitalOcean refuses an action while another is under way. One that is refused for what is so already is no failure: the list tells. */
async function whenFree(cloud: Cloud, act: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  const { clock } = cloud;
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

function nothing(): undefined {
  return undefined;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
