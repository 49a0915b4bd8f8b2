import { DescribeImagesCommand, type Image } from '@aws-sdk/client-ec2';
import { chunks } from '../../base/chunks.js';
import { ExternalError, UserError } from '../../base/errors.js';
import { type Ec2Api, valuesPerFilter } from './ec2-api.js';
import type { Architecture } from './instance-types.js';
import { tagKeys } from './instances.js';

export interface MachineImage {
  id: string;
  deviceName: string;
  sshUser: string;
}

interface Publisher {
  /** The publisher's account: https://wiki.debian.org/Cloud/AmazonEC2Image, https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/ */
  owner: string;
  pattern: (architecture: Architecture) => string;
}

const debian = (release: string): Publisher => ({
  owner: '136693071363',
  pattern: (architecture) => `debian-${release}-${architecture}-*`,
});
const ubuntu = (release: string): Publisher => ({
  owner: '099720109477',
  pattern: (architecture) => `ubuntu/images/hvm-ssd*/ubuntu-*-${release}-${architecture}-server-*`,
});

const publishers: Readonly<Record<string, Publisher>> = {
  'debian-13': debian('13'),
  'debian-12': debian('12'),
  'ubuntu-24.04': ubuntu('24.04'),
  'ubuntu-22.04': ubuntu('22.04'),
};

/** @throws UserError for neither a known name nor an id */
export function requireImageName(ami: string): void {
  if (Object.hasOwn(publishers, ami) || /^ami-[0-9a-f]{8,17}$/.test(ami)) return;
  throw new UserError(`"${ami}" is not an image for amazonec2`, {
    hint: `use ${Object.keys(publishers).join(', ')}, or an id like ami-0123456789abcdef0`,
  });
}

/** @throws UserError for an image that the region lacks, or that is for another architecture */
export async function findImage(
  api: Ec2Api,
  ami: string,
  architecture: Architecture,
  signal: AbortSignal,
): Promise<MachineImage> {
  requireImageName(ami);
  const images = await describe(api, ami, architecture, signal);
  const image = newest(images);
  if (!image?.ImageId) {
    throw new UserError(`no image ${ami} for ${architecture} in ${api.region}`, {
      hint: 'choose another image with --amazonec2-ami, or another region',
    });
  }
  if (architectureOfImage(image) !== architecture) {
    throw new UserError(
      `the image ${image.ImageId} is for ${image.Architecture}, the instance type for ${architecture}`,
      { hint: 'omit --amazonec2-ami, or choose a matching instance type' },
    );
  }
  if (!image.RootDeviceName) throw new ExternalError(`the image ${image.ImageId} has no root device name`);
  return { id: image.ImageId, deviceName: image.RootDeviceName, sshUser: userOf(image) };
}

export async function usersOfImages(
  { client }: Ec2Api,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const parts = chunks([...new Set(ids)], valuesPerFilter).map(async (Values) => {
    const command = new DescribeImagesCommand({ Filters: [{ Name: 'image-id', Values }] });
    return (await client.send(command, { abortSignal: signal })).Images ?? [];
  });
  const images = (await Promise.all(parts)).flat();
  return new Map(images.map((image) => [image.ImageId ?? '', userOf(image)]));
}

async function describe(
  { client }: Ec2Api,
  ami: string,
  architecture: Architecture,
  signal: AbortSignal,
): Promise<Image[]> {
  const publisher = publishers[ami];
  const command = publisher
    ? new DescribeImagesCommand({
        Owners: [publisher.owner],
        Filters: [
          { Name: 'name', Values: [publisher.pattern(architecture)] },
          { Name: 'state', Values: ['available'] },
        ],
      })
    : new DescribeImagesCommand({ ImageIds: [ami] });
  return (await client.send(command, { abortSignal: signal })).Images ?? [];
}

/** Names end with the build date, which decides between equal creation dates. */
export function newest(images: readonly Image[]): Image | undefined {
  const age = ({ CreationDate = '', Name = '' }: Image) => `${CreationDate} ${Name}`;
  return [...images].sort((one, other) => (age(one) < age(other) ? 1 : -1))[0];
}

function architectureOfImage({ Architecture: architecture }: Image): Architecture | undefined {
  return architecture === 'x86_64' ? 'amd64' : architecture === 'arm64' ? 'arm64' : undefined;
}

/** Images that belt created have a tag for it. docker-machine assumes `ubuntu` for all images. */
export function userOf({ Name = '', Tags = [] }: Pick<Image, 'Name' | 'Tags'>): string {
  const own = Tags.find(({ Key }) => Key === tagKeys.sshUser)?.Value;
  if (own) return own;
  if (/^debian-/.test(Name)) return 'admin';
  if (/^(al2023|amzn2?)-|^RHEL-|^suse-/i.test(Name)) return 'ec2-user';
  return 'ubuntu';
}
