import { Flags, type Interfaces } from '@oclif/core';
import type { DriverModule, Setting } from '../drivers/driver.js';
import { builtInDrivers } from '../drivers/registry.js';
import { flagName } from './driver-flag-values.js';

type DriverFlags = Record<string, Interfaces.Flag<unknown>>;

/** One flag per setting of the built-in drivers: `--nspawn-image`. */
export async function builtInDriverFlags(): Promise<DriverFlags> {
  const drivers = await Promise.all(builtInDrivers.names.map(builtInDrivers.load));
  return Object.assign({}, ...drivers.map(flagsOf));
}

/** Without dashes. */
export async function builtInSecretFlags(): Promise<string[]> {
  return (await Promise.all(builtInDrivers.names.map(builtInDrivers.load))).flatMap(secretFlagsOf);
}

export function flagsOf(driver: DriverModule): DriverFlags {
  return Object.fromEntries(
    driver.settings
      .filter(({ flag }) => flag !== false)
      .map((setting) => [flagName(driver.name, setting), flagFor(setting, driver)]),
  );
}

/** Without dashes. */
export function secretFlagsOf({ name, settings }: Pick<DriverModule, 'name' | 'settings'>): string[] {
  return settings.filter(({ secret }) => secret).map((setting) => flagName(name, setting));
}

/** The heading of a driver's flags in help. */
export function flagGroup(driver: string): string {
  return `${driver.toUpperCase()} DRIVER`;
}

/** Without default and environment, which `state/` merges with their sources. */
function flagFor(
  { summary, type, choices, env = [] }: Setting,
  { name }: DriverModule,
): Interfaces.Flag<unknown> {
  const [variable] = env;
  const options = {
    summary: variable ? `${summary} [$${variable}]` : summary,
    helpGroup: flagGroup(name),
    ...(choices && { helpValue: choices.join('|') }),
  };
  if (type === 'boolean') return Flags.boolean(options) as Interfaces.Flag<unknown>;
  if (type === 'integer') return Flags.integer(options) as Interfaces.Flag<unknown>;
  if (type === 'list')
    return Flags.string({ ...options, multiple: true, multipleNonGreedy: true }) as Interfaces.Flag<unknown>;
  return Flags.string(options) as Interfaces.Flag<unknown>;
}
