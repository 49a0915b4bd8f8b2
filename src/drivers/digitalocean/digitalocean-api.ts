import type { DropletRequest, Firewall as LibraryFirewall } from 'digitalocean-js';
import type {
  Account,
  AccountKey,
  DigitalOceanImage,
  Droplet,
  DropletSize,
  DropletsRequest,
  Firewall,
  FirewallRequest,
  PowerAction,
  Region,
  Vpc,
} from './api-types.js';
import { DigitalOceanError } from './digitalocean-error.js';
import type { ApiClients, SendRequest } from './rate-limited-client.js';

const perPage = 200;

/** A call that changes something is not aborted once sent. @throws DigitalOceanError; AbortError */
export function openApi(sendWith: SendRequest, signal: AbortSignal) {
  const send = <T>(request: (clients: ApiClients) => Promise<T>, { once = false } = {}): Promise<T> =>
    sendWith(request, { signal, once });
  const all = async <T>(path: string, field: string, params: object): Promise<T[]> => {
    const found: T[] = [];
    for (let page = 1; ; page++) {
      const query = { ...params, per_page: perPage, page };
      const { data } = await send(({ instance }) => instance.get(path, { params: query }));
      found.push(...(data[field] as T[]));
      if (!data.links?.pages?.next) return found;
    }
  };
  const one = async <T>(path: string, field: string): Promise<T> =>
    send(async ({ instance }) => (await instance.get(path)).data[field] as T);

  return {
    account: () => one<Account>('/account', 'account'),
    sizes: () => all<DropletSize>('/sizes', 'sizes', {}),
    regions: () => all<Region>('/regions', 'regions', {}),
    vpcs: () => all<Vpc>('/vpcs', 'vpcs', {}),
    image: (idOrSlug: string) =>
      orUndefined(one<DigitalOceanImage>(`/images/${encodeURIComponent(idOrSlug)}`, 'image')),
    ownImages: () => all<DigitalOceanImage>('/images', 'images', { private: true }),

    removeImage: (id: number) => send(({ instance }) => instance.delete(`/images/${id}`)),

    key: (idOrFingerprint: string) =>
      orUndefined(one<AccountKey>(`/account/keys/${encodeURIComponent(idOrFingerprint)}`, 'ssh_key')),
    keys: () => all<AccountKey>('/account/keys', 'ssh_keys', {}),
    addKey: (name: string, publicKey: string) =>
      send(({ library }) => library.ssh.createNewKey({ name, public_key: publicKey })) as Promise<AccountKey>,
    removeKey: (fingerprint: string) =>
      orUndefined(send(({ library }) => library.ssh.deleteKey(fingerprint))),

    firewalls: () => all<Firewall>('/firewalls', 'firewalls', {}),
    addFirewall: (wanted: FirewallRequest) =>
      send(({ library }) => library.firewalls.createFirewall(wanted as LibraryFirewall), { once: true }),
    removeFirewall: (id: string) => orUndefined(send(({ library }) => library.firewalls.deleteFirewall(id))),

    addTag: (name: string) => send(({ library }) => library.tags.createTag(name)),
    removeTag: (name: string) => orUndefined(send(({ library }) => library.tags.deleteTag(name))),
    tagDroplets: (tag: string, ids: readonly number[]) =>
      send(({ library }) => library.tags.tagResources(tag, ids.map(String))),

    droplets: (tag: string) => all<Droplet>('/droplets', 'droplets', { tag_name: tag }),
    droplet: (id: string) => orUndefined(one<Droplet>(`/droplets/${encodeURIComponent(id)}`, 'droplet')),
    /** At most ten. When the response is lost, the error is `unclear`. */
    addDroplets: async (wanted: DropletsRequest): Promise<Droplet[]> => {
      // The library's types are older than the API.
      const body: unknown = wanted;
      const droplets: unknown = await send(
        ({ library }) => library.droplets.createMultipleDroplets(body as DropletRequest),
        { once: true },
      );
      return droplets as Droplet[];
    },
    removeDroplet: (id: number) => orUndefined(send(({ library }) => library.droplets.deleteDroplet(id))),
    removeTagged: (tag: string) => send(({ library }) => library.droplets.deleteDropletsByTag(tag)),
    power: (id: number, type: PowerAction) =>
      send(({ instance }) => instance.post(`/droplets/${id}/actions`, { type })),
    powerTagged: (tag: string, type: PowerAction) =>
      send(({ instance }) => instance.post('/droplets/actions', { type }, { params: { tag_name: tag } })),
    /** If the response is lost, the error is `unclear`: a second request would create two images. */
    snapshot: (id: number, name: string) =>
      send(({ library }) => library.dropletActions.snapshotDroplet(id, name), { once: true }),
    /** Memory and processors only: a disk that has grown cannot shrink. */
    resize: (id: number, slug: string) =>
      send(({ library }) => library.dropletActions.resizeDroplet(id, false, slug)),
  };
}

export type DigitalOceanApi = ReturnType<typeof openApi>;

async function orUndefined<T>(response: Promise<T>): Promise<T | undefined> {
  try {
    return await response;
  } catch (error) {
    if (error instanceof DigitalOceanError && error.status === 404) return undefined;
    throw error;
  }
}
