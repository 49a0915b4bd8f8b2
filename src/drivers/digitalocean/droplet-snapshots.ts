import { UserError } from '../../base/errors.js';
import type { Image, ImageStore, MachineEvent, SnapshotEvent, SnapshotRequest } from '../driver.js';
import type { Droplet, DigitalOceanImage as OwnImage } from './api-types.js';
import type { DropletContext } from './droplet-context.js';
import { locateDroplets } from './droplet-lifecycle.js';
import { actOnEach } from './droplet-power.js';
import { type DropletGoal, waitForDroplets } from './poll-droplets.js';

/** DigitalOcean estimates two minutes per gigabyte. */
const copyTimeoutMs = 4 * 3_600_000;

/** @see https://docs.digitalocean.com/products/snapshots/how-to/snapshot-droplets/ */
export async function* snapshot(
  context: DropletContext,
  requests: readonly SnapshotRequest[],
  signal: AbortSignal,
): AsyncGenerator<MachineEvent | SnapshotEvent> {
  const names = new Map(requests.map(({ machine, imageName }) => [machine.name, imageName]));
  const found = yield* locateDroplets(
    context,
    requests.map(({ machine }) => machine),
    signal,
  );
  const before = new Set(found.flatMap(({ droplet }) => droplet.snapshot_ids));
  const newSnapshotId = (droplet: Droplet | undefined): number | undefined =>
    droplet?.snapshot_ids.find((id) => !before.has(id));
  const imageNames = new Map(found.map(({ name, droplet }) => [droplet.id, names.get(name) ?? name]));
  const started = yield* actOnEach(
    context,
    found,
    ({ id }) => context.api(signal).snapshot(id, imageNames.get(id) ?? ''),
    signal,
  );
  const goal: DropletGoal = {
    text: 'copying the disk',
    isReached: (droplet) => droplet !== undefined && !droplet.locked && newSnapshotId(droplet) !== undefined,
    timeoutMs: copyTimeoutMs,
  };
  for (const { name, droplet } of yield* waitForDroplets(context, started, goal, signal)) {
    yield { type: 'kept', name, id: String(newSnapshotId(droplet)) };
    yield { type: 'done', name };
  }
}

/** The account's own images: snapshots, backups and uploaded ones. */
export function openImageStore({ api }: DropletContext): ImageStore {
  return {
    available: () => [],
    list: async (signal) => (await api(signal).ownImages()).map(toImage),
    async build() {
      throw new UserError('belt cannot build DigitalOcean images', {
        hint: 'belt snapshot --name NAME NODE',
      });
    },
    async remove(wanted, signal) {
      const matching = (await api(signal).ownImages()).filter(
        ({ id, name }) => String(id) === wanted || name === wanted,
      );
      const [first, ...others] = matching;
      if (!first) throw new UserError(`the account has no image "${wanted}"`);
      if (others.length > 0) {
        const ids = matching.map(({ id }) => id).join(', ');
        throw new UserError(`${matching.length} images have the name "${wanted}"`, {
          hint: `use an id: ${ids}`,
        });
      }
      await api(signal).removeImage(first.id);
    },
  };
}

function toImage({ id, name, size_gigabytes: size, created_at: builtAt }: OwnImage): Image {
  return { id: String(id), name, size: (size ?? 0) * 1e9, builtAt };
}
