import { ExternalError, UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import type { MachineEvent } from '../driver.js';
import { done, failure } from '../kit/event-stream.js';
import type { Droplet, Size } from './api-types.js';
import { type Cloud, clusterDroplets } from './droplet-context.js';
import { actOn, actOnAll, actOnEach } from './droplet-power.js';
import { chooseSize, describeSize, formatPrice } from './droplet-sizes.js';
import { idOf, pick } from './droplets.js';
import { follow, type Goal, type Item, itemOf, reach, type Step } from './poll-droplets.js';
import { removeShared } from './shared-resources.js';

type Machines = readonly Machine[];
type Events = AsyncGenerator<MachineEvent>;

/** "A reasonable timeout, followed by a power_off", as DigitalOcean advises. */
const shuttingDown: Goal = { text: 'shutting down', reached: isOff, withinMs: 60_000 };
const switchingOff: Goal = { text: 'switching off', reached: isOff, withinMs: 120_000 };
const switchingOn: Goal = { text: 'booting', reached: isOn, withinMs: 300_000 };
const removing: Goal = { text: 'removing', reached: (droplet) => !droplet, withinMs: 120_000 };

export async function* start(cloud: Cloud, machines: Machines, signal: AbortSignal): Events {
  const found = yield* locate(cloud, machines, signal);
  yield* done(yield* powerOn(cloud, found, signal));
}

export async function* stop(cloud: Cloud, machines: Machines, signal: AbortSignal): Events {
  const found = yield* locate(cloud, machines, signal);
  yield* done(yield* shutDown(cloud, found, signal));
}

/** Off and on again, so that one whose system hangs comes back too. */
export async function* restart(cloud: Cloud, machines: Machines, signal: AbortSignal): Events {
  const found = yield* locate(cloud, machines, signal);
  const off = yield* shutDown(cloud, found, signal);
  yield* done(yield* powerOn(cloud, off, signal));
}

export async function* kill(cloud: Cloud, machines: Machines, signal: AbortSignal): Events {
  const found = yield* locate(cloud, machines, signal);
  yield* done(yield* powerOff(cloud, found, signal));
}

/** Memory and processors change, disks stay; DigitalOcean does it while the droplet is off. */
export async function* resize(cloud: Cloud, machines: Machines, wanted: string, signal: AbortSignal): Events {
  const found = yield* locate(cloud, machines, signal);
  const sizes = await cloud.api(signal).sizes();
  const fitting = new Map<string, Size>();
  const items: Item[] = [];
  for (const item of found) {
    try {
      const size = sizeFor(item.droplet, wanted, sizes);
      fitting.set(item.name, size);
      items.push(item);
      const text = `${describeSize(size)}: ${formatPrice(size.price_monthly)}`;
      yield { type: 'progress', name: item.name, text };
    } catch (error) {
      yield failure(item, error);
    }
  }
  const slugOf = ({ name, droplet }: Item): string => fitting.get(name)?.slug ?? droplet.size_slug;
  const same = items.filter((item) => slugOf(item) === item.droplet.size_slug);
  const other = items.filter((item) => !same.includes(item));
  const ran = new Set(other.filter(({ droplet }) => droplet.status === 'active').map(({ name }) => name));

  const off = yield* shutDown(cloud, other, signal);
  // A resize that was under way already has ended by now.
  const open = off.filter((item) => slugOf(item) !== item.droplet.size_slug);
  const slugs = new Map(off.map((item) => [item.droplet.id, slugOf(item)]));
  const begun = yield* actOnEach(
    cloud,
    open,
    ({ id }) => cloud.api(signal).resize(id, slugs.get(id) ?? ''),
    signal,
  );
  const goal: Goal = {
    text: `resizing to ${wanted}`,
    reached: (droplet) =>
      droplet !== undefined && !droplet.locked && droplet.size_slug === slugs.get(droplet.id),
    withinMs: 900_000,
  };
  const reached = yield* reach(cloud, begun, goal, signal);
  const resized = [...off.filter((item) => !open.includes(item)), ...reached];
  // What DigitalOcean refused to resize runs on as it was.
  const refused = open.filter(({ name }) => !begun.some((item) => item.name === name));
  const back = [...resized, ...refused].filter(({ name }) => ran.has(name));
  const on = (yield* powerOn(cloud, back, signal)).filter(({ name }) =>
    resized.some((item) => item.name === name),
  );
  const stayed = resized.filter(({ name }) => !ran.has(name));
  for (const { name, droplet } of [...same, ...stayed, ...on]) {
    const change = { size: wanted, memory: fitting.get(name)?.memory ?? droplet.memory };
    yield { type: 'changed', name, change };
    yield { type: 'done', name };
  }
}

/** Also what was made twice, and by a try that was killed before it knew the id. With the last machine goes what all shared. */
export async function* remove(cloud: Cloud, machines: Machines, signal: AbortSignal): Events {
  const api = cloud.api(signal);
  const there = await clusterDroplets(cloud, signal);
  const foreign = await foreignDroplets(cloud, machines, there, signal);
  const items = machines.flatMap((machine) =>
    [...there, ...foreign]
      .filter(({ id, name }) => name === machine.name || String(id) === idOf(machine))
      .map((droplet) => itemOf(machine, droplet, cloud.settings)),
  );
  const ways = {
    each: ({ id }: Droplet) => api.removeDroplet(id),
    tagged: (tag: string) => api.removeTagged(tag),
  };
  const asked = yield* actOnAll(cloud, items, ways, signal);
  const gone = new Set((yield* reach(cloud, asked, removing, signal)).map(({ droplet }) => droplet.id));
  if ((await clusterDroplets(cloud, signal)).length === 0) await removeShared(cloud, signal);
  const left = new Set(items.filter(({ droplet }) => !gone.has(droplet.id)).map(({ name }) => name));
  yield* done(machines.filter(({ name }) => !left.has(name)));
}

async function* powerOn(cloud: Cloud, items: readonly Item[], signal: AbortSignal): Step {
  const off = items.filter(({ droplet }) => !isOn(droplet));
  const begun = yield* actOn(cloud, off, 'power_on', signal);
  return yield* withOthers(items, off, reach(cloud, begun, switchingOn, signal));
}

async function* powerOff(cloud: Cloud, items: readonly Item[], signal: AbortSignal): Step {
  const on = items.filter(({ droplet }) => !isOff(droplet));
  const begun = yield* actOn(cloud, on, 'power_off', signal);
  return yield* withOthers(items, on, reach(cloud, begun, switchingOff, signal));
}

async function* shutDown(cloud: Cloud, items: readonly Item[], signal: AbortSignal): Step {
  const on = items.filter(({ droplet }) => !isOff(droplet));
  const begun = yield* actOn(cloud, on, 'shutdown', signal);
  const { reached, late } = yield* follow(cloud, begun, shuttingDown, signal);
  const forced = late.length > 0 ? yield* powerOff(cloud, late, signal) : [];
  return [...items.filter((item) => !on.includes(item)), ...reached, ...forced];
}

/** Those that were as wanted already go on with those that got there. */
async function* withOthers(items: readonly Item[], asked: readonly Item[], got: Step): Step {
  const reached = yield* got;
  return [...items.filter((item) => !asked.includes(item)), ...reached];
}

/** The machines' droplets; a machine without one has failed. */
export async function* locate(cloud: Cloud, machines: Machines, signal: AbortSignal): Step {
  const there = await clusterDroplets(cloud, signal);
  const foreign = await foreignDroplets(cloud, machines, there, signal);
  const items: Item[] = [];
  for (const machine of machines) {
    const droplet = pick([...there, ...foreign], machine);
    if (droplet) items.push(itemOf(machine, droplet, cloud.settings));
    else yield failure(machine, goneError(machine.name));
  }
  return items;
}

/** Those of machines that docker-machine made: they have no tag of belt's, and are asked for one by one. */
export async function foreignDroplets(
  { api }: Cloud,
  machines: Machines,
  there: readonly Droplet[],
  signal: AbortSignal,
): Promise<Droplet[]> {
  const ids = machines.flatMap((machine) => {
    const id = idOf(machine);
    return id !== undefined && !there.some((droplet) => String(droplet.id) === id) ? [id] : [];
  });
  const droplets = await Promise.all(ids.map((id) => api(signal).droplet(id)));
  return droplets.filter((droplet) => droplet !== undefined);
}

function sizeFor(droplet: Droplet, wanted: string, sizes: readonly Size[]): Size {
  const size = chooseSize(wanted, sizes, droplet.region.slug);
  if (size.disk >= droplet.disk) return size;
  throw new UserError(`${size.slug} has a disk of ${size.disk} GB, the droplet's has ${droplet.disk}`, {
    hint: 'disks cannot shrink; take a size with at least as large a one',
  });
}

function isOff(droplet: Droplet | undefined): boolean {
  return droplet?.status === 'off' && !droplet.locked;
}

function isOn(droplet: Droplet | undefined): boolean {
  return droplet?.status === 'active' && !droplet.locked;
}

function goneError(name: string): ExternalError {
  return new ExternalError('it is gone: DigitalOcean has no such droplet', { hint: `belt rm ${name}` });
}
