import { Flags, type Interfaces } from '@oclif/core';
import type { DriverModule, Setting } from '../drivers/driver.js';
import { driverNames, loadDriver } from '../drivers/registry.js';
import { flagName } from './given-settings.js';

/** A flag for each setting of each driver: `--nspawn-image`. */
export async function driverSettingFlags(): Promise<Record<string, Interfaces.Flag<unknown>>> {
  const drivers = await Promise.all(driverNames.map(loadDriver));
  return Object.fromEntries(
    drivers.flatMap((driver) =>
      driver.settings
        .filter(({ flag }) => flag !== false)
        .map((setting) => [flagName(driver.name, setting), flagFor(setting, driver)] as const),
    ),
  );
}

/** No defaults and no environment here: `config/` merges those and knows where each came from. */
function flagFor({ summary, type, env = [] }: Setting, { name }: DriverModule): Interfaces.Flag<unknown> {
  const [variable] = env;
  const options = {
    summary: variable ? `${summary} [$${variable}]` : summary,
    helpGroup: `${name.toUpperCase()} DRIVER`,
  };
  if (type === 'boolean') return Flags.boolean(options) as Interfaces.Flag<unknown>;
  if (type === 'integer') return Flags.integer(options) as Interfaces.Flag<unknown>;
  if (type === 'list')
    return Flags.string({ ...options, multiple: true, multipleNonGreedy: true }) as Interfaces.Flag<unknown>;
  return Flags.string(options) as Interfaces.Flag<unknown>;
}
