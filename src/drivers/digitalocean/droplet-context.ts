import { createHash } from 'node:crypto';
import { UserError } from '../../base/errors.js';
import type { DriverOptions } from '../driver.js';
import type { Clock } from '../kit/rate-limit.js';
import type { DigitalOceanImage, Droplet, DropletSize, Region } from './api-types.js';
import type { DigitalOceanApi } from './digitalocean-api.js';
import type { DigitalOceanSettings } from './digitalocean-settings.js';
import { idTag } from './droplets.js';

export interface DropletContext {
  api(signal: AbortSignal): DigitalOceanApi;
  catalogue(signal: AbortSignal): Promise<Catalogue>;
  settings: DigitalOceanSettings;
  options: DriverOptions;
  clock: Clock;
}

export function clusterDroplets({ api, options }: DropletContext, signal: AbortSignal): Promise<Droplet[]> {
  return api(signal).droplets(idTag(options.cluster));
}

export interface Catalogue {
  sizes: DropletSize[];
  regions: Region[];
  image: DigitalOceanImage;
}

export async function readCatalogue(
  api: DigitalOceanApi,
  { image: wanted }: DigitalOceanSettings,
): Promise<Catalogue> {
  const [sizes, regions, image] = await Promise.all([api.sizes(), api.regions(), findImage(api, wanted)]);
  return { sizes, regions, image };
}

async function findImage(api: DigitalOceanApi, wanted: string): Promise<DigitalOceanImage> {
  const image = await api.image(wanted);
  if (image) return image;
  const named = (await api.ownImages()).filter(({ name }) => name === wanted);
  const [first, ...others] = named;
  if (first && others.length === 0) return first;
  const hint = 'use a slug from https://slugs.do-api.dev, or the name or id of a snapshot';
  if (!first) throw new UserError(`DigitalOcean has no image "${wanted}"`, { hint });
  const ids = named.map(({ id }) => id).join(', ');
  throw new UserError(`${named.length} images have the name "${wanted}"`, { hint: `use an id: ${ids}` });
}

/** MD5 of the key's bytes, in pairs of hex digits, as DigitalOcean identifies keys. */
export function fingerprintOf(publicKey: string): string {
  const bytes = Buffer.from(publicKey.trim().split(/\s+/)[1] ?? '', 'base64');
  const digest = createHash('md5').update(bytes).digest('hex');
  return digest.match(/../g)?.join(':') ?? '';
}
