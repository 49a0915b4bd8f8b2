import type { Addresses, Machine, MachineState } from '../../machines/model/machine.js';
import type { ClusterRef } from '../driver.js';
import type { Droplet } from './api-types.js';
import type { DigitalOceanSettings } from './digitalocean-settings.js';

/** Identifies a droplet by its id, or by its name when belt was killed before it recorded the id. */
interface DropletRef {
  name: string;
  id?: string;
  driverData?: Record<string, unknown>;
}

/** Of several with the same name, the one whose id is recorded, else the oldest. */
export function findDroplet(droplets: readonly Droplet[], wanted: DropletRef): Droplet | undefined {
  const id = idOf(wanted);
  const named = droplets.filter(({ name }) => name === wanted.name).sort((a, b) => a.id - b.id);
  return droplets.find((droplet) => String(droplet.id) === id) ?? named[0];
}

/** Droplets that were created twice because a response was lost: all but the one that is kept. */
export function duplicates(droplets: readonly Droplet[], wanted: readonly DropletRef[]): Droplet[] {
  return wanted.flatMap((one) => {
    const kept = findDroplet(droplets, one);
    return droplets.filter(({ name, id }) => name === one.name && id !== kept?.id);
  });
}

/** docker-machine's records have the id in their own field. */
export function idOf({ id, driverData }: DropletRef | Machine): string | undefined {
  const imported = driverData?.['DropletID'];
  return id ?? (imported ? String(imported) : undefined);
}

export function stateOf({ status }: Droplet): MachineState {
  return states[status];
}

const states: Readonly<Record<Droplet['status'], MachineState>> = {
  new: 'starting',
  active: 'running',
  off: 'stopped',
  archive: 'error',
};

/** As recorded at creation; the setting decides for machines that docker-machine created. */
export function isPrivate(
  { driverData }: DropletRef | Machine,
  { privateNetworking }: Pick<DigitalOceanSettings, 'privateNetworking'>,
): boolean {
  const recorded = driverData?.['privateNetworking'];
  return typeof recorded === 'boolean' ? recorded : privateNetworking;
}

/** The API lists networks in no particular order. */
export function addressesOf({ networks }: Droplet, withPrivate: boolean): Addresses {
  const of = (type: string) => networks.v4.find((network) => network.type === type)?.ip_address;
  const [publicIp, privateIp] = [of('public'), of('private')];
  return { ...(publicIp && { public: publicIp }), ...(withPrivate && privateIp && { private: privateIp }) };
}

/** Marks everything that belt creates in the account. */
export const sharedTag = 'belt';

const idPrefix = 'belt-id:';
const namePrefix = 'belt-cluster:';

export function idTag({ id }: ClusterRef): string {
  return `${idPrefix}${id}`;
}

/** Part of the create request, so that no droplet is ever without them. */
export function tagsOf(cluster: ClusterRef, more: readonly string[]): string[] {
  const name = cluster.name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  return [...new Set([sharedTag, `${namePrefix}${name}`, idTag(cluster), ...more])];
}

/** Undefined: belt's tags were removed. Characters that tags cannot have are `_` in the name. */
export function clusterOf(tags: readonly string[]): ClusterRef | undefined {
  const of = (prefix: string) => tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length);
  const [id, name] = [of(idPrefix), of(namePrefix)];
  return id && name ? { id, name } : undefined;
}

export function sharedName({ name, id }: ClusterRef): string {
  return `belt-${name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}-${id}`;
}
