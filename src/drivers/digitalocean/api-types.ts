/**
 * The parts of the DigitalOcean API that belt uses, as in its OpenAPI document. Memory is in
 * mebibytes, disks and images are in gigabytes, prices in US dollars, times in ISO 8601.
 */

export interface Droplet {
  id: number;
  name: string;
  status: 'new' | 'active' | 'off' | 'archive';
  locked: boolean;
  memory: number;
  disk: number;
  size_slug: string;
  region: { slug: string };
  tags: string[];
  created_at: string;
  snapshot_ids: number[];
  networks: { v4: { ip_address: string; type: 'public' | 'private' }[] };
}

export interface DropletSize {
  slug: string;
  memory: number;
  vcpus: number;
  disk: number;
  price_monthly: number;
  regions: string[];
  available: boolean;
}

export interface Region {
  slug: string;
  name: string;
  available: boolean;
}

export interface DigitalOceanImage {
  id: number;
  name: string;
  /** Null for images that are not public. */
  slug: string | null;
  regions: string[];
  min_disk_size: number | null;
  size_gigabytes: number | null;
  created_at: string;
}

export interface AccountKey {
  id: number;
  name: string;
  fingerprint: string;
}

export interface Firewall {
  id: string;
  name: string;
}

export interface Vpc {
  id: string;
  name: string;
  region: string;
}

export interface Account {
  droplet_limit: number;
  email: string;
  status: string;
}

export interface DropletsRequest {
  names: string[];
  region: string;
  size: string;
  image: string | number;
  ssh_keys: (string | number)[];
  backups: boolean;
  ipv6: boolean;
  monitoring: boolean;
  tags: string[];
  user_data: string;
  vpc_uuid?: string;
}

export interface FirewallRule {
  protocol: 'tcp' | 'udp' | 'icmp';
  ports: string;
}

export interface FirewallRequest {
  name: string;
  tags: string[];
  inbound_rules: (FirewallRule & { sources: { addresses?: string[]; tags?: string[] } })[];
  outbound_rules: (FirewallRule & { destinations: { addresses: string[] } })[];
}

export type PowerAction = 'power_on' | 'power_off' | 'shutdown';
