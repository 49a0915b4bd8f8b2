import { UserError } from '../errors.js';
import { closest } from '../machines/suggest.js';
import type { Variables } from './environment.js';
import type { SettingsFile, WrittenSetting } from './settings-file.js';

/** What can be set: a driver's `Setting` (src/drivers/driver.ts) has this shape, which the arrows keep from being imported here. */
export interface SettingDefinition {
  key: string;
  type: 'string' | 'integer' | 'boolean' | 'list';
  default?: SettingValue;
  env?: readonly string[];
  secret?: boolean;
  /** The flag's name, where it is not `<driver>-<key>`. */
  flag?: false | string;
}

export type SettingValue = string | number | boolean | readonly string[];

export interface ResolvedSetting {
  value: SettingValue;
  /** Where it came from: `flag --nspawn-image`, `environment NSPAWN_IMAGE`, `/p/.belt.yaml line 3`, `default`. */
  origin: string;
  /** Never shown, never written to a file. */
  secret: boolean;
}

export type ResolvedSettings = Readonly<Record<string, ResolvedSetting>>;

export interface SettingSources {
  /** By key; a flag that was not given is absent or undefined. */
  flags?: Readonly<Record<string, SettingValue | undefined>>;
  variables: Variables;
  /** Strongest first: the cluster's config.yml, the project's .belt.yaml, the user's ~/.belt.yaml. */
  files: readonly SettingsFile[];
}

/** What belt itself can be told, at the top of a settings file beside the drivers' sections. */
export const generalSettings = [
  { key: 'driver', type: 'string', env: ['MACHINE_DRIVER'] },
  { key: 'key_type', type: 'string', env: ['BELT_KEY_TYPE'] },
] as const satisfies readonly SettingDefinition[];

/**
 * The settings of one driver: for each, the strongest of flag, environment, files and default. One that nothing sets is absent.
 * @throws UserError for a key in a file that the driver does not have, and for a value of the wrong type, saying where it stands
 */
export function resolveDriverSettings(
  driver: string,
  definitions: readonly SettingDefinition[],
  sources: SettingSources,
): ResolvedSettings {
  for (const file of sources.files) {
    for (const written of file.sections.get(driver)?.entries.values() ?? []) {
      refuseUnknown(
        written,
        definitions.map(({ key }) => key),
        `setting of the ${driver} driver`,
      );
    }
  }
  return resolveAll(definitions, {
    ...sources,
    flagName: ({ key, flag }) => `--${flag || `${driver}-${key.replaceAll('_', '-')}`}`,
    writtenIn: (file, key) => file.sections.get(driver)?.entries.get(key),
  });
}

/**
 * The driver of machines to be made: --driver, MACHINE_DRIVER, the files, and on Linux `nspawn`.
 * @throws UserError when nothing says which
 */
export function resolveDriver(
  platform: NodeJS.Platform,
  sources: SettingSources,
): { value: string; origin: string } {
  const driver = resolveGeneral('driver', sources);
  if (driver) return driver;
  if (platform === 'linux') return { value: 'nspawn', origin: 'default' };
  throw new UserError('no driver chosen, and only Linux has a default one', {
    hint: 'choose one with -d DRIVER, or with "driver: NAME" in .belt.yaml',
  });
}

/** One of the general settings; undefined where nothing sets it. */
export function resolveGeneral(
  key: (typeof generalSettings)[number]['key'],
  sources: SettingSources,
): { value: string; origin: string } | undefined {
  const { [key]: found } = resolveAll(generalSettings, {
    ...sources,
    flagName: (definition) => `--${definition.key}`,
    writtenIn: (file, name) => file.general.get(name),
  });
  return found && { value: String(found.value), origin: found.origin };
}

/**
 * Refuses what stands at the top of a settings file and is neither a general setting nor a driver.
 * @throws UserError with the line and, for a slip, what was probably meant
 */
export function requireKnownSections(files: readonly SettingsFile[], driverNames: readonly string[]): void {
  const general: readonly string[] = generalSettings.map(({ key }) => key);
  for (const file of files) {
    for (const written of file.general.values()) {
      if (driverNames.includes(written.key)) {
        if (written.value === undefined) continue;
        throw new UserError(
          `${written.origin}: "${written.key}" is a driver, and must hold settings by name`,
          {
            hint: `as in:\n${written.key}:\n  KEY: VALUE`,
          },
        );
      }
      refuseUnknown(written, [...general, ...driverNames], 'setting or driver');
    }
    for (const section of file.sections.values()) {
      if (general.includes(section.key))
        throw new UserError(`${section.origin}: ${section.key} must be one value`);
      refuseUnknown(section, [...general, ...driverNames], 'setting or driver');
    }
  }
}

/** The bare values, as a driver takes them. */
export function valuesOf(settings: ResolvedSettings): Record<string, SettingValue> {
  return Object.fromEntries(Object.entries(settings).map(([key, { value }]) => [key, value]));
}

/** A line a setting, for --debug: `image = trixie (default)`. Secrets are not shown. */
export function describeSettings(settings: ResolvedSettings): string[] {
  return Object.entries(settings).map(
    ([key, { value, origin, secret }]) => `${key} = ${secret ? '[redacted]' : String(value)} (${origin})`,
  );
}

interface Lookup extends SettingSources {
  flagName: (definition: SettingDefinition) => string;
  writtenIn: (file: SettingsFile, key: string) => WrittenSetting | undefined;
}

function resolveAll(definitions: readonly SettingDefinition[], lookup: Lookup): ResolvedSettings {
  const resolved: Record<string, ResolvedSetting> = {};
  for (const definition of definitions) {
    const found = find(definition, lookup);
    if (!found) continue;
    const value = convert(found.raw, definition, found.origin);
    resolved[definition.key] = { value, origin: found.origin, secret: definition.secret ?? false };
  }
  return resolved;
}

interface Found {
  raw: SettingValue;
  origin: string;
}

function find(definition: SettingDefinition, lookup: Lookup): Found | undefined {
  const { key } = definition;
  const flag = lookup.flags?.[key];
  if (flag !== undefined) return { raw: flag, origin: `flag ${lookup.flagName(definition)}` };
  for (const name of definition.env ?? []) {
    const value = lookup.variables[name];
    // docker-machine takes an empty variable for one that is not set.
    if (value) return { raw: value, origin: `environment ${name}` };
  }
  for (const file of lookup.files) {
    const written = lookup.writtenIn(file, key);
    if (written?.value !== undefined) return { raw: written.value, origin: written.origin };
  }
  return definition.default === undefined ? undefined : { raw: definition.default, origin: 'default' };
}

function convert(raw: SettingValue, { key, type, secret }: SettingDefinition, origin: string): SettingValue {
  const value = converters[type](raw);
  if (value !== undefined) return value;
  const shown = secret ? '' : `, not ${JSON.stringify(raw)}`;
  throw new UserError(`${origin}: ${key} must be ${expectations[type]}${shown}`);
}

const expectations: Readonly<Record<SettingDefinition['type'], string>> = {
  string: 'one value',
  integer: 'a whole number',
  boolean: 'true or false',
  list: 'a list',
};

/** What Go's ParseBool, and so docker-machine, and what YAML 1.1 takes for a boolean. */
const yes = ['true', 't', 'yes', 'on', '1'];
const no = ['false', 'f', 'no', 'off', '0'];

const converters: Readonly<
  Record<SettingDefinition['type'], (raw: SettingValue) => SettingValue | undefined>
> = {
  string: (raw) => (typeof raw === 'object' ? undefined : String(raw)),
  integer: (raw) =>
    /^[+-]?\d{1,15}$/.test(String(raw)) && typeof raw !== 'object' ? Number(raw) : undefined,
  boolean: (raw) => (typeof raw === 'object' ? undefined : toBoolean(String(raw).toLowerCase())),
  list: (raw) =>
    typeof raw === 'object'
      ? raw
      : String(raw)
          .split(',')
          .map((item) => item.trim())
          .filter(Boolean),
};

function toBoolean(word: string): boolean | undefined {
  if (yes.includes(word)) return true;
  return no.includes(word) ? false : undefined;
}

function refuseUnknown(
  { key, origin }: { key: string; origin: string },
  known: readonly string[],
  what: string,
): void {
  if (known.includes(key)) return;
  const suggestion = closest(key, known);
  throw new UserError(`${origin}: "${key}" is no ${what}`, {
    hint: suggestion ? `did you mean "${suggestion}"?` : `known: ${known.join(', ')}`,
  });
}
