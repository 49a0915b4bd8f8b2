import { chunks } from '../../base/chunks.js';
import { ExternalError, UserError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import type { SshAccess } from '../../machines/model/machine.js';
import type { CreateRequest, MachineChange, MachineEvent, MachineWish, PrepareProgress } from '../driver.js';
import { done } from '../kit/event-stream.js';
import { refuseStrays } from '../kit/strays.js';
import type { Droplet, Image, Size } from './api-types.js';
import type { DigitalOceanSettings } from './digitalocean-settings.js';
import { type Catalogue, type Cloud, clusterDroplets } from './droplet-context.js';
import { chooseSize, describeSize, formatPrice } from './droplet-sizes.js';
import { idOf, pick } from './droplets.js';
import { mostInOneCall, type Order, place, removeDoubles } from './order-droplets.js';
import { changeOf, type Goal, type Item, reach, type Step } from './poll-droplets.js';
import { regionFor } from './regions.js';
import { ensureFirewall, ensureKey } from './shared-resources.js';
import { readUserData } from './user-data.js';

/** A machine as it is to be ordered. */
interface Kind {
  region: string;
  size: Size;
  image: Image;
}

/** In a machine's driverData: a droplet may have been ordered for it. */
const orderedMark = 'ordered';

const running: Goal = {
  text: 'booting',
  reached: (droplet) =>
    droplet?.status === 'active' && droplet.networks.v4.some(({ type }) => type === 'public'),
  withinMs: 600_000,
};

/** @throws UserError for what cannot be made; changes nothing. */
export async function check(
  cloud: Cloud,
  wishes: readonly MachineWish[],
  signal: AbortSignal,
): Promise<void> {
  await readUserData(cloud.settings.userDataPath);
  const catalogue = await cloud.catalogue(signal);
  for (const wish of wishes) kindOf(wish, catalogue, cloud);
  if (cloud.settings.vpc !== undefined) await findVpc(cloud, cloud.settings.vpc, signal);
  const names = new Set((await clusterDroplets(cloud, signal)).map(({ name }) => name));
  const isBegun = (wish: MachineWish) => idOf(wish) !== undefined || Boolean(wish.driverData?.[orderedMark]);
  refuseStrays(wishes, names, isBegun, { found: 'DigitalOcean has a droplet', driver: 'digitalocean' });
}

/** Says what it will cost, and makes what the machines share. */
export async function prepare(
  cloud: Cloud,
  requests: readonly CreateRequest[],
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<void> {
  const catalogue = await cloud.catalogue(signal);
  for (const text of priceList(requests.map((request) => kindOf(request, catalogue, cloud)))) progress(text);
  await ensureFirewall(cloud, signal);
}

export async function* create(
  cloud: Cloud,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const there = await clusterDroplets(cloud, signal);
  await removeDoubles(cloud, there, requests, signal);
  const items: Item[] = [];
  for (const request of requests) {
    const droplet = pick(there, request);
    if (!droplet) continue;
    const item = newItem(request.name, droplet, cloud.settings);
    items.push(item);
    yield { type: 'changed', name: request.name, change: knownOf(item, cloud.settings) };
  }
  const found = new Set(items.map(({ name }) => name));
  const missing = requests.filter(({ name }) => !found.has(name));
  if (missing.length > 0) items.push(...(yield* orderAll(cloud, missing, signal)));
  const up = yield* reach(cloud, items, running, signal);
  yield* done(up);
}

async function* orderAll(cloud: Cloud, requests: readonly CreateRequest[], signal: AbortSignal): Step {
  const items: Item[] = [];
  for (const order of await ordersFor(cloud, requests, signal)) {
    for (const { name } of order.requests) {
      // Before the order: killed right after it, belt knows by this that the droplet is its own.
      yield { type: 'changed', name, change: { driverData: { [orderedMark]: true } } };
      yield { type: 'progress', name, text: 'ordering' };
    }
    const { made, error } = await place(cloud, order, signal);
    for (const { name } of order.requests) {
      const droplet = made.get(name);
      if (droplet) {
        const item = newItem(name, droplet, cloud.settings);
        items.push(item);
        yield { type: 'changed', name, change: knownOf(item, cloud.settings) };
      } else
        yield { type: 'failed', name, error: error ?? new ExternalError('DigitalOcean did not make it') };
    }
  }
  return items;
}

function newItem(name: string, droplet: Droplet, { privateNetworking }: DigitalOceanSettings): Item {
  return { name, droplet, isPrivate: privateNetworking };
}

/** How to log in, and at which address others reach it, is written down once, so that later commands need not have it set. */
export function knownOf(
  item: Omit<Item, 'name'>,
  { ssh }: Pick<DigitalOceanSettings, 'ssh'>,
): MachineChange & { ssh: SshAccess } {
  const change = changeOf(item);
  return { ...change, ssh, driverData: { ...change.driverData, privateNetworking: item.isPrivate } };
}

/** What is alike goes into one call. */
async function ordersFor(
  cloud: Cloud,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): Promise<Order[]> {
  const { settings } = cloud;
  const catalogue = await cloud.catalogue(signal);
  const key = await ensureKey(cloud, requests[0]?.ssh.authorizedKey ?? '', signal);
  const vpc = settings.vpc === undefined ? undefined : await findVpc(cloud, settings.vpc, signal);
  const userData = await readUserData(settings.userDataPath);
  const groups = groupBy(requests, (request) => {
    const { region, size } = kindOf(request, catalogue, cloud);
    return `${region} ${size.slug}`;
  });
  return [...groups].flatMap(([kind, alike]) => {
    const [region = '', size = ''] = kind.split(' ');
    return chunks(alike, mostInOneCall).map((some) => ({
      requests: some,
      region,
      size,
      image: catalogue.image.slug ?? catalogue.image.id,
      key,
      ...(vpc !== undefined && { vpc }),
      ...(userData !== undefined && { userData }),
    }));
  });
}

/** @throws UserError when there is no such thing, or not in that region */
function kindOf(wish: MachineWish, { sizes, regions, image }: Catalogue, { settings }: Cloud): Kind {
  const region = regionFor(wish.name, settings.region, regions);
  const size = chooseSize(wish.size ?? settings.size, sizes, region);
  if (image.regions.length > 0 && !image.regions.includes(region)) {
    throw new UserError(`the image ${image.slug ?? image.name} is not in ${region}`, {
      hint: `it is in: ${image.regions.join(', ')}`,
    });
  }
  if ((image.min_disk_size ?? 0) <= size.disk) return { region, size, image };
  throw new UserError(
    `the image ${image.slug ?? image.name} needs a disk of ${image.min_disk_size} GB; ${size.slug} has ${size.disk}`,
    { hint: 'take a larger size' },
  );
}

/** @throws UserError */
async function findVpc({ api }: Cloud, wanted: string, signal: AbortSignal): Promise<string> {
  const vpcs = await api(signal).vpcs();
  const vpc = vpcs.find(({ id, name }) => id === wanted || name === wanted);
  if (vpc) return vpc.id;
  const names = vpcs.map(({ name }) => name).join(', ') || 'none';
  throw new UserError(`DigitalOcean has no VPC "${wanted}"`, { hint: `VPCs of the account: ${names}` });
}

/** `4 of s-1vcpu-512mb-10gb (512mb, 1 vCPU, 10 GB disk) in nyc3: $16.00 a month` */
function priceList(kinds: readonly Kind[]): string[] {
  const groups = groupBy(kinds, ({ region, size }) => `${region} ${size.slug}`);
  return [...groups.values()].flatMap((alike) => {
    const [first] = alike;
    if (!first) return [];
    const price = formatPrice(first.size.price_monthly * alike.length);
    return [`${alike.length} of ${describeSize(first.size)} in ${first.region}: ${price}`];
  });
}
