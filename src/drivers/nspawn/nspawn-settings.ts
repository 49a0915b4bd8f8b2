import { UserError } from '../../base/errors.js';
import type { Range } from '../../base/ipv4.js';
import type { SettingValues } from '../driver.js';
import { parseRange } from './address-range.js';

export interface NspawnSettings {
  data: string;
  bridge: string;
  /** Absent: belt chooses one that is free. */
  network?: Range;
  image: string;
  mirror: string;
}

/** @throws UserError for a value that cannot work anywhere. */
export function readSettings(values: SettingValues): NspawnSettings {
  const network = text(values, 'network', '');
  return {
    data: dataFolder(text(values, 'data', '/var/lib/belt')),
    bridge: bridgeName(text(values, 'bridge', 'belt0')),
    image: text(values, 'image', 'debian-13'),
    mirror: mirrorUrl(text(values, 'mirror', 'http://deb.debian.org/debian')),
    ...(network === '' ? {} : { network: parseRange(network) }),
  };
}

function text(values: SettingValues, key: string, fallback: string): string {
  const value = values[key];
  if (value === undefined || value === '') return fallback;
  if (typeof value !== 'string')
    throw new UserError(`the setting ${key} must be text, not ${JSON.stringify(value)}`);
  return value;
}

/** Overlay mounts separate their folders by colons and commas, so a path may hold neither. */
function dataFolder(path: string): string {
  if (/^\/[\w./-]*[\w-]$/.test(path) && !path.split('/').includes('..')) return path;
  throw new UserError(
    `the setting data must be an absolute path of letters, digits, ".", "_" and "-", not "${path}"`,
  );
}

/** The kernel's limit for interface names is 15 characters (IFNAMSIZ, with the closing zero). */
function bridgeName(name: string): string {
  if (/^[a-z][a-z0-9_-]{0,14}$/i.test(name)) return name;
  throw new UserError(
    `the setting bridge must be 1 to 15 letters, digits, "-" or "_", starting with a letter, not "${name}"`,
  );
}

function mirrorUrl(url: string): string {
  if (/^(https?|file):\/\/\S+$/.test(url)) return url;
  throw new UserError(`the setting mirror must be a http://, https:// or file:// address, not "${url}"`);
}
