import { UserError } from '../../errors.js';
import type { Person, SettingValues } from '../driver.js';
import { tokenPage } from './error.js';

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
  tags: readonly string[];
}

/** @param values with the defaults of those that nobody set. @throws UserError for a value that cannot work anywhere. */
export function readSettings(values: SettingValues, person: Person): DigitalOceanSettings {
  const token = text(values, 'access_token').trim();
  const keyFingerprint = text(values, 'ssh_key_fingerprint');
  const keyPath = text(values, 'ssh_key_path');
  const vpc = text(values, 'vpc');
  const userDataPath = text(values, 'userdata');
  if (keyPath && !keyFingerprint) {
    throw new UserError('ssh_key_path needs ssh_key_fingerprint, to tell which key of the account it is', {
      hint: 'without both, belt makes and registers a key for the cluster',
    });
  }
  return {
    ...(token && { token }),
    url: apiUrl(text(values, 'api_url')),
    image: text(values, 'image'),
    region: text(values, 'region'),
    size: text(values, 'size'),
    ssh: {
      user: text(values, 'ssh_user'),
      port: port(values['ssh_port']),
      ...(keyPath && { keyPath: person.resolvePath(keyPath) }),
    },
    ...(keyFingerprint && { keyFingerprint }),
    ...(vpc && { vpc }),
    privateNetworking: values['private_networking'] === true,
    ipv6: values['ipv6'] === true,
    backups: values['backups'] === true,
    monitoring: values['monitoring'] === true,
    firewall: values['firewall'] === true,
    ...(userDataPath && { userDataPath: person.resolvePath(userDataPath) }),
    tags: tags(values['tags']),
  };
}

/** @throws UserError without a token */
export function requireToken({ token }: DigitalOceanSettings): string {
  if (token) return token;
  throw new UserError('there is no DigitalOcean access token', {
    hint: `make one that may read and write at ${tokenPage} and set DIGITALOCEAN_ACCESS_TOKEN`,
  });
}

function text(values: SettingValues, key: string): string {
  return String(values[key] ?? '');
}

/** The token goes there: over plain HTTP only on this computer. */
function apiUrl(written: string): string {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const local = url && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && local)) return written.replace(/\/+$/, '');
  throw new UserError(`the setting api_url must be an https:// address, not "${written}"`);
}

function port(value: SettingValues[string]): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 65_535) return number;
  throw new UserError(`the setting ssh_port must be a port number, 1 to 65535, not ${JSON.stringify(value)}`);
}

/** A list, or as docker-machine takes them, `a,b`. */
function tags(value: SettingValues[string] = ''): readonly string[] {
  const list = String(value)
    .split(',')
    .map((tag) => tag.trim())
    .filter(Boolean);
  const wrong = list.find((tag) => !/^[A-Za-z0-9_:-]{1,255}$/.test(tag));
  if (wrong === undefined) return list;
  throw new UserError(`"${wrong}" is no tag: letters, digits, ":", "-" and "_" are, at most 255 of them`);
}
