import { closest } from '../base/closest.js';
import { UserError } from '../base/errors.js';
import type { DriverModule } from './driver.js';

export type DriverLoader = () => Promise<DriverModule>;

/** The drivers that there are, by name. */
export interface Drivers {
  /** belt's own first. */
  readonly names: readonly string[];
  /** The driver's own name, for one of people's short names. One that is not known stays as it is. */
  nameOf(written: string): string;
  /** @throws UserError for a name that no driver has, or a plugin's driver that cannot be loaded */
  load(name: string): Promise<DriverModule>;
}

/** belt's own drivers. Each is loaded only when it is used. */
const own: Readonly<Record<string, DriverLoader>> = {
  amazonec2: async () => (await import('./amazonec2/index.js')).driver,
  digitalocean: async () => (await import('./digitalocean/index.js')).driver,
  generic: async () => (await import('./generic/index.js')).driver,
  none: async () => (await import('./none/index.js')).driver,
  nspawn: async () => (await import('./nspawn/index.js')).driver,
  virtualbox: async () => (await import('./virtualbox/index.js')).driver,
};

/** Short names, for people only: records and settings have the long ones. */
const aliases: ReadonlyMap<string, string> = new Map([['ec2', 'amazonec2']]);

export const ownDrivers = driversWith(new Map());

/** belt's own drivers and those of plugins; a name that belt's own has is belt's. */
export function driversWith(added: ReadonlyMap<string, DriverLoader>): Drivers {
  const loaders = new Map([...Object.entries(own), ...[...added].filter(([name]) => !isOwnDriver(name))]);
  const names = [...loaders.keys()];
  return {
    names,
    nameOf: (written) => aliases.get(written) ?? written,
    async load(name) {
      const load = loaders.get(name);
      if (load) return load();
      const meant = closest(name, names);
      throw new UserError(`no driver is called "${name}"`, {
        errorCode: 'driver-not-found',
        hint: `${meant ? `did you mean ${meant}? ` : ''}drivers: ${names.join(', ')}; more come as plugins: belt plugins install PACKAGE`,
      });
    },
  };
}

/** Whether the name is one of belt's own drivers, long or short. */
export function isOwnDriver(name: string): boolean {
  return Object.hasOwn(own, name) || aliases.has(name);
}
