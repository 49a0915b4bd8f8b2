import { chunks } from '../../base/chunks.js';
import { nameHint } from '../../base/closest.js';
import { ExternalError, UserError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import type { SshAccess } from '../../machines/model/machine.js';
import { formatPrice } from '../../machines/model/sizes.js';
import type {
  CreateRequest,
  CreationPlan,
  MachineChange,
  MachineEvent,
  MachineSpec,
  PrepareProgress,
} from '../driver.js';
import { done } from '../kit/event-stream.js';
import { requireNoStrays } from '../kit/provider-objects.js';
import type { DigitalOceanImage, Droplet, DropletSize } from './api-types.js';
import { chooseSize, describeSize, regionFor } from './catalogue.js';
import { createBatch, type DropletBatch, maxBatchSize, removeDuplicates } from './create-batch.js';
import type { DigitalOceanSettings } from './digitalocean-settings.js';
import { type Catalogue, clusterDroplets, type DropletContext } from './droplet-context.js';
import { findDroplet, idOf } from './droplets.js';
import {
  changeOf,
  type DropletEvents,
  type DropletGoal,
  type TrackedDroplet,
  waitForDroplets,
} from './poll-droplets.js';
import { ensureFirewall, ensureKey } from './shared-resources.js';
import { readUserData } from './user-data.js';

interface DropletSpec {
  region: string;
  size: DropletSize;
  image: DigitalOceanImage;
}

/** Key in a machine's driverData: a create request for its droplet may have been sent. */
const sentMark = 'ordered';

const running: DropletGoal = {
  text: 'booting',
  isReached: (droplet) =>
    droplet?.status === 'active' && droplet.networks.v4.some(({ type }) => type === 'public'),
  timeoutMs: 600_000,
};

/** Changes nothing. @throws UserError for machines that cannot be created */
export async function check(
  context: DropletContext,
  specs: readonly MachineSpec[],
  signal: AbortSignal,
): Promise<void> {
  await readUserData(context.settings.userDataPath);
  const catalogue = await context.catalogue(signal);
  for (const spec of specs) specOf(spec, catalogue, context);
  if (context.settings.vpc !== undefined) await findVpc(context, context.settings.vpc, signal);
  const names = new Set((await clusterDroplets(context, signal)).map(({ name }) => name));
  const isResumable = (spec: MachineSpec) => idOf(spec) !== undefined || Boolean(spec.driverData?.[sentMark]);
  requireNoStrays(specs, names, isResumable, { found: 'DigitalOcean has a droplet', driver: 'digitalocean' });
}

export async function plan(
  context: DropletContext,
  specs: readonly MachineSpec[],
  signal: AbortSignal,
): Promise<CreationPlan[]> {
  const catalogue = await context.catalogue(signal);
  return specs.map((spec) => {
    const { region, size, image } = specOf(spec, catalogue, context);
    return {
      name: spec.name,
      size: size.slug,
      memory: size.memory,
      image: image.slug ?? image.name,
      region,
      monthlyPrice: size.price_monthly,
    };
  });
}

export async function prepare(
  context: DropletContext,
  requests: readonly CreateRequest[],
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<void> {
  const catalogue = await context.catalogue(signal);
  for (const text of priceList(requests.map((request) => specOf(request, catalogue, context))))
    progress(text);
  await ensureFirewall(context, signal);
}

export async function* create(
  context: DropletContext,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const droplets = await clusterDroplets(context, signal);
  await removeDuplicates(context, droplets, requests, signal);
  const items: TrackedDroplet[] = [];
  for (const request of requests) {
    const droplet = findDroplet(droplets, request);
    if (!droplet) continue;
    const item = newItem(request.name, droplet, context.settings);
    items.push(item);
    yield { type: 'changed', name: request.name, change: recordedChange(item, context.settings) };
  }
  const found = new Set(items.map(({ name }) => name));
  const missing = requests.filter(({ name }) => !found.has(name));
  if (missing.length > 0) items.push(...(yield* createAll(context, missing, signal)));
  const up = yield* waitForDroplets(context, items, running, signal);
  yield* done(up);
}

async function* createAll(
  context: DropletContext,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): DropletEvents {
  const items: TrackedDroplet[] = [];
  for (const batch of await batchesFor(context, requests, signal)) {
    for (const { name } of batch.requests) {
      // Recorded first: if belt is killed after the request, the droplet is known as its own.
      yield { type: 'changed', name, change: { driverData: { [sentMark]: true } } };
      yield { type: 'progress', name, text: 'creating' };
    }
    const { created, error, refused } = await createBatch(context, batch, signal);
    for (const { name, driverData } of batch.requests) {
      const droplet = created.get(name);
      if (droplet) {
        const item = newItem(name, droplet, context.settings);
        items.push(item);
        yield { type: 'changed', name, change: recordedChange(item, context.settings) };
      } else
        yield {
          type: 'failed',
          name,
          error: error ?? new ExternalError('DigitalOcean did not create the droplet'),
          // An earlier create may have ordered a droplet that is not listed yet.
          ...(refused && !driverData?.[sentMark] && { notCreated: true }),
        };
    }
  }
  return items;
}

function newItem(
  name: string,
  droplet: Droplet,
  { privateNetworking }: DigitalOceanSettings,
): TrackedDroplet {
  return { name, droplet, isPrivate: privateNetworking };
}

/** Recorded, so that later commands do not need the settings. */
export function recordedChange(
  item: Omit<TrackedDroplet, 'name'>,
  { ssh }: Pick<DigitalOceanSettings, 'ssh'>,
): MachineChange & { ssh: SshAccess } {
  const change = changeOf(item);
  return { ...change, ssh, driverData: { ...change.driverData, privateNetworking: item.isPrivate } };
}

async function batchesFor(
  context: DropletContext,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): Promise<DropletBatch[]> {
  const { settings } = context;
  const catalogue = await context.catalogue(signal);
  const key = await ensureKey(context, requests[0]?.ssh.authorizedKey ?? '', signal);
  const vpc = settings.vpc === undefined ? undefined : await findVpc(context, settings.vpc, signal);
  const userData = await readUserData(settings.userDataPath);
  const groups = groupBy(requests, (request) => {
    const { region, size } = specOf(request, catalogue, context);
    return `${region} ${size.slug}`;
  });
  return [...groups].flatMap(([kind, group]) => {
    const [region = '', size = ''] = kind.split(' ');
    return chunks(group, maxBatchSize).map((batch) => ({
      requests: batch,
      region,
      size,
      image: catalogue.image.slug ?? catalogue.image.id,
      key,
      ...(vpc !== undefined && { vpc }),
      ...(userData !== undefined && { userData }),
    }));
  });
}

/** @throws UserError for a region, size or image that cannot be used together */
function specOf(
  spec: MachineSpec,
  { sizes, regions, image }: Catalogue,
  { settings }: DropletContext,
): DropletSpec {
  const region = regionFor(spec.name, settings.region, regions);
  const size = chooseSize(spec.size ?? settings.size, sizes, region);
  if (image.regions.length > 0 && !image.regions.includes(region)) {
    throw new UserError(`the image ${image.slug ?? image.name} is not available in ${region}`, {
      hint: `use one of the regions: ${image.regions.join(', ')}`,
    });
  }
  if ((image.min_disk_size ?? 0) <= size.disk) return { region, size, image };
  throw new UserError(
    `the image ${image.slug ?? image.name} needs a disk of ${image.min_disk_size} GB; ${size.slug} has ${size.disk}`,
    { hint: 'choose a larger size' },
  );
}

async function findVpc({ api }: DropletContext, wanted: string, signal: AbortSignal): Promise<string> {
  const vpcs = await api(signal).vpcs();
  const vpc = vpcs.find(({ id, name }) => id === wanted || name === wanted);
  if (vpc) return vpc.id;
  const hint = nameHint(
    wanted,
    vpcs.map(({ name }) => name),
  );
  throw new UserError(`DigitalOcean has no VPC "${wanted}"`, vpcs.length > 0 ? { hint } : {});
}

/** `4 of s-1vcpu-512mb-10gb (512mb, 1 vCPU, 10 GB disk) in nyc3: $16.00 a month` */
function priceList(kinds: readonly DropletSpec[]): string[] {
  const groups = groupBy(kinds, ({ region, size }) => `${region} ${size.slug}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (!first) return [];
    const price = formatPrice(first.size.price_monthly * group.length);
    return [`${group.length} of ${describeSize(first.size)} in ${first.region}: ${price}`];
  });
}
