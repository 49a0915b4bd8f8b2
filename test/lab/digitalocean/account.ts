import { createHash, randomUUID } from 'node:crypto';
import { image, images, regions, sizes } from './catalogue.js';

/** What runs behind droplets: real guests, or nothing. */
export interface Backend {
  /**
   * Resolves when the machine is running and its user data has been applied. @returns its address
   */
  boot(machine: BackendMachine): Promise<string>;
  powerOn(id: number): Promise<void>;
  powerOff(id: number): Promise<void>;
  /** @returns whether it powered off; a droplet that ignores the request stays on */
  shutdown(id: number): Promise<boolean>;
  resize(id: number, memory: number): Promise<void>;
  /** May take a while; does not keep the contents of the disk. */
  snapshot(id: number): Promise<void>;
  destroy(id: number): Promise<void>;
}

export interface BackendMachine {
  id: number;
  name: string;
  /** MiB. */
  memory: number;
  userData: string;
  authorizedKeys: string[];
}

/** A droplet as the API returns it; the specification lists the required fields. */
export interface FakeDroplet {
  id: number;
  name: string;
  status: 'new' | 'active' | 'off';
  locked: boolean;
  tags: string[];
  memory: number;
  vcpus: number;
  disk: number;
  size_slug: string;
  networks: { v4: object[]; v6: object[] };
  snapshot_ids: number[];
  [field: string]: unknown;
}

interface Key {
  id: number;
  name: string;
  public_key: string;
  fingerprint: string;
}

/** An error response of the API. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly id: string,
    message: string,
  ) {
    super(message);
  }
}

const notFound = () => new ApiError(404, 'not_found', 'The resource you requested could not be found.');
const unprocessable = (message: string) => new ApiError(422, 'unprocessable_entity', message);

/**
 * An account of the emulated DigitalOcean: droplets that boot, actions that take time, tags, keys
 * and firewalls.
 */
export class Account {
  readonly droplets = new Map<number, FakeDroplet>();
  readonly keys = new Map<number, Key>();
  readonly firewalls = new Map<string, Record<string, unknown>>();
  readonly tags = new Set<string>();
  /** Public images and the account's own. */
  readonly images = [...images];
  /** Request bodies that created droplets. */
  readonly createRequests: Record<string, unknown>[] = [];
  dropletLimit = 100;
  private lastId = 3_000_000;
  /** Background work of the API, kept so that its errors are not lost. */
  readonly work: Promise<unknown>[] = [];

  constructor(private readonly backend: Backend) {}

  createDroplets(body: Record<string, unknown>): FakeDroplet[] {
    this.createRequests.push(body);
    const names = (body['names'] as string[] | undefined) ?? [String(body['name'])];
    if (names.length === 0 || names.length > 10)
      throw unprocessable('You can only create up to 10 droplets at once.');
    if (this.droplets.size + names.length > this.dropletLimit)
      throw unprocessable('creating this/these droplet(s) will exceed your droplet limit');
    const size = sizes.find(({ slug }) => slug === body['size']);
    if (!size) throw unprocessable('You specified an invalid size for Droplet creation.');
    if (!size.regions.includes(String(body['region'])))
      throw unprocessable('Size is not available in this region.');
    if (!this.images.some(({ id, slug }) => id === body['image'] || slug === body['image']))
      throw unprocessable('You specified an invalid image for Droplet creation.');
    const keys = ((body['ssh_keys'] as (string | number)[] | undefined) ?? []).map((key) =>
      this.key(String(key)),
    );
    for (const tag of (body['tags'] as string[] | undefined) ?? []) this.tags.add(tag);
    return names.map((name) => this.createDroplet(name, body, size, keys));
  }

  private createDroplet(
    name: string,
    body: Record<string, unknown>,
    size: (typeof sizes)[number],
    keys: readonly Key[],
  ): FakeDroplet {
    const id = ++this.lastId;
    const region = regions.find(({ slug }) => slug === body['region']);
    const start = this.images.find((one) => one.id === body['image'] || one.slug === body['image']);
    const droplet: FakeDroplet = {
      id,
      name,
      status: 'new',
      locked: true,
      memory: size.memory,
      vcpus: size.vcpus,
      disk: size.disk,
      size,
      size_slug: size.slug,
      region: { ...region },
      image: start,
      created_at: now(),
      features: [],
      backup_ids: [],
      next_backup_window: null,
      snapshot_ids: [],
      volume_ids: [],
      kernel: null,
      networks: { v4: [], v6: [] },
      tags: [...((body['tags'] as string[] | undefined) ?? [])],
    };
    this.droplets.set(id, droplet);
    const machine: BackendMachine = {
      id,
      name,
      memory: size.memory,
      userData: String(body['user_data'] ?? ''),
      authorizedKeys: keys.map(({ public_key }) => public_key),
    };
    this.runInBackground(async () => {
      const address = await this.backend.boot(machine);
      droplet.networks.v4 = [
        // As in the real API, the private address may come first, with the string "nil" as its
        // gateway.
        { ip_address: `10.128.0.${id % 250}`, netmask: '255.255.240.0', gateway: 'nil', type: 'private' },
        { ip_address: address, netmask: '255.255.240.0', gateway: '203.0.113.1', type: 'public' },
      ];
      Object.assign(droplet, { status: 'active', locked: false });
    });
    return droplet;
  }

  tagged(tag: string): FakeDroplet[] {
    return [...this.droplets.values()].filter(({ tags }) => tags.includes(tag));
  }

  droplet(id: number): FakeDroplet {
    const droplet = this.droplets.get(id);
    if (!droplet) throw notFound();
    return droplet;
  }

  destroy(id: number): void {
    this.droplet(id);
    this.droplets.delete(id);
    this.runInBackground(() => this.backend.destroy(id));
  }

  startAction(droplet: FakeDroplet, { type, name, size: slug }: Record<string, unknown>): object {
    if (droplet.locked) throw unprocessable('Droplet already has a pending event.');
    const { id } = droplet;
    const lock = (done: () => Promise<void>) => {
      droplet.locked = true;
      this.runInBackground(async () => {
        await done();
        droplet.locked = false;
      });
    };
    if (type === 'power_on') {
      if (droplet.status === 'active') throw unprocessable('Droplet is already powered on.');
      lock(async () => {
        await this.backend.powerOn(id);
        droplet.status = 'active';
      });
    } else if (type === 'power_off') {
      if (droplet.status === 'off') throw unprocessable('Droplet is already powered off.');
      lock(async () => {
        await this.backend.powerOff(id);
        droplet.status = 'off';
      });
    } else if (type === 'shutdown') {
      if (droplet.status === 'off') throw unprocessable('Droplet is already powered off.');
      // Not locked: the real API only presses the power button.
      this.runInBackground(async () => {
        if (await this.backend.shutdown(id)) droplet.status = 'off';
      });
    } else if (type === 'resize') {
      const size = sizes.find((one) => one.slug === slug);
      if (!size) throw unprocessable('You specified an invalid size for this Droplet.');
      if (droplet.status !== 'off') throw unprocessable('Droplet must be powered off to resize.');
      if (size.disk < droplet.disk) throw unprocessable('This size is smaller than the disk of the Droplet.');
      lock(async () => {
        await this.backend.resize(id, size.memory);
        Object.assign(droplet, { size, size_slug: size.slug, memory: size.memory, vcpus: size.vcpus });
      });
    } else if (type === 'snapshot') {
      lock(async () => {
        await this.backend.snapshot(id);
        const snapshot = image(++this.lastId, null, String(name), 'snapshot', {
          regions: [(droplet['region'] as { slug: string }).slug],
          min_disk_size: droplet.disk,
          created_at: now(),
        });
        this.images.push(snapshot);
        droplet.snapshot_ids.push(snapshot.id);
      });
    } else throw unprocessable(`${String(type)} is not made here`);
    return {
      id: ++this.lastId,
      status: 'in-progress',
      type,
      started_at: now(),
      completed_at: null,
      resource_id: id,
      resource_type: 'droplet',
      region: droplet['region'],
      region_slug: (droplet['region'] as { slug: string }).slug,
    };
  }

  key(idOrFingerprint: string): Key {
    const found = [...this.keys.values()].find(
      ({ id, fingerprint }) => String(id) === idOrFingerprint || fingerprint === idOrFingerprint,
    );
    if (!found) throw notFound();
    return found;
  }

  addKey({ name, public_key: publicKey }: Record<string, unknown>): Key {
    const bytes = Buffer.from(String(publicKey).split(' ')[1] ?? '', 'base64');
    const digest = createHash('md5').update(bytes).digest('hex');
    const fingerprint = digest.match(/../g)?.join(':') ?? '';
    if ([...this.keys.values()].some((key) => key.fingerprint === fingerprint))
      throw unprocessable('SSH Key is already in use on your account');
    const key = { id: ++this.lastId, name: String(name), public_key: String(publicKey), fingerprint };
    this.keys.set(key.id, key);
    return key;
  }

  addFirewall(body: Record<string, unknown>): object {
    for (const tag of (body['tags'] as string[] | undefined) ?? [])
      if (!this.tags.has(tag)) throw unprocessable(`tag ${tag} does not exist`);
    if ([...this.firewalls.values()].some(({ name }) => name === body['name']))
      throw new ApiError(409, 'conflict', 'duplicate name');
    const id = randomUUID();
    const firewall = {
      droplet_ids: [],
      ...body,
      id,
      status: 'waiting',
      created_at: now(),
      pending_changes: [],
    };
    this.firewalls.set(id, firewall);
    return firewall;
  }

  private runInBackground(work: () => Promise<void>): void {
    const running = work();
    running.catch(() => {});
    this.work.push(running);
  }
}

function now(): string {
  return `${new Date().toISOString().slice(0, 19)}Z`;
}
