import type { Context } from '../app/context.js';
import { nameHint } from '../base/closest.js';
import { UsageError, UserError } from '../base/errors.js';
import { quoteArgs } from '../base/quote-args.js';
import type { Templates } from '../base/templates.js';
import type { DriverModule } from '../drivers/driver.js';
import { type Edit, editSettings } from '../state/edit-settings.js';
import {
  convertSetting,
  generalSettings,
  requireKnownSections,
  resolveDriverSettings,
  type SettingDefinition,
  type SettingValue,
  valuesOf,
} from '../state/settings.js';
import { parseSettings } from '../state/settings-file.js';

export function newConfig(name: string, driver: DriverModule, templates: Templates): Promise<string> {
  const keys = driver.settings.filter(({ secret }) => !secret).map(({ key }) => key);
  return templates.render('cluster/config.yml', { name, driver: driver.name, keys: keys.join(', ') });
}

/** @throws UsageError for an unknown key, a secret, or a value of the wrong type */
export function readDefinitions(words: readonly string[], { name: driver, settings }: DriverModule): Edit[] {
  return words.map((word) => {
    const [, written = '', text = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    if (written === '') throw new UsageError(`"${word}" is not KEY=VALUE`, { hint: 'image=debian-12' });
    const key = written.replaceAll('-', '_');
    const ofDriver = settings.find((setting) => setting.key === key);
    const definition = ofDriver ?? generalSettings.find((setting) => setting.key === key);
    if (!definition) throw unknownKey(written, driver, settings);
    if (ofDriver?.secret) throw secretError(key, ofDriver.env?.[0]);
    const value = text === '' ? undefined : typed(text, definition, word);
    return { ...(ofDriver && { section: driver }), key, ...(value !== undefined && { value }) };
  });
}

function typed(text: string, definition: SettingDefinition, word: string): SettingValue {
  try {
    return convertSetting(text, definition, `"${word}"`);
  } catch (error) {
    throw error instanceof UserError ? new UsageError(error.message) : error;
  }
}

function unknownKey(key: string, driver: string, settings: readonly SettingDefinition[]): UsageError {
  const known = [...settings, ...generalSettings].map((setting) => setting.key);
  return new UsageError(`"${key}" is not a setting of the ${driver} driver`, { hint: nameHint(key, known) });
}

function secretError(key: string, variable: string | undefined): UsageError {
  return new UsageError(`${key} is a secret, and belt does not write secrets to files`, {
    ...(variable !== undefined && { hint: `set ${variable} in the environment` }),
  });
}

/** @throws UserError when the result is not valid for the driver */
export async function changeConfig(
  path: string,
  text: string,
  edits: readonly Edit[],
  driver: DriverModule,
  driverNames: readonly string[],
): Promise<string> {
  const changed = await editSettings(path, text, edits);
  const file = await parseSettings(path, changed);
  requireKnownSections(file, driverNames, { groups: true });
  const resolved = resolveDriverSettings(driver.name, driver.settings, { variables: {}, files: [file] });
  await driver.checkSettings?.(valuesOf(resolved));
  return changed;
}

/** A cluster's driver with its effective settings, without secrets. */
export interface ClusterConfig {
  driver: string;
  settings: Record<string, SettingValue>;
}

export async function clusterConfig({ settings }: Context): Promise<ClusterConfig> {
  const driver = await settings.driver();
  const resolved = Object.entries(await settings.of(driver)).filter(([, { secret }]) => !secret);
  resolved.sort(([one], [other]) => (one < other ? -1 : 1));
  return { driver, settings: valuesOf(Object.fromEntries(resolved)) };
}

/** As a section of config.yml. */
export async function configYaml({ driver, settings }: ClusterConfig): Promise<string> {
  const { stringify } = await import('../base/yaml.js');
  return stringify({ [driver]: settings }, { lineWidth: 0 }).trimEnd();
}

/** As flags that create another cluster with the same settings. */
export function configFlags({ driver, settings }: ClusterConfig): string {
  const defines = Object.entries(settings).map(
    ([key, value]) => `--define ${key}=${quoteArgs([String(value)])}`,
  );
  return [`--driver ${driver}`, ...defines].join(' ');
}
