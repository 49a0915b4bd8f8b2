import { AbortError } from '../../base/errors.js';
import type { CreateRequest } from '../driver.js';
import { asError } from '../kit/event-stream.js';
import type { Droplet, DropletsRequest } from './api-types.js';
import { DigitalOceanError } from './digitalocean-error.js';
import { clusterDroplets, type DropletContext } from './droplet-context.js';
import { duplicates, findDroplet, tagsOf } from './droplets.js';
import { userDataFor } from './user-data.js';

/** DigitalOcean creates up to ten droplets per request. */
export const maxBatchSize = 10;

const maxAttempts = 4;

/** How long a new droplet may take to be listed. */
const listingDelayMs = 3_000;

export interface DropletBatch {
  requests: readonly CreateRequest[];
  region: string;
  size: string;
  image: string | number;
  key: number;
  vpc?: string;
  userData?: string;
}

interface BatchResult {
  created: Map<string, Droplet>;
  error?: Error;
  /** Whether DigitalOcean surely has not created the rest. */
  refused?: boolean;
}

/** Lists droplets before a retry: DigitalOcean has no idempotency key, and responses get lost. */
export async function createBatch(
  context: DropletContext,
  batch: DropletBatch,
  signal: AbortSignal,
): Promise<BatchResult> {
  const created = new Map<string, Droplet>();
  let refused = true;
  for (let attempt = 1; ; attempt++) {
    const missing = batch.requests.filter(({ name }) => !created.has(name));
    if (missing.length === 0) return { created };
    try {
      signal.throwIfAborted();
      for (const droplet of await requestOnce(context, { ...batch, requests: missing }, signal))
        created.set(droplet.name, droplet);
    } catch (error) {
      if (signal.aborted) throw new AbortError();
      const lost = error instanceof DigitalOceanError && error.unclear;
      refused &&= error instanceof DigitalOceanError && !error.unclear;
      if (!lost || attempt === maxAttempts) return { created, error: asError(error), refused };
    }
    if (created.size === batch.requests.length) return { created };
    if (attempt === maxAttempts)
      return { created, error: new DigitalOceanError('DigitalOcean did not create the droplet') };
    await context.clock.sleep(listingDelayMs * attempt, signal);
    const droplets = await clusterDroplets(context, signal);
    for (const request of missing) {
      const droplet = findDroplet(droplets, request);
      if (droplet) created.set(request.name, droplet);
    }
  }
}

/** Removes duplicates: droplets that were listed later than `createBatch` waited. */
export async function removeDuplicates(
  { api }: DropletContext,
  droplets: readonly Droplet[],
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(duplicates(droplets, requests).map(({ id }) => api(signal).removeDroplet(id)));
}

async function requestOnce(
  { api, settings, options }: DropletContext,
  batch: DropletBatch,
  signal: AbortSignal,
): Promise<Droplet[]> {
  const { requests, region, size, image, key, vpc, userData: own } = batch;
  const { engineAtFirstBoot, ssh } = settings;
  const body: DropletsRequest = {
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
