import type { Setting } from '../drivers/driver.js';

/** Without dashes: `nspawn-image`. */
export function flagName(driver: string, { key, flag }: Pick<Setting, 'key' | 'flag'>): string {
  return flag || `${driver}-${key.replaceAll('_', '-')}`;
}

/** The given values of a driver's flags, by the setting's key. */
export function givenDriverSettings(
  driver: string,
  settings: readonly Setting[],
  flags: Readonly<Record<string, unknown>>,
): Record<string, string | number | boolean | string[] | undefined> {
  const given = settings.filter((setting) => setting.flag !== false);
  return Object.fromEntries(
    given.map((setting) => [setting.key, flags[flagName(driver, setting)] as string | undefined]),
  );
}
