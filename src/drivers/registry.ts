import { UserError } from '../errors.js';
import { closest } from '../machines/suggest.js';
import type { DriverModule } from './driver.js';

type DriverLoader = () => Promise<DriverModule>;

/** belt's own drivers. Each is loaded only when it is used. */
const loaders: Readonly<Record<string, DriverLoader>> = {
  amazonec2: async () => (await import('./amazonec2/index.js')).driver,
  digitalocean: async () => (await import('./digitalocean/index.js')).driver,
  generic: async () => (await import('./generic/index.js')).driver,
  none: async () => (await import('./none/index.js')).driver,
  nspawn: async () => (await import('./nspawn/index.js')).driver,
  virtualbox: async () => (await import('./virtualbox/index.js')).driver,
};

/** Short names, for people only: records and settings have the long ones. */
const aliases: Readonly<Record<string, string>> = { ec2: 'amazonec2' };

/** The driver's own name. One that is not known stays as it is. */
export function driverNameOf(written: string): string {
  return (Object.hasOwn(aliases, written) ? aliases[written] : undefined) ?? written;
}

export const driverNames: readonly string[] = Object.keys(loaders);

/** @throws UserError for a name that no driver has. */
export async function loadDriver(name: string): Promise<DriverModule> {
  const load = Object.hasOwn(loaders, name) ? loaders[name] : undefined;
  if (load) return load();
  const meant = closest(name, driverNames);
  throw new UserError(`no driver is called "${name}"`, {
    hint: `${meant ? `did you mean ${meant}? ` : ''}drivers: ${driverNames.join(', ')}`,
  });
}
