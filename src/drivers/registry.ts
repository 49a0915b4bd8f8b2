import { UserError } from '../errors.js';
import type { DriverModule } from './driver.js';

type DriverLoader = () => Promise<DriverModule>;

/** belt's own drivers. Each is loaded only when it is used. */
const loaders: Readonly<Record<string, DriverLoader>> = {
  generic: async () => (await import('./generic/index.js')).driver,
  none: async () => (await import('./none/index.js')).driver,
  nspawn: async () => (await import('./nspawn/index.js')).driver,
};

export const driverNames: readonly string[] = Object.keys(loaders);

/** @throws UserError for a name that no driver has. */
export async function loadDriver(name: string): Promise<DriverModule> {
  const load = Object.hasOwn(loaders, name) ? loaders[name] : undefined;
  if (!load)
    throw new UserError(`no driver is called "${name}"`, { hint: `drivers: ${driverNames.join(', ')}` });
  return load();
}
