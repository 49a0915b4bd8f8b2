import { AbortError, messageOf } from '../../base/errors.js';
import type { CreateRequest } from '../driver.js';
import type { Droplet, DropletOrder } from './api-types.js';
import { DigitalOceanError } from './digitalocean-error.js';
import { type Cloud, clusterDroplets } from './droplet-context.js';
import { doubles, pick } from './droplets.js';
import { tagsOf } from './tags.js';
import { userDataFor } from './user-data.js';

/** DigitalOcean makes ten in one call. */
export const mostInOneCall = 10;

/** How often an order whose answer was lost is looked for and placed again. */
const tries = 4;

/** How long a droplet may take to be in the list. */
const settleMs = 3_000;

/** Up to ten new machines of one kind. */
export interface Order {
  requests: readonly CreateRequest[];
  region: string;
  size: string;
  image: string | number;
  key: number;
  vpc?: string;
  /** The person's own. */
  userData?: string;
}

/** What became of an order: the droplets that were made, and why the others were not. */
export interface Placed {
  made: Map<string, Droplet>;
  error?: Error;
}

/**
 * Places an order so that each machine is made once. DigitalOcean knows no key that would keep a repeated order from being carried
 * out again: when an answer is lost, and when it holds fewer than were ordered, the cluster's list tells what there is.
 */
export async function place(cloud: Cloud, order: Order, signal: AbortSignal): Promise<Placed> {
  const made = new Map<string, Droplet>();
  for (let attempt = 1; ; attempt++) {
    const missing = order.requests.filter(({ name }) => !made.has(name));
    if (missing.length === 0) return { made };
    try {
      signal.throwIfAborted();
      for (const droplet of await orderOnce(cloud, { ...order, requests: missing }, signal))
        made.set(droplet.name, droplet);
    } catch (error) {
      if (signal.aborted) throw new AbortError();
      const lost = error instanceof DigitalOceanError && error.unclear;
      if (!lost || attempt === tries) return { made, error: asError(error) };
    }
    if (made.size === order.requests.length) return { made };
    if (attempt === tries) return { made, error: new DigitalOceanError('DigitalOcean did not make it') };
    await cloud.clock.sleep(settleMs * attempt, signal);
    const there = await clusterDroplets(cloud, signal);
    for (const request of missing) {
      const droplet = pick(there, request);
      if (droplet) made.set(request.name, droplet);
    }
  }
}

/** Destroys what was made twice after all: a droplet that came into the list later than `place` looked. */
export async function removeDoubles(
  { api }: Cloud,
  droplets: readonly Droplet[],
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(doubles(droplets, requests).map(({ id }) => api(signal).removeDroplet(id)));
}

async function orderOnce(
  { api, settings, options }: Cloud,
  order: Order,
  signal: AbortSignal,
): Promise<Droplet[]> {
  const { requests, region, size, image, key, vpc, userData: own } = order;
  const { engineAtFirstBoot, ssh } = settings;
  const body: DropletOrder = {
    names: requests.map(({ name }) => name),
    region,
    size,
    image,
    ssh_keys: [key],
    backups: settings.backups,
    ipv6: settings.ipv6,
    monitoring: settings.monitoring,
    tags: tagsOf(options.cluster, settings.tags),
    user_data: await userDataFor(requests, { user: ssh.user, own, engineAtFirstBoot }, options.templates),
    ...(vpc !== undefined && { vpc_uuid: vpc }),
  };
  return api(signal).addDroplets(body);
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
