import { closest, nameHint } from '../base/closest.js';
import { UserError } from '../base/errors.js';
import type { Variables } from './environment.js';
import { notAValueError, type Section, type SettingsFile, type WrittenSetting } from './settings-file.js';

/** The shape of a driver's `Setting` (src/drivers/driver.ts), which must not be imported here. */
export interface SettingDefinition {
  key: string;
  type: 'string' | 'integer' | 'boolean' | 'list';
  default?: SettingValue;
  env?: readonly string[];
  secret?: boolean;
  /** The flag's name; default: `<driver>-<key>`. False: no flag. */
  flag?: false | string;
}

export type SettingValue = string | number | boolean | readonly string[];

interface ResolvedSetting {
  value: SettingValue;
  /** `flag --nspawn-image`, `environment NSPAWN_IMAGE`, `/p/.belt.yaml line 3` or `default`. */
  origin: string;
  /** Never shown, never written to a file. */
  secret: boolean;
}

export type ResolvedSettings = Readonly<Record<string, ResolvedSetting>>;

export interface SettingSources {
  /** By key. */
  flags?: Readonly<Record<string, SettingValue | undefined>>;
  /** By key: a group's own settings, which only flags override. */
  group?: Readonly<Record<string, { value: SettingValue; origin: string }>>;
  variables: Variables;
  /** Strongest first: the cluster's config.yml, the project's .belt.yaml, ~/.belt.yaml. */
  files: readonly SettingsFile[];
}

/** belt's own settings at the top level of a settings file. */
export const generalSettings = [
  { key: 'driver', type: 'string', env: ['MACHINE_DRIVER'] },
  { key: 'key_type', type: 'string', env: ['BELT_KEY_TYPE'] },
  { key: 'docker_client', type: 'string', env: ['BELT_DOCKER_CLIENT'] },
] as const satisfies readonly SettingDefinition[];

/**
 * Omits settings without a value.
 * @throws UserError for an unknown key in a file, or a value of the wrong type
 */
export function resolveDriverSettings(
  driver: string,
  definitions: readonly SettingDefinition[],
  sources: SettingSources,
): ResolvedSettings {
  const flagName: Lookup['flagName'] = ({ key, flag }) =>
    `--${flag || `${driver}-${key.replaceAll('_', '-')}`}`;
  return resolveSection(
    driver,
    { definitions, what: `a setting of the ${driver} driver`, flagName },
    sources,
  );
}

export interface SectionDefinition {
  definitions: readonly SettingDefinition[];
  /** Completes `"regoin" is not ...`. */
  what: string;
  flagName: (definition: SettingDefinition) => string;
}

export function resolveSection(
  name: string,
  { definitions, what, flagName }: SectionDefinition,
  sources: SettingSources,
): ResolvedSettings {
  const keys = definitions.map(({ key }) => key);
  for (const file of sources.files)
    for (const written of file.sections.get(name)?.entries.values() ?? []) refuseUnknown(written, keys, what);
  const writtenIn: Lookup['writtenIn'] = (file, key) => file.sections.get(name)?.entries.get(key);
  return resolveAll(definitions, { ...sources, flagName, writtenIn });
}

/** --driver, MACHINE_DRIVER, the files, or `nspawn` on Linux. @throws UserError without any */
export function resolveDriver(
  platform: NodeJS.Platform,
  sources: SettingSources,
): { value: string; origin: string } {
  const driver = resolveGeneral('driver', sources);
  if (driver) return driver;
  if (platform === 'linux') return { value: 'nspawn', origin: 'default' };
  throw new UserError('no driver chosen, and only Linux has a default one', {
    hint: 'choose digitalocean, amazonec2, virtualbox or generic with -d DRIVER, or with "driver: NAME" in .belt.yaml',
  });
}

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

/** @throws UserError with the line and the closest known key */
export function requireKnownSections(
  file: SettingsFile,
  driverNames: readonly string[],
  { groups }: { groups: boolean },
): void {
  const general: readonly string[] = generalSettings.map(({ key }) => key);
  const sectionNames = [...driverNames, engineSection];
  const known = [...general, ...sectionNames, ...(groups ? groupsWithRole : [])];
  const what = groups ? 'a setting, driver or group' : 'a setting or driver';
  for (const written of file.general.values()) {
    if (!sectionNames.includes(written.key)) refuseUnknown(written, known, what);
    if (general.includes(written.key) || written.value === undefined) continue;
    throw new UserError(
      `${written.origin}: "${written.key}" is ${kindOf(written.key, driverNames)}, and must hold settings by name`,
      { hint: `write KEY: VALUE, indented, on the lines below ${written.key}:` },
    );
  }
  for (const section of file.sections.values()) {
    if (general.includes(section.key))
      throw new UserError(`${section.origin}: ${section.key} must be one value`);
    if (sectionNames.includes(section.key)) refuseMaps(section);
    else if (!isGroup(section)) refuseUnknown(section, known, what, pluginHint);
    else if (!groups) throw misplacedGroup(section);
  }
}

/** The section may belong to a driver of a plugin. */
const pluginHint = ', or install a driver: belt plugins install PACKAGE';

/** The flags `--engine-*` in a file. */
export const engineSection = 'engine';

/** Group names that imply the role. */
export const groupsWithRole = ['managers', 'workers'] as const;

/** Any section with nodes, or a misspelled usual group. */
export function isGroup({ key, entries }: Section): boolean {
  return entries.has('nodes') || groupsWithRole.some((name) => name === key);
}

function kindOf(key: string, driverNames: readonly string[]): string {
  if (driverNames.includes(key)) return 'a driver';
  return key === engineSection ? 'a section' : 'a group';
}

function misplacedGroup({ key, origin }: Section): UserError {
  return new UserError(
    `${origin}: "${key}" is a group of machines, and those belong in a cluster's config.yml`,
    { hint: 'belt cluster new NAME' },
  );
}

function refuseMaps({ sections }: Section): void {
  for (const { origin } of sections.values()) throw notAValueError(origin);
}

/** A config.yml with settings of just one driver and no `driver` key implies that driver. */
export function withImpliedDriver(file: SettingsFile, driverNames: readonly string[]): SettingsFile {
  const [section, ...more] = [...file.sections.values()].filter(({ key }) => driverNames.includes(key));
  if (!section || more.length > 0 || file.general.get('driver')?.value !== undefined) return file;
  const driver: WrittenSetting = { key: 'driver', value: section.key, origin: section.origin };
  return { ...file, general: new Map([...file.general, ['driver', driver]]) };
}

/** The values as drivers take them. */
export function valuesOf(settings: ResolvedSettings): Record<string, SettingValue> {
  return Object.fromEntries(Object.entries(settings).map(([key, { value }]) => [key, value]));
}

/** For --debug: `image = trixie (default)`. Secrets are not shown. */
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
    const value = convertSetting(found.raw, definition, found.origin);
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
  const groupSetting = lookup.group?.[key];
  if (groupSetting) return { raw: groupSetting.value, origin: groupSetting.origin };
  for (const name of definition.env ?? []) {
    const value = lookup.variables[name];
    // As in docker-machine, an empty variable counts as unset.
    if (value) return { raw: value, origin: `environment ${name}` };
  }
  for (const file of lookup.files) {
    const written = lookup.writtenIn(file, key);
    if (written?.value !== undefined) return { raw: written.value, origin: written.origin };
  }
  return definition.default === undefined ? undefined : { raw: definition.default, origin: 'default' };
}

/** @throws UserError for a value of another type */
export function convertSetting(
  raw: SettingValue,
  { key, type, secret }: SettingDefinition,
  origin: string,
): SettingValue {
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

/** The booleans of Go's ParseBool, which docker-machine uses, and of YAML 1.1. */
const trueWords = ['true', 't', 'yes', 'on', '1'];
const falseWords = ['false', 'f', 'no', 'off', '0'];

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
  if (trueWords.includes(word)) return true;
  return falseWords.includes(word) ? false : undefined;
}

/** @param what with its article. @param more appended to the known keys. @throws UserError */
export function refuseUnknown(
  { key, origin }: { key: string; origin: string },
  known: readonly string[],
  what: string,
  more = '',
): void {
  if (known.includes(key)) return;
  const hint = nameHint(key, known);
  throw new UserError(`${origin}: "${key}" is not ${what}`, {
    hint: closest(key, known) ? hint : `${hint}${more}`,
  });
}
