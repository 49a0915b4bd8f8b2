import { UserError } from '../../base/errors.js';
import { formatMemory, parseSize } from '../../machines/model/sizes.js';

/** As images are named; the EC2 API says x86_64 where images say amd64. */
export type Architecture = 'amd64' | 'arm64';

type Step = readonly [type: string, memoryMb: number];

const gb = 1024;
const t = (family: string): Step[] => [
  [`${family}.nano`, 0.5 * gb],
  [`${family}.micro`, 1 * gb],
  [`${family}.small`, 2 * gb],
  [`${family}.medium`, 4 * gb],
  [`${family}.large`, 8 * gb],
];
const r = (family: string): Step[] => [
  [`${family}.large`, 16 * gb],
  [`${family}.xlarge`, 32 * gb],
  [`${family}.2xlarge`, 64 * gb],
  [`${family}.4xlarge`, 128 * gb],
  [`${family}.8xlarge`, 256 * gb],
  [`${family}.12xlarge`, 384 * gb],
  [`${family}.16xlarge`, 512 * gb],
];

/**
 * The types that amounts of memory stand for, from the cheapest on-demand price of Linux upwards. Up to 8 GiB the burstable family
 * is cheaper than any other, from 16 GiB on the memory-optimized one (a t3.xlarge costs more than an r6i.large of the same memory).
 * Families that regions have everywhere; t2 and t3a are left out, as not every zone has them.
 * @see https://aws.amazon.com/ec2/pricing/on-demand/
 */
const ladders: Readonly<Record<Architecture, readonly Step[]>> = {
  amd64: [...t('t3'), ...r('r6i'), ['r6i.24xlarge', 768 * gb], ['r6i.32xlarge', 1024 * gb]],
  arm64: [...t('t4g'), ...r('r6g')],
};

/**
 * The instance type for a size: the cheapest with at least that amount of memory, or the type that the person named.
 * @throws UserError for more memory than any has
 */
export function typeFor(size: string, architecture: Architecture): string {
  const wanted = parseSize(size)?.memoryMb;
  if (wanted === undefined) return requireType(size);
  const ladder = ladders[architecture];
  const found = ladder.find(([, memory]) => memory >= wanted);
  if (found) return found[0];
  const most = Math.max(...ladder.map(([, memory]) => memory));
  throw new UserError(`${size} is more than amazonec2 picks a type for: at most ${formatMemory(most)}`, {
    hint: 'name the instance type, as in: belt create -d amazonec2 x2idn.32xlarge NAME',
  });
}

function requireType(size: string): string {
  if (/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/.test(size)) return size;
  throw new UserError(`"${size}" is no size for amazonec2`, {
    hint: 'an amount of memory (512mb, 2gb), or an instance type (t3.small)',
  });
}

/**
 * Types on AWS's own processors have a g behind the generation: t4g, m7gd, c6gn. Also a1, the first of them.
 * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
 */
export function architectureOf(type: string): Architecture {
  return /^(a1|[a-z]+\d+g[a-z-]*)\./.test(type) ? 'arm64' : 'amd64';
}
