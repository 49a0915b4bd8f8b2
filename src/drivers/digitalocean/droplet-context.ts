import { createHash } from 'node:crypto';
import { UserError } from '../../base/errors.js';
import type { DriverOptions } from '../driver.js';
import type { Droplet, Image, Region, Size } from './api-types.js';
import type { Clock } from './clock.js';
import type { Api } from './digitalocean-api.js';
import type { DigitalOceanSettings } from './digitalocean-settings.js';
import { idTag } from './tags.js';

/** What the parts of the driver share. */
export interface Cloud {
  api(signal: AbortSignal): Api;
  /** Asked for once. */
  catalogue(signal: AbortSignal): Promise<Catalogue>;
  settings: DigitalOceanSettings;
  options: DriverOptions;
  clock: Clock;
}

/** All droplets of the cluster: one call for each 200. */
export function clusterDroplets({ api, options }: Cloud, signal: AbortSignal): Promise<Droplet[]> {
  return api(signal).droplets(idTag(options.cluster));
}

/** What can be had. */
export interface Catalogue {
  sizes: Size[];
  regions: Region[];
  image: Image;
}

/** @throws UserError when the image is not there */
export async function readCatalogue(api: Api, { image: wanted }: DigitalOceanSettings): Promise<Catalogue> {
  const [sizes, regions, image] = await Promise.all([api.sizes(), api.regions(), findImage(api, wanted)]);
  return { sizes, regions, image };
}

/** @throws UserError when there is none, or several have the name */
async function findImage(api: Api, wanted: string): Promise<Image> {
  const image = await api.image(wanted);
  if (image) return image;
  const named = (await api.ownImages()).filter(({ name }) => name === wanted);
  const [first, ...others] = named;
  if (first && others.length === 0) return first;
  const hint = 'slugs are listed at https://slugs.do-api.dev; snapshots also go by their id';
  if (!first) throw new UserError(`DigitalOcean has no image "${wanted}"`, { hint });
  const ids = named.map(({ id }) => id).join(', ');
  throw new UserError(`${named.length} images are called "${wanted}"`, { hint: `use an id: ${ids}` });
}

/** As DigitalOcean counts it: MD5 of the key's bytes in pairs of hex digits. */
export function fingerprintOf(publicKey: string): string {
  const bytes = Buffer.from(publicKey.trim().split(/\s+/)[1] ?? '', 'base64');
  const digest = createHash('md5').update(bytes).digest('hex');
  return digest.match(/../g)?.join(':') ?? '';
}
