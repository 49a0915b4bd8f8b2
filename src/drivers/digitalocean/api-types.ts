/** What DigitalOcean's API answers, as far as belt reads it. Source: its OpenAPI document. */

export interface Droplet {
  id: number;
  name: string;
  status: 'new' | 'active' | 'off' | 'archive';
  /** An action is under way. */
  locked: boolean;
  /** Mebibytes. */
  memory: number;
  /** Gigabytes. */
  disk: number;
  size_slug: string;
  region: { slug: string };
  tags: string[];
  /** ISO 8601. */
  created_at: string;
  snapshot_ids: number[];
  networks: { v4: { ip_address: string; type: 'public' | 'private' }[] };
}

export interface Size {
  slug: string;
  /** Mebibytes. */
  memory: number;
  vcpus: number;
  /** Gigabytes. */
  disk: number;
  /** US dollars. */
  price_monthly: number;
  regions: string[];
  available: boolean;
}

export interface Region {
  slug: string;
  available: boolean;
}

export interface Image {
  id: number;
  name: string;
  /** Only public images have one. */
  slug: string | null;
  regions: string[];
  /** Gigabytes. */
  min_disk_size: number | null;
  /** Gigabytes. */
  size_gigabytes: number | null;
  /** ISO 8601. */
  created_at: string;
}

export interface Key {
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

export interface DropletOrder {
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

export interface Rule {
  protocol: 'tcp' | 'udp' | 'icmp';
  ports: string;
}

export interface FirewallOrder {
  name: string;
  tags: string[];
  inbound_rules: (Rule & { sources: { addresses?: string[]; tags?: string[] } })[];
  outbound_rules: (Rule & { destinations: { addresses: string[] } })[];
}

/** The actions that DigitalOcean also takes for all droplets of a tag. */
export type PowerAction = 'power_on' | 'power_off' | 'shutdown';
