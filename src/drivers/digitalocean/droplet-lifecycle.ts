import { ExternalError, UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import { formatPrice } from '../../machines/model/sizes.js';
import type { MachineEvent } from '../driver.js';
import { done, failedEvent } from '../kit/event-stream.js';
import type { Droplet, DropletSize } from './api-types.js';
import { chooseSize, describeSize } from './catalogue.js';
import { clusterDroplets, type DropletContext } from './droplet-context.js';
import { actOn, actOnAll, actOnEach } from './droplet-power.js';
import { findDroplet, idOf } from './droplets.js';
import {
  type DropletEvents,
  type DropletGoal,
  pollDroplets,
  type TrackedDroplet,
  tracked,
  waitForDroplets,
} from './poll-droplets.js';
import { removeShared } from './shared-resources.js';

type Machines = readonly Machine[];
type Events = AsyncGenerator<MachineEvent>;

/** DigitalOcean recommends "a reasonable timeout, followed by a power_off". */
const shuttingDown: DropletGoal = { text: 'shutting down', isReached: isOff, timeoutMs: 60_000 };
const switchingOff: DropletGoal = { text: 'powering off', isReached: isOff, timeoutMs: 120_000 };
const switchingOn: DropletGoal = { text: 'booting', isReached: isOn, timeoutMs: 300_000 };
const removing: DropletGoal = { text: 'removing', isReached: (droplet) => !droplet, timeoutMs: 120_000 };

export async function* start(context: DropletContext, machines: Machines, signal: AbortSignal): Events {
  const found = yield* locateDroplets(context, machines, signal);
  yield* done(yield* powerOn(context, found, signal));
}

export async function* stop(context: DropletContext, machines: Machines, signal: AbortSignal): Events {
  const found = yield* locateDroplets(context, machines, signal);
  yield* done(yield* shutDown(context, found, signal));
}

/** Off and on instead of a reboot, which a hanging system would ignore. */
export async function* restart(context: DropletContext, machines: Machines, signal: AbortSignal): Events {
  const found = yield* locateDroplets(context, machines, signal);
  const off = yield* shutDown(context, found, signal);
  yield* done(yield* powerOn(context, off, signal));
}

export async function* kill(context: DropletContext, machines: Machines, signal: AbortSignal): Events {
  const found = yield* locateDroplets(context, machines, signal);
  yield* done(yield* powerOff(context, found, signal));
}

/** Changes memory and processors of a droplet that is off; disks stay. */
export async function* resize(
  context: DropletContext,
  machines: Machines,
  wanted: string,
  signal: AbortSignal,
): Events {
  const found = yield* locateDroplets(context, machines, signal);
  const sizes = await context.api(signal).sizes();
  const { items, fitting } = yield* planResize(found, wanted, sizes);
  const slugOf = ({ name, droplet }: TrackedDroplet): string => fitting.get(name)?.slug ?? droplet.size_slug;
  const same = items.filter((item) => slugOf(item) === item.droplet.size_slug);
  const other = items.filter((item) => !same.includes(item));
  const ran = new Set(other.filter(({ droplet }) => droplet.status === 'active').map(({ name }) => name));

  const off = yield* shutDown(context, other, signal);
  // A resize that was already in progress has ended by now.
  const open = off.filter((item) => slugOf(item) !== item.droplet.size_slug);
  const slugs = new Map(off.map((item) => [item.droplet.id, slugOf(item)]));
  const begun = yield* actOnEach(
    context,
    open,
    ({ id }) => context.api(signal).resize(id, slugs.get(id) ?? ''),
    signal,
  );
  const goal: DropletGoal = {
    text: `resizing to ${wanted}`,
    isReached: (droplet) =>
      droplet !== undefined && !droplet.locked && droplet.size_slug === slugs.get(droplet.id),
    timeoutMs: 900_000,
  };
  const reached = yield* waitForDroplets(context, begun, goal, signal);
  const resized = [...off.filter((item) => !open.includes(item)), ...reached];
  // Droplets that DigitalOcean refused to resize are started again as they were.
  const refused = open.filter(({ name }) => !begun.some((item) => item.name === name));
  const toStart = [...resized, ...refused].filter(({ name }) => ran.has(name));
  const on = (yield* powerOn(context, toStart, signal)).filter(({ name }) =>
    resized.some((item) => item.name === name),
  );
  const stillOff = resized.filter(({ name }) => !ran.has(name));
  for (const { name, droplet } of [...same, ...stillOff, ...on]) {
    const change = { size: wanted, memory: fitting.get(name)?.memory ?? droplet.memory };
    yield { type: 'changed', name, change };
    yield { type: 'done', name };
  }
}

async function* planResize(
  found: readonly TrackedDroplet[],
  wanted: string,
  sizes: readonly DropletSize[],
): DropletEvents<{ items: TrackedDroplet[]; fitting: ReadonlyMap<string, DropletSize> }> {
  const fitting = new Map<string, DropletSize>();
  for (const item of found) {
    try {
      const size = sizeFor(item.droplet, wanted, sizes);
      fitting.set(item.name, size);
      const text = `${describeSize(size)}: ${formatPrice(size.price_monthly)}`;
      yield { type: 'progress', name: item.name, text };
    } catch (error) {
      yield failedEvent(item, error);
    }
  }
  return { items: found.filter(({ name }) => fitting.has(name)), fitting };
}

/** Also removes duplicates, and with the last machine what all of them shared. */
export async function* remove(context: DropletContext, machines: Machines, signal: AbortSignal): Events {
  const api = context.api(signal);
  const tagged = await clusterDroplets(context, signal);
  const foreign = await foreignDroplets(context, machines, tagged, signal);
  const items = machines.flatMap((machine) =>
    [...tagged, ...foreign]
      .filter(({ id, name }) => name === machine.name || String(id) === idOf(machine))
      .map((droplet) => tracked(machine, droplet, context.settings)),
  );
  const calls = {
    each: ({ id }: Droplet) => api.removeDroplet(id),
    tagged: (tag: string) => api.removeTagged(tag),
  };
  const accepted = yield* actOnAll(context, items, calls, signal);
  const removed = new Set(
    (yield* waitForDroplets(context, accepted, removing, signal)).map(({ droplet }) => droplet.id),
  );
  if ((await clusterDroplets(context, signal)).length === 0) await removeShared(context, signal);
  const left = new Set(items.filter(({ droplet }) => !removed.has(droplet.id)).map(({ name }) => name));
  yield* done(machines.filter(({ name }) => !left.has(name)));
}

async function* powerOn(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  signal: AbortSignal,
): DropletEvents {
  const off = items.filter(({ droplet }) => !isOn(droplet));
  const begun = yield* actOn(context, off, 'power_on', signal);
  return yield* withUnchanged(items, off, waitForDroplets(context, begun, switchingOn, signal));
}

async function* powerOff(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  signal: AbortSignal,
): DropletEvents {
  const on = items.filter(({ droplet }) => !isOff(droplet));
  const begun = yield* actOn(context, on, 'power_off', signal);
  return yield* withUnchanged(items, on, waitForDroplets(context, begun, switchingOff, signal));
}

async function* shutDown(
  context: DropletContext,
  items: readonly TrackedDroplet[],
  signal: AbortSignal,
): DropletEvents {
  const on = items.filter(({ droplet }) => !isOff(droplet));
  const begun = yield* actOn(context, on, 'shutdown', signal);
  const { reached, late } = yield* pollDroplets(context, begun, shuttingDown, signal);
  const forced = late.length > 0 ? yield* powerOff(context, late, signal) : [];
  return [...items.filter((item) => !on.includes(item)), ...reached, ...forced];
}

async function* withUnchanged(
  items: readonly TrackedDroplet[],
  acted: readonly TrackedDroplet[],
  events: DropletEvents,
): DropletEvents {
  const reached = yield* events;
  return [...items.filter((item) => !acted.includes(item)), ...reached];
}

export async function* locateDroplets(
  context: DropletContext,
  machines: Machines,
  signal: AbortSignal,
): DropletEvents {
  const tagged = await clusterDroplets(context, signal);
  const foreign = await foreignDroplets(context, machines, tagged, signal);
  const items: TrackedDroplet[] = [];
  for (const machine of machines) {
    const droplet = findDroplet([...tagged, ...foreign], machine);
    if (droplet) items.push(tracked(machine, droplet, context.settings));
    else yield failedEvent(machine, missingError(machine.name));
  }
  return items;
}

/** Droplets that docker-machine created: they lack belt's tags, so each is requested by its id. */
export async function foreignDroplets(
  { api }: DropletContext,
  machines: Machines,
  tagged: readonly Droplet[],
  signal: AbortSignal,
): Promise<Droplet[]> {
  const ids = machines.flatMap((machine) => {
    const id = idOf(machine);
    return id !== undefined && !tagged.some((droplet) => String(droplet.id) === id) ? [id] : [];
  });
  const droplets = await Promise.all(ids.map((id) => api(signal).droplet(id)));
  return droplets.filter((droplet) => droplet !== undefined);
}

function sizeFor(droplet: Droplet, wanted: string, sizes: readonly DropletSize[]): DropletSize {
  const size = chooseSize(wanted, sizes, droplet.region.slug);
  if (size.disk >= droplet.disk) return size;
  throw new UserError(
    `${size.slug} has a disk of ${size.disk} GB, smaller than the droplet's ${droplet.disk} GB`,
    { hint: 'choose a size with a disk at least as large; disks cannot shrink' },
  );
}

function isOff(droplet: Droplet | undefined): boolean {
  return droplet?.status === 'off' && !droplet.locked;
}

function isOn(droplet: Droplet | undefined): boolean {
  return droplet?.status === 'active' && !droplet.locked;
}

function missingError(name: string): ExternalError {
  return new ExternalError('the droplet no longer exists at DigitalOcean', { hint: `belt rm ${name}` });
}
