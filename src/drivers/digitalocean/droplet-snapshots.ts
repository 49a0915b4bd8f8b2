import { UserError } from '../../base/errors.js';
import type { Image, ImageStore, MachineEvent, SnapshotEvent, SnapshotWish } from '../driver.js';
import type { Droplet, Image as OwnImage } from './api-types.js';
import type { Cloud } from './droplet-context.js';
import { locate } from './droplet-lifecycle.js';
import { actOnEach } from './droplet-power.js';
import { type Goal, reach } from './poll-droplets.js';

/** A gigabyte takes about two minutes, as DigitalOcean says. */
const withinMs = 4 * 3_600_000;

/** @see https://docs.digitalocean.com/products/snapshots/how-to/snapshot-droplets/ */
export async function* snapshot(
  cloud: Cloud,
  wishes: readonly SnapshotWish[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent | SnapshotEvent> {
  const names = new Map(wishes.map(({ machine, as }) => [machine.name, as]));
  const found = yield* locate(
    cloud,
    wishes.map(({ machine }) => machine),
    signal,
  );
  const before = new Set(found.flatMap(({ droplet }) => droplet.snapshot_ids));
  const made = (droplet: Droplet | undefined): number | undefined =>
    droplet?.snapshot_ids.find((id) => !before.has(id));
  const asOf = new Map(found.map(({ name, droplet }) => [droplet.id, names.get(name) ?? name]));
  const begun = yield* actOnEach(
    cloud,
    found,
    ({ id }) => cloud.api(signal).snapshot(id, asOf.get(id) ?? ''),
    signal,
  );
  const goal: Goal = {
    text: 'copying the disk',
    reached: (droplet) => droplet !== undefined && !droplet.locked && made(droplet) !== undefined,
    withinMs,
  };
  for (const { name, droplet } of yield* reach(cloud, begun, goal, signal)) {
    yield { type: 'kept', name, id: String(made(droplet)) };
    yield { type: 'done', name };
  }
}

/** The account's own images: snapshots, backups and uploaded ones. */
export function imagesIn({ api }: Cloud): ImageStore {
  return {
    available: () => [],
    list: async (signal) => (await api(signal).ownImages()).map(shown),
    async build() {
      throw new UserError("DigitalOcean's images are not built here", {
        hint: 'make one of a machine: belt snapshot --name NAME NODE',
      });
    },
    async remove(wanted, signal) {
      const fitting = (await api(signal).ownImages()).filter(
        ({ id, name }) => String(id) === wanted || name === wanted,
      );
      const [first, ...others] = fitting;
      if (!first) throw new UserError(`the account has no image "${wanted}"`);
      if (others.length > 0) {
        const ids = fitting.map(({ id }) => id).join(', ');
        throw new UserError(`${fitting.length} images are called "${wanted}"`, { hint: `use an id: ${ids}` });
      }
      await api(signal).removeImage(first.id);
    },
  };
}

function shown({ id, name, size_gigabytes: size, created_at: builtAt }: OwnImage): Image {
  return { id: String(id), name, size: (size ?? 0) * 1e9, builtAt };
}
