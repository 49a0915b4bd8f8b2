import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import type { MachineSize, ProviderRegion } from '../drivers/driver.js';

export type { MachineSize, ProviderRegion } from '../drivers/driver.js';

/** @throws UserError for a driver without sizes */
export async function listSizes(driverName: string, context: Context): Promise<MachineSize[]> {
  const driver = await context.driver(driverName);
  if (driver.sizes) return driver.sizes(context.signal);
  const reason = driver.adopt ? 'it adopts existing servers' : 'it does not report any';
  throw new UserError(`driver ${driverName} has no sizes: ${reason}`);
}

/** @throws UserError for a driver without regions */
export async function listRegions(driverName: string, context: Context): Promise<ProviderRegion[]> {
  const driver = await context.driver(driverName);
  if (driver.regions) return driver.regions(context.signal);
  throw new UserError(`driver ${driverName} has no regions`);
}
