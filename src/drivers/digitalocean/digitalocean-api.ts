import type { DropletRequest, Firewall as LibraryFirewall } from 'digitalocean-js';
import type {
  Account,
  Droplet,
  DropletOrder,
  Firewall,
  FirewallOrder,
  Image,
  Key,
  PowerAction,
  Region,
  Size,
  Vpc,
} from './api-types.js';
import { DigitalOceanError } from './digitalocean-error.js';
import type { Ask, Tools } from './rate-limited-client.js';

/** The most that a page may hold; a hundred and more droplets come in one. */
const perPage = 200;

/**
 * The calls that the driver makes. All throw DigitalOceanError, and AbortError when `signal` aborts while they wait or read; what
 * changes something is not cut off once it is sent.
 */
export function apiOf(askWith: Ask, signal: AbortSignal) {
  const ask = <T>(request: (tools: Tools) => Promise<T>, { once = false } = {}): Promise<T> =>
    askWith(request, { signal, once });
  /** All pages of a list. */
  const all = async <T>(path: string, field: string, params: object): Promise<T[]> => {
    const found: T[] = [];
    for (let page = 1; ; page++) {
      const query = { ...params, per_page: perPage, page };
      const { data } = await ask(({ instance }) => instance.get(path, { params: query }));
      found.push(...(data[field] as T[]));
      if (!data.links?.pages?.next) return found;
    }
  };
  const one = async <T>(path: string, field: string): Promise<T> =>
    ask(async ({ instance }) => (await instance.get(path)).data[field] as T);

  return {
    account: () => one<Account>('/account', 'account'),
    sizes: () => all<Size>('/sizes', 'sizes', {}),
    regions: () => all<Region>('/regions', 'regions', {}),
    vpcs: () => all<Vpc>('/vpcs', 'vpcs', {}),
    /** Public ones by slug too. */
    image: (idOrSlug: string) => orNothing(one<Image>(`/images/${encodeURIComponent(idOrSlug)}`, 'image')),
    /** Snapshots, backups and uploaded ones. */
    ownImages: () => all<Image>('/images', 'images', { private: true }),

    removeImage: (id: number) => ask(({ instance }) => instance.delete(`/images/${id}`)),

    key: (idOrFingerprint: string) =>
      orNothing(one<Key>(`/account/keys/${encodeURIComponent(idOrFingerprint)}`, 'ssh_key')),
    keys: () => all<Key>('/account/keys', 'ssh_keys', {}),
    addKey: (name: string, publicKey: string) =>
      ask(({ library }) => library.ssh.createNewKey({ name, public_key: publicKey })) as Promise<Key>,
    removeKey: (fingerprint: string) => orNothing(ask(({ library }) => library.ssh.deleteKey(fingerprint))),

    firewalls: () => all<Firewall>('/firewalls', 'firewalls', {}),
    addFirewall: (order: FirewallOrder) =>
      ask(({ library }) => library.firewalls.createFirewall(order as LibraryFirewall), { once: true }),
    removeFirewall: (id: string) => orNothing(ask(({ library }) => library.firewalls.deleteFirewall(id))),

    addTag: (name: string) => ask(({ library }) => library.tags.createTag(name)),
    removeTag: (name: string) => orNothing(ask(({ library }) => library.tags.deleteTag(name))),
    tagDroplets: (tag: string, ids: readonly number[]) =>
      ask(({ library }) => library.tags.tagResources(tag, ids.map(String))),

    /** All droplets of a tag. */
    droplets: (tag: string) => all<Droplet>('/droplets', 'droplets', { tag_name: tag }),
    droplet: (id: string) => orNothing(one<Droplet>(`/droplets/${encodeURIComponent(id)}`, 'droplet')),
    /** Ten at the most. When the answer is lost, the error is `unclear`. */
    addDroplets: async (order: DropletOrder): Promise<Droplet[]> => {
      // The library's types are older than the API.
      const body: unknown = order;
      const droplets: unknown = await ask(
        ({ library }) => library.droplets.createMultipleDroplets(body as DropletRequest),
        { once: true },
      );
      return droplets as Droplet[];
    },
    removeDroplet: (id: number) => orNothing(ask(({ library }) => library.droplets.deleteDroplet(id))),
    removeTagged: (tag: string) => ask(({ library }) => library.droplets.deleteDropletsByTag(tag)),
    power: (id: number, type: PowerAction) =>
      ask(({ instance }) => instance.post(`/droplets/${id}/actions`, { type })),
    powerTagged: (tag: string, type: PowerAction) =>
      ask(({ instance }) => instance.post('/droplets/actions', { type }, { params: { tag_name: tag } })),
    /** When the answer is lost, the error is `unclear`: asked for again, there would be two. */
    snapshot: (id: number, name: string) =>
      ask(({ library }) => library.dropletActions.snapshotDroplet(id, name), { once: true }),
    /** Memory and processors only: a disk that has grown can never be made smaller. */
    resize: (id: number, slug: string) =>
      ask(({ library }) => library.dropletActions.resizeDroplet(id, false, slug)),
  };
}

export type Api = ReturnType<typeof apiOf>;

async function orNothing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof DigitalOceanError && error.status === 404) return undefined;
    throw error;
  }
}
