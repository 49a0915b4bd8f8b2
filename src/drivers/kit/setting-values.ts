import { UserError } from '../../base/errors.js';
import type { Machine, SettingValues } from '../driver.js';

/** Readers of merged settings, for drivers. What is empty counts as not set. */

/** @throws UserError for what is no text */
export function textOf(values: SettingValues, key: string): string | undefined {
  const value = values[key];
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new UserError(`the setting ${key} must be text, not ${JSON.stringify(value)}`);
}

/** @throws UserError for what is not in the range */
export function integerOf(
  values: SettingValues,
  key: string,
  { from, to }: { from: number; to: number },
): number | undefined {
  const value = values[key];
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && Number(value) >= from && Number(value) <= to) return Number(value);
  throw new UserError(
    `the setting ${key} must be a whole number from ${from} to ${to}, not ${JSON.stringify(value)}`,
  );
}

/** What a machine's record has under a setting's own key. */
export function recordedOf({ driverData }: Pick<Machine, 'driverData'>, key: string): SettingValues {
  const value = driverData[key];
  return typeof value === 'string' ? { [key]: value } : {};
}

export function flagOf(values: SettingValues, key: string): boolean {
  return values[key] === true;
}

/** The items of a list, trimmed, without empty ones. */
export function listOf(values: SettingValues, key: string): string[] {
  const value = values[key];
  const items = Array.isArray(value) ? (value as readonly string[]) : String(value ?? '').split(',');
  return items.map((item) => item.trim()).filter((item) => item !== '');
}
