import { UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import type { Setting, SettingValues } from '../driver.js';

interface SettingField<T> extends Omit<Setting, 'key'> {
  /** @throws UserError for a value that cannot work anywhere */
  read(value: SettingValues[string], key: string): T;
}

type SettingFields = Readonly<Record<string, SettingField<unknown>>>;

type SettingsOf<F extends SettingFields> = {
  [K in keyof F]: F[K] extends SettingField<infer T> ? T : never;
};

interface DefinedSettings<F extends SettingFields> {
  readonly list: readonly Setting[];
  /** @throws UserError for a value that cannot work anywhere */
  read(values: SettingValues): SettingsOf<F>;
}

/** Declares a driver's settings once. A field `vpcId` has the key `vpc_id` in files. */
export function defineSettings<F extends SettingFields>(fields: F): DefinedSettings<F> {
  const entries = Object.entries(fields).map(([name, field]) => ({ name, key: snakeCase(name), field }));
  return {
    list: entries.map(({ key, field: { read: _, ...setting } }) => ({ key, ...setting })),
    read: (values) =>
      Object.fromEntries(
        entries.map(({ name, key, field }) => [name, field.read(values[key], key)]),
      ) as SettingsOf<F>,
  };
}

type FieldOptions<D> = Pick<Setting, 'summary' | 'env' | 'secret' | 'flag'> & { default?: D };

/** Undefined is possible only where there is no default. */
type Optional<T, D> = D extends undefined ? T | undefined : T;

/**
 * Text; an empty value counts as not set.
 * @param options.parse - refuses a value by returning undefined, with `expected` as the reason
 * @param options.required - refuses an empty value instead of using the default
 */
export function text<T, D extends string | undefined = undefined>(
  options: FieldOptions<D> & { parse: (text: string) => T | undefined; expected?: string },
): SettingField<Optional<T, D>>;
export function text<D extends string | undefined = undefined>(
  options: FieldOptions<D> & { required?: true },
): SettingField<Optional<string, D>>;
export function text({
  parse = (written) => written,
  expected = 'valid',
  required,
  ...setting
}: FieldOptions<string> & {
  parse?: (text: string) => unknown;
  expected?: string;
  required?: true;
}): SettingField<unknown> {
  return {
    ...setting,
    type: 'string',
    read(value, key) {
      if (value === '' && required) throw new UserError(`the setting ${key} is empty`);
      const written = value === '' || value === undefined ? setting.default : value;
      if (written === undefined) return undefined;
      if (typeof written !== 'string') throw invalidSetting(key, 'text', written);
      const parsed = parse(written);
      if (parsed === undefined) throw invalidSetting(key, expected, written);
      return parsed;
    },
  };
}

/** Text that is never shown, and never written to a file by belt. */
export function secret(setting: Omit<FieldOptions<undefined>, 'secret'>): SettingField<string | undefined> {
  return text({ ...setting, secret: true });
}

export function choice<const T extends string>(
  choices: readonly T[],
  setting: FieldOptions<NoInfer<T>> & { default: NoInfer<T> },
): SettingField<T> {
  const expected = choices.length > 2 ? `one of ${choices.join(', ')}` : choices.join(' or ');
  const parse = (written: string) => choices.find((known) => known.toLowerCase() === written.toLowerCase());
  return { ...text<T, T>({ ...setting, parse, expected }), choices };
}

export function integer<D extends number | undefined = undefined>(
  options: FieldOptions<D> & { min: number; max: number },
): SettingField<Optional<number, D>>;
export function integer({
  min,
  max,
  ...setting
}: FieldOptions<number> & { min: number; max: number }): SettingField<number | undefined> {
  return {
    ...setting,
    type: 'integer',
    read(value = setting.default, key) {
      if (value === undefined) return undefined;
      if (Number.isInteger(value) && Number(value) >= min && Number(value) <= max) return Number(value);
      throw invalidSetting(key, `a whole number from ${min} to ${max}`, value);
    },
  };
}

export function port<D extends number | undefined = undefined>(
  setting: FieldOptions<D>,
): SettingField<Optional<number, D>>;
export function port(setting: FieldOptions<number>): SettingField<number | undefined> {
  return {
    ...setting,
    type: 'integer',
    read: (value = setting.default, key) =>
      value === undefined ? undefined : requirePort(`the setting ${key}`, value),
  };
}

export function boolean(setting: FieldOptions<boolean>): SettingField<boolean> {
  return { ...setting, type: 'boolean', read: (value = setting.default) => value === true };
}

/** Items are trimmed, empty ones dropped, and no items at all count as not set. */
export function list<T>(
  setting: FieldOptions<readonly string[]> & { parse: (items: readonly string[]) => T },
): SettingField<T>;
export function list(setting: FieldOptions<readonly string[]>): SettingField<readonly string[]>;
export function list({
  parse = (items) => items,
  ...setting
}: FieldOptions<readonly string[]> & {
  parse?: (items: readonly string[]) => unknown;
}): SettingField<unknown> {
  return {
    ...setting,
    type: 'list',
    read(value) {
      const items = itemsOf(value);
      return parse(items.length > 0 ? items : (setting.default ?? []));
    },
  };
}

export function matching(form: RegExp): (text: string) => string | undefined {
  return (written) => (form.test(written) ? written : undefined);
}

/** @param what completes "WHAT must be a port number". @throws UserError */
export function requirePort(what: string, value: unknown): number {
  const number = /^\d{1,5}$/.test(String(value)) ? Number(value) : 0;
  if (number >= 1 && number <= 65_535) return number;
  throw new UserError(`${what} must be a port number, 1 to 65535, not ${JSON.stringify(value)}`);
}

export function recordedSetting({ driverData }: Pick<Machine, 'driverData'>, key: string): SettingValues {
  const value = driverData[key];
  return typeof value === 'string' ? { [key]: value } : {};
}

function invalidSetting(key: string, expected: string, value: unknown): UserError {
  return new UserError(`the setting ${key} must be ${expected}, not ${JSON.stringify(value)}`);
}

function itemsOf(value: SettingValues[string]): readonly string[] {
  if (!Array.isArray(value)) return splitList(String(value ?? ''));
  return (value as readonly string[]).map((item) => item.trim()).filter((item) => item !== '');
}

export function splitList(written: string): string[] {
  return written
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
