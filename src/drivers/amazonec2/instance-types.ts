import {
  DescribeInstanceTypesCommand,
  DescribeRegionsCommand,
  paginateDescribeInstanceTypes,
} from '@aws-sdk/client-ec2';
import { UserError } from '../../base/errors.js';
import { formatMemory, parseSize } from '../../machines/model/sizes.js';
import type { MachineSize, ProviderRegion } from '../driver.js';
import type { Ec2Api } from './ec2-api.js';

/** As in image names; the EC2 API calls amd64 x86_64. */
export type Architecture = 'amd64' | 'arm64';

type InstanceType = readonly [type: string, memoryMb: number];

const gb = 1024;
const t = (family: string): InstanceType[] => [
  [`${family}.nano`, 0.5 * gb],
  [`${family}.micro`, 1 * gb],
  [`${family}.small`, 2 * gb],
  [`${family}.medium`, 4 * gb],
  [`${family}.large`, 8 * gb],
];
const r = (family: string): InstanceType[] => [
  [`${family}.large`, 16 * gb],
  [`${family}.xlarge`, 32 * gb],
  [`${family}.2xlarge`, 64 * gb],
  [`${family}.4xlarge`, 128 * gb],
  [`${family}.8xlarge`, 256 * gb],
  [`${family}.12xlarge`, 384 * gb],
  [`${family}.16xlarge`, 512 * gb],
];

/**
 * Cheapest on-demand price first: burstable types up to 8 GiB, memory-optimized ones from 16 GiB.
 * All regions have these families; not every zone has t2 and t3a.
 * @see https://aws.amazon.com/ec2/pricing/on-demand/
 */
const typesByMemory: Readonly<Record<Architecture, readonly InstanceType[]>> = {
  amd64: [...t('t3'), ...r('r6i'), ['r6i.24xlarge', 768 * gb], ['r6i.32xlarge', 1024 * gb]],
  arm64: [...t('t4g'), ...r('r6g')],
};

/** The cheapest type with at least that memory, or the named type. @throws UserError */
export function typeFor(size: string, architecture: Architecture): string {
  const wanted = parseSize(size)?.memoryMb;
  if (wanted === undefined) return requireType(size);
  const types = typesByMemory[architecture];
  const found = types.find(([, memory]) => memory >= wanted);
  if (found) return found[0];
  const most = Math.max(...types.map(([, memory]) => memory));
  throw new UserError(`no instance type for ${size}: amazonec2 chooses types up to ${formatMemory(most)}`, {
    hint: 'belt create -d amazonec2 x2idn.32xlarge NAME',
  });
}

/** By its form: no machine has such a name, and the API refuses unknown types. */
export function isInstanceType(word: string): boolean {
  return /^[a-z][a-z0-9-]*\.[a-z0-9-]+$/.test(word);
}

function requireType(size: string): string {
  if (isInstanceType(size)) return size;
  throw new UserError(`"${size}" is not a size for amazonec2`, {
    hint: 'use an amount of memory (512mb, 2gb) or an instance type (t3.small)',
  });
}

/**
 * Types with AWS's own processors have a g after the generation (t4g, m7gd, c6gn), except a1.
 * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
 */
export function architectureOf(type: string): Architecture {
  return /^(a1|[a-z]+\d+g[a-z-]*)\./.test(type) ? 'arm64' : 'amd64';
}

/** In mebibytes. @throws UserError for a type that the region does not have */
export async function memoryOfTypes(
  { client, region }: Ec2Api,
  types: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const command = new DescribeInstanceTypesCommand({
    Filters: [{ Name: 'instance-type', Values: [...types] }],
  });
  const { InstanceTypes = [] } = await client.send(command, { abortSignal: signal });
  const memory = new Map(
    InstanceTypes.map(({ InstanceType: type = '', MemoryInfo }) => [
      type as string,
      MemoryInfo?.SizeInMiB ?? 0,
    ]),
  );
  const unknown = types.find((type) => !memory.has(type));
  if (unknown === undefined) return memory;
  throw new UserError(`${region} has no instance type ${unknown}`, {
    hint: `aws ec2 describe-instance-types --region ${region}`,
  });
}

/** The region's types with a processor that belt supports, the smallest first. EC2's API has no prices. */
export async function listTypes({ client }: Ec2Api, signal: AbortSignal): Promise<MachineSize[]> {
  const input = {
    Filters: [{ Name: 'processor-info.supported-architecture', Values: ['x86_64', 'arm64'] }],
  };
  const sizes: MachineSize[] = [];
  for await (const page of paginateDescribeInstanceTypes({ client }, input, { abortSignal: signal })) {
    for (const { InstanceType: name, MemoryInfo, VCpuInfo } of page.InstanceTypes ?? [])
      if (name !== undefined)
        sizes.push({ name, memory: MemoryInfo?.SizeInMiB ?? 0, cpus: VCpuInfo?.DefaultVCpus ?? 0 });
  }
  return sizes.sort((a, b) => a.memory - b.memory || (a.name < b.name ? -1 : 1));
}

/** Those that the account may use. */
export async function listRegions({ client }: Ec2Api, signal: AbortSignal): Promise<ProviderRegion[]> {
  const { Regions = [] } = await client.send(new DescribeRegionsCommand({}), { abortSignal: signal });
  return Regions.map(({ RegionName: name = '' }) => ({ name, available: true })).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  );
}
