import { closest } from '../base/closest.js';
import { UsageError, UserError } from '../base/errors.js';
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

/** A cluster's config.yml as text: how a new one begins, and how it changes. */

/** The text of a new one, with nothing set but the driver. */
export function newConfig(name: string, driver: DriverModule, templates: Templates): Promise<string> {
  const keys = driver.settings.filter(({ secret }) => !secret).map(({ key }) => key);
  return templates.render('cluster/config.yml', { name, driver: driver.name, keys: keys.join(', ') });
}

/**
 * Reads `KEY=VALUE` words as changes: settings of the driver, and general ones. Nothing behind the
 * `=` takes the key out.
 * @throws UsageError for a key that does not exist, a secret, or a value of the wrong type
 */
export function readDefinitions(words: readonly string[], { name: driver, settings }: DriverModule): Edit[] {
  return words.map((word) => {
    const [, written = '', text = ''] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    if (written === '')
      throw new UsageError(`"${word}" is not KEY=VALUE`, { hint: 'as in: image=debian-12' });
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
  const suggestion = closest(key, known);
  return new UsageError(`"${key}" is not a setting of the ${driver} driver`, {
    hint: suggestion ? `did you mean "${suggestion}"?` : `known: ${known.join(', ')}`,
  });
}

/** Its value must not be shown, and has been on a command line already. */
function secretError(key: string, variable: string | undefined): UsageError {
  return new UsageError(`${key} is a secret, and belt writes none into files`, {
    ...(variable !== undefined && { hint: `set it in the environment: ${variable}` }),
  });
}

/**
 * The text with the changes made.
 * @param driverNames of all drivers, which may have sections in it
 * @throws UserError when the result would not be good settings of the driver
 */
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
