import {
  CreateImageCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  type Image,
} from '@aws-sdk/client-ec2';
import { chunks } from '../../base/chunks.js';
import { ExternalError, UserError } from '../../base/errors.js';
import type {
  ImageStore,
  Image as ListedImage,
  MachineEvent,
  SnapshotEvent,
  SnapshotRequest,
} from '../driver.js';
import { failedEvent } from '../kit/event-stream.js';
import { watchObjects } from '../kit/watch-objects.js';
import { type Ec2Api, pausesMs, valuesPerFilter } from './ec2-api.js';
import type { Ec2Context } from './ec2-context.js';
import { withInstances } from './instance-lifecycle.js';
import { clusterTags, tagKeys } from './instances.js';
import type { TrackedInstance } from './watch-instances.js';

/** The first image of a disk of hundreds of gigabytes takes hours. */
const timeoutMs = 4 * 3_600_000;

type Events = AsyncGenerator<MachineEvent | SnapshotEvent>;

/** A tag records the SSH user, which image names do not show. */
export function snapshot(ec2: Ec2Context, requests: readonly SnapshotRequest[], signal: AbortSignal): Events {
  const byName = new Map(requests.map((request) => [request.machine.name, request]));
  const machines = requests.map(({ machine }) => machine);
  return withInstances(ec2, machines, signal, async function* (api, targets): Events {
    const started = new Map<string, string>();
    for (const target of targets) {
      const request = byName.get(target.name) as SnapshotRequest;
      try {
        started.set(await createImage(api, ec2, target, request, signal), target.name);
        yield { type: 'progress', name: target.name, text: 'copying the disk' };
      } catch (error) {
        yield failedEvent(target, error);
      }
    }
    yield* awaitImages(api, started, signal);
  });
}

async function createImage(
  { client }: Ec2Api,
  { cluster }: Ec2Context,
  { instance }: TrackedInstance,
  { machine, imageName }: SnapshotRequest,
  signal: AbortSignal,
): Promise<string> {
  const own = { Key: tagKeys.sshUser, Value: machine.ssh.user };
  const command = new CreateImageCommand({
    InstanceId: instance.InstanceId,
    Name: imageName,
    NoReboot: true,
    TagSpecifications: [{ ResourceType: 'image', Tags: [...clusterTags(cluster), own] }],
  });
  const { ImageId: id } = await client.send(command, { abortSignal: signal });
  if (id) return id;
  throw new ExternalError(`EC2 returned no image id for ${machine.name}`);
}

/** @param started names of machines by the ids of their images */
async function* awaitImages(api: Ec2Api, started: ReadonlyMap<string, string>, signal: AbortSignal): Events {
  const sightings = watchObjects([...started], {
    idOf: ([id]) => id,
    read: async (pending) => {
      const ids = pending.map(([id]) => id);
      const images = await describe(api, 'image-id', ids, signal);
      return new Map(images.map((image) => [image.ImageId ?? '', image]));
    },
    isReached: (image) => image !== undefined && image.State !== 'pending',
    timeoutMs,
    missingMs: timeoutMs,
    pausesMs,
    signal,
  });
  for await (const { target, object: image, outcome } of sightings) {
    const [id, name] = target;
    if (outcome === 'pending') continue;
    if (image?.State === 'available') {
      yield { type: 'kept', name, id };
      yield { type: 'done', name };
      continue;
    }
    const problem =
      outcome === 'reached'
        ? `EC2 could not create image ${id}: ${image?.StateReason?.Message ?? image?.State}`
        : `image ${id} is not available after ${timeoutMs / 3_600_000} hours`;
    yield failedEvent({ name }, new ExternalError(problem));
  }
}

export function openImageStore(ec2: Ec2Context): ImageStore {
  const ownImages = async (signal: AbortSignal) =>
    describe(await ec2.api(), `tag:${tagKeys.belt}`, ['true'], signal);
  return {
    available: () => [],
    list: async (signal) => (await ownImages(signal)).map(toImage),
    async build() {
      throw new UserError('belt cannot build EC2 images', { hint: 'belt snapshot --name NAME NODE' });
    },
    async remove(wanted, signal) {
      const image = (await ownImages(signal)).find(
        ({ ImageId, Name }) => ImageId === wanted || Name === wanted,
      );
      if (!image) throw new UserError(`belt created no image "${wanted}" in ${(await ec2.api()).region}`);
      await removeImage(await ec2.api(), image, signal);
    },
  };
}

/** Also deletes the image's snapshots, which cost money and stay otherwise. */
async function removeImage({ client }: Ec2Api, image: Image, signal: AbortSignal): Promise<void> {
  await client.send(new DeregisterImageCommand({ ImageId: image.ImageId }), { abortSignal: signal });
  for (const { Ebs } of image.BlockDeviceMappings ?? []) {
    const command = new DeleteSnapshotCommand({ SnapshotId: Ebs?.SnapshotId });
    if (Ebs?.SnapshotId) await client.send(command, { abortSignal: signal });
  }
}

async function describe(
  { client }: Ec2Api,
  filter: string,
  values: readonly string[],
  signal: AbortSignal,
): Promise<Image[]> {
  const parts = chunks(values, valuesPerFilter).map(async (Values) => {
    const command = new DescribeImagesCommand({ Owners: ['self'], Filters: [{ Name: filter, Values }] });
    return (await client.send(command, { abortSignal: signal })).Images ?? [];
  });
  return (await Promise.all(parts)).flat();
}

function toImage({
  ImageId: id = '',
  Name: name = id,
  CreationDate: builtAt = '',
  BlockDeviceMappings,
}: Image): ListedImage {
  const gigabytes = (BlockDeviceMappings ?? []).map(({ Ebs }) => Ebs?.VolumeSize ?? 0);
  return { id, name, size: gigabytes.reduce((sum, one) => sum + one, 0) * 2 ** 30, builtAt };
}
