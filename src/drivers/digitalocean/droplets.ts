import type { Addresses, Machine, MachineState } from '../../machines/model/machine.js';
import type { Droplet } from './api-types.js';
import type { DigitalOceanSettings } from './digitalocean-settings.js';

/** What tells a droplet in the cluster's list: its id, or its name when belt was killed before it learned the id. */
export interface Wanted {
  name: string;
  id?: string;
  driverData?: Record<string, unknown>;
}

/** Of several with the same name, the one whose id is recorded, or else the first that was made. */
export function pick(droplets: readonly Droplet[], wanted: Wanted): Droplet | undefined {
  const id = idOf(wanted);
  const named = droplets.filter(({ name }) => name === wanted.name).sort((a, b) => a.id - b.id);
  return droplets.find((droplet) => String(droplet.id) === id) ?? named[0];
}

/** Droplets that were made twice, because the answer to the first order was lost: each of a wanted name that is not the picked one. */
export function doubles(droplets: readonly Droplet[], wanted: readonly Wanted[]): Droplet[] {
  return wanted.flatMap((one) => {
    const picked = pick(droplets, one);
    return droplets.filter(({ name, id }) => name === one.name && id !== picked?.id);
  });
}

/** docker-machine's records have the id in their own field. */
export function idOf({ id, driverData }: Wanted | Machine): string | undefined {
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

/**
 * Whether the machines of the cluster reach this one at its private address: decided when it is made and recorded, so that later commands need
 * not have it set. Of one that docker-machine made, what is set tells.
 */
export function isPrivate(
  { driverData }: Wanted | Machine,
  { privateNetworking }: Pick<DigitalOceanSettings, 'privateNetworking'>,
): boolean {
  const decided = driverData?.['privateNetworking'];
  return typeof decided === 'boolean' ? decided : privateNetworking;
}

/** In no certain order: the private one may come first. */
export function addressesOf({ networks }: Droplet, withPrivate: boolean): Addresses {
  const of = (type: string) => networks.v4.find((network) => network.type === type)?.ip_address;
  const [open, inner] = [of('public'), of('private')];
  return { ...(open && { public: open }), ...(withPrivate && inner && { private: inner }) };
}
