import { Flags, type Interfaces } from '@oclif/core';
import { UsageError } from '../base/errors.js';
import type { DriverModule, Setting } from '../drivers/driver.js';
import { builtInDrivers } from '../drivers/registry.js';
import { oneLine } from '../ui/safe-text.js';
import { flagName } from './driver-flag-values.js';

type DriverFlags = Record<string, Interfaces.Flag<unknown>>;

/** One flag per setting of the built-in drivers: `--nspawn-image`. */
export async function builtInDriverFlags(): Promise<DriverFlags> {
  return Object.assign({}, ...(await loadBuiltIns()).map(flagsOf));
}

/** Without dashes. */
export async function builtInSecretFlags(): Promise<string[]> {
  return (await loadBuiltIns()).flatMap(secretFlagsOf);
}

function loadBuiltIns(): Promise<DriverModule[]> {
  return Promise.all(builtInDrivers.names.map(builtInDrivers.load));
}

/** They would have no effect. @throws UsageError */
export async function refuseFlagsOfOtherDrivers(
  flags: Readonly<Record<string, unknown>>,
  driver: DriverModule,
): Promise<void> {
  const own = flagsOf(driver);
  for (const other of await loadBuiltIns()) {
    const flag = Object.keys(flagsOf(other)).find((name) => flags[name] !== undefined && !(name in own));
    if (flag !== undefined)
      throw new UsageError(
        `--${flag} is a flag of the ${other.name} driver, but the driver is ${driver.name}`,
        {
          hint: `add -d ${other.name}`,
        },
      );
  }
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

/** Default and environment are only text here: `state/` merges them with their sources. */
function flagFor(setting: Setting, { name }: DriverModule): Interfaces.Flag<unknown> {
  const { type, choices } = setting;
  const options = {
    summary: oneLine(flagSummary(setting)),
    helpGroup: flagGroup(name),
    helpValue: choices?.join('|') ?? (type === 'integer' ? 'N' : 'VALUE'),
  };
  if (type === 'boolean') return Flags.boolean(options) as Interfaces.Flag<unknown>;
  if (type === 'integer') return Flags.integer(options) as Interfaces.Flag<unknown>;
  if (type === 'list')
    return Flags.string({ ...options, multiple: true, multipleNonGreedy: true }) as Interfaces.Flag<unknown>;
  return Flags.string(options) as Interfaces.Flag<unknown>;
}

/** `SSH port (default: 22) [$GENERIC_SSH_PORT]` */
export function flagSummary({ summary, default: value, env: [variable] = [] }: Setting): string {
  const isShown = value !== undefined && typeof value !== 'boolean' && String(value) !== '';
  return `${summary}${isShown ? ` (default: ${value})` : ''}${variable ? ` [$${variable}]` : ''}`;
}
