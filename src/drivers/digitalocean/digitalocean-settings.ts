import { UserError } from '../../base/errors.js';
import type { Person, SettingValues } from '../driver.js';
import { flagOf, integerOf, listOf, textOf } from '../kit/setting-values.js';
import { tokenPage } from './digitalocean-error.js';

export interface DigitalOceanSettings {
  /** Absent: nothing can be asked. */
  token?: string;
  url: string;
  image: string;
  region: string;
  size: string;
  ssh: { user: string; port: number; keyPath?: string };
  /** Of a key in the account; absent: belt registers the cluster's own. */
  keyFingerprint?: string;
  /** Id or name. */
  vpc?: string;
  privateNetworking: boolean;
  ipv6: boolean;
  backups: boolean;
  monitoring: boolean;
  firewall: boolean;
  /** Absolute path of the person's own user data. */
  userDataPath?: string;
  engineAtFirstBoot: boolean;
  tags: readonly string[];
}

/** @param values with the defaults of those that nobody set. @throws UserError for a value that cannot work anywhere. */
export function readSettings(values: SettingValues, person: Person): DigitalOceanSettings {
  const token = textOf(values, 'access_token')?.trim();
  const keyFingerprint = textOf(values, 'ssh_key_fingerprint');
  const keyPath = textOf(values, 'ssh_key_path');
  const vpc = textOf(values, 'vpc');
  const userDataPath = textOf(values, 'userdata');
  if (keyPath && !keyFingerprint) {
    throw new UserError('ssh_key_path needs ssh_key_fingerprint, to tell which key of the account it is', {
      hint: 'without both, belt makes and registers a key for the cluster',
    });
  }
  return {
    ...(token && { token }),
    url: apiUrl(requireText(values, 'api_url')),
    image: requireText(values, 'image'),
    region: requireText(values, 'region'),
    size: requireText(values, 'size'),
    ssh: {
      user: requireText(values, 'ssh_user'),
      port: integerOf(values, 'ssh_port', { from: 1, to: 65_535 }) ?? 22,
      ...(keyPath && { keyPath: person.resolvePath(keyPath) }),
    },
    ...(keyFingerprint && { keyFingerprint }),
    ...(vpc && { vpc }),
    privateNetworking: flagOf(values, 'private_networking'),
    ipv6: flagOf(values, 'ipv6'),
    backups: flagOf(values, 'backups'),
    monitoring: flagOf(values, 'monitoring'),
    firewall: flagOf(values, 'firewall'),
    ...(userDataPath && { userDataPath: person.resolvePath(userDataPath) }),
    engineAtFirstBoot: flagOf(values, 'engine_at_first_boot'),
    tags: tagsIn(values),
  };
}

/** @throws UserError without a token */
export function requireToken({ token }: DigitalOceanSettings): string {
  if (token) return token;
  throw new UserError('there is no DigitalOcean access token', {
    hint: `make one that may read and write at ${tokenPage} and set DIGITALOCEAN_ACCESS_TOKEN`,
  });
}

/** For settings with a default. @throws UserError for one that was set to nothing */
function requireText(values: SettingValues, key: string): string {
  const value = textOf(values, key);
  if (value !== undefined) return value;
  throw new UserError(`the setting ${key} is empty`);
}

/** The token goes there: over plain HTTP only on this computer. */
function apiUrl(written: string): string {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const local = url && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return written.replace(/\/+$/, '');
  throw new UserError(`the setting api_url must be an https:// address, not "${written}"`);
}

/** A list, or as docker-machine takes them, `a,b`. */
function tagsIn(values: SettingValues): readonly string[] {
  const tags = listOf(values, 'tags').flatMap((item) => listOf({ item }, 'item'));
  const wrong = tags.find((tag) => !/^[A-Za-z0-9_:-]{1,255}$/.test(tag));
  if (wrong === undefined) return tags;
  throw new UserError(`"${wrong}" is no tag: letters, digits, ":", "-" and "_" are, at most 255 of them`);
}
