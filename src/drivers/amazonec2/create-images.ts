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
  SnapshotWish,
} from '../driver.js';
import { failure } from '../kit/event-stream.js';
import { type Api, looks, valuesPerFilter } from './ec2-api.js';
import type { Ec2 } from './ec2-client.js';
import { onInstances } from './instance-lifecycle.js';
import { clusterTags, tagKeys } from './instances.js';
import type { Target } from './watch-instances.js';

/** Disks of hundreds of gigabytes take hours the first time. */
const withinMs = 4 * 3_600_000;

type Events = AsyncGenerator<MachineEvent | SnapshotEvent>;

/** Images of the instances' disks, made while they run. They say whom they let log in, as names of images do not. */
export function snapshot(ec2: Ec2, wishes: readonly SnapshotWish[], signal: AbortSignal): Events {
  const byName = new Map(wishes.map((wish) => [wish.machine.name, wish]));
  const machines = wishes.map(({ machine }) => machine);
  return onInstances(ec2, machines, signal, async function* (api, targets): Events {
    const begun = new Map<string, string>();
    for (const target of targets) {
      const wish = byName.get(target.name) as SnapshotWish;
      try {
        begun.set(await createImage(api, ec2, target, wish, signal), target.name);
        yield { type: 'progress', name: target.name, text: 'copying the disk' };
      } catch (error) {
        yield failure(target, error);
      }
    }
    yield* awaitImages(api, begun, signal);
  });
}

async function createImage(
  { client }: Api,
  { cluster }: Ec2,
  { instance }: Target,
  { machine, as }: SnapshotWish,
  signal: AbortSignal,
): Promise<string> {
  const own = { Key: tagKeys.sshUser, Value: machine.ssh.user };
  const command = new CreateImageCommand({
    InstanceId: instance.InstanceId,
    Name: as,
    NoReboot: true,
    TagSpecifications: [{ ResourceType: 'image', Tags: [...clusterTags(cluster), own] }],
  });
  const { ImageId: id } = await client.send(command, { abortSignal: signal });
  if (id) return id;
  throw new ExternalError(`EC2 names no image of ${machine.name}`);
}

/** One look at a time for all; `begun` is machines by the ids of their images. */
async function* awaitImages(api: Api, begun: Map<string, string>, signal: AbortSignal): Events {
  for await (const _ of begun.size > 0 ? looks({ timeoutMs: withinMs, signal }) : []) {
    for (const { ImageId: id = '', State, StateReason } of await describe(
      api,
      'image-id',
      [...begun.keys()],
      signal,
    )) {
      const name = begun.get(id);
      if (name === undefined || State === 'pending') continue;
      begun.delete(id);
      if (State === 'available')
        yield* [{ type: 'kept', name, id } as const, { type: 'done', name } as const];
      else
        yield failure(
          { name },
          new ExternalError(`EC2 could not make ${id}: ${StateReason?.Message ?? State}`),
        );
    }
    if (begun.size === 0) return;
  }
  for (const [id, name] of begun)
    yield failure(
      { name },
      new ExternalError(`the image ${id} is not there after ${withinMs / 3_600_000} hours`),
    );
}

/** Images that belt has made, of all clusters of the region. */
export function imagesIn(ec2: Ec2): ImageStore {
  const ours = async (signal: AbortSignal) =>
    describe(await ec2.api(), `tag:${tagKeys.belt}`, ['true'], signal);
  return {
    available: () => [],
    list: async (signal) => (await ours(signal)).map(shown),
    async build() {
      throw new UserError("EC2's images are not built here", {
        hint: 'make one of a machine: belt snapshot --name NAME NODE',
      });
    },
    async remove(wanted, signal) {
      const image = (await ours(signal)).find(({ ImageId, Name }) => ImageId === wanted || Name === wanted);
      if (!image) throw new UserError(`belt has made no image "${wanted}" in ${(await ec2.api()).region}`);
      await removeImage(await ec2.api(), image, signal);
    },
  };
}

/** The disks that it is made of are paid for, and do not go with it. */
async function removeImage({ client }: Api, image: Image, signal: AbortSignal): Promise<void> {
  await client.send(new DeregisterImageCommand({ ImageId: image.ImageId }), { abortSignal: signal });
  for (const { Ebs } of image.BlockDeviceMappings ?? []) {
    const command = new DeleteSnapshotCommand({ SnapshotId: Ebs?.SnapshotId });
    if (Ebs?.SnapshotId) await client.send(command, { abortSignal: signal });
  }
}

async function describe(
  { client }: Api,
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

function shown({
  ImageId: id = '',
  Name: name = id,
  CreationDate: builtAt = '',
  BlockDeviceMappings,
}: Image): ListedImage {
  const gigabytes = (BlockDeviceMappings ?? []).map(({ Ebs }) => Ebs?.VolumeSize ?? 0);
  return { id, name, size: gigabytes.reduce((sum, one) => sum + one, 0) * 2 ** 30, builtAt };
}
