/**
 * A selection of the sizes, regions and images of the real API in October 2024, with two changes:
 * one region is full, and one size is available in a single region.
 */

const everywhere = ['fra1', 'nyc1', 'nyc3', 'sgp1'];

function size(
  slug: string,
  memory: number,
  vcpus: number,
  disk: number,
  price: number,
  regions = everywhere,
) {
  return {
    slug,
    memory,
    vcpus,
    disk,
    transfer: 1,
    price_monthly: price,
    price_hourly: price / 672,
    regions,
    available: true,
    description: 'Basic',
  };
}

export const sizes = [
  size('s-1vcpu-1gb', 1024, 1, 25, 6),
  size('s-1vcpu-512mb-10gb', 512, 1, 10, 4),
  size('s-1vcpu-1gb-amd', 1024, 1, 25, 7),
  size('s-1vcpu-2gb', 2048, 1, 50, 12),
  size('s-2vcpu-2gb', 2048, 2, 60, 18),
  size('s-2vcpu-4gb', 4096, 2, 80, 24),
  size('s-4vcpu-8gb', 8192, 4, 160, 48, ['nyc3']),
];

function region(slug: string, name: string, available = true) {
  const there = sizes.filter(({ regions }) => regions.includes(slug)).map((one) => one.slug);
  return { slug, name, available, sizes: there, features: ['backups', 'ipv6', 'metadata'] };
}

export const regions = [
  region('fra1', 'Frankfurt 1'),
  region('nyc1', 'New York 1', false),
  region('nyc3', 'New York 3'),
  region('sgp1', 'Singapore 1'),
];

export function image(id: number, slug: string | null, name: string, type: string, more: object = {}) {
  return {
    id,
    slug,
    name,
    type,
    distribution: 'Ubuntu',
    public: slug !== null,
    regions: everywhere,
    created_at: '2024-10-24T00:00:00Z',
    min_disk_size: 7,
    size_gigabytes: 0.5,
    description: name,
    tags: [],
    status: 'available',
    error_message: '',
    ...more,
  };
}

export const images = [
  image(155133621, 'ubuntu-24-04-x64', '24.04 (LTS) x64', 'base'),
  image(155133622, 'debian-12-x64', '12 x64', 'base'),
  image(160000001, null, 'with-our-tools', 'snapshot', { regions: ['fra1'], min_disk_size: 25 }),
];
