import { UserError } from '../../base/errors.js';
import type { LocalUser, SettingValues } from '../driver.js';
import { boolean, defineSettings, list, port, secret, splitList, text } from '../kit/define-settings.js';
import { engineAtFirstBoot } from '../kit/first-boot.js';
import { tokenPage } from './digitalocean-error.js';

export const declaredSettings = defineSettings({
  accessToken: secret({
    summary: 'API token; prefer the variable, which process lists do not show',
    env: ['DIGITALOCEAN_ACCESS_TOKEN'],
  }),
  image: text({
    summary: 'Image: slug, ID, or name of a snapshot',
    default: 'ubuntu-24-04-x64',
    env: ['DIGITALOCEAN_IMAGE'],
    required: true,
  }),
  region: text({
    summary: 'Region, unless the name of the machine begins with one (sgp1-node1)',
    default: 'nyc3',
    env: ['DIGITALOCEAN_REGION'],
    required: true,
  }),
  size: text({
    summary: 'Default size: slug or amount of memory',
    default: 's-1vcpu-1gb',
    env: ['DIGITALOCEAN_SIZE'],
    required: true,
  }),
  sshUser: text({
    summary: 'SSH user',
    default: 'root',
    env: ['DIGITALOCEAN_SSH_USER'],
    required: true,
  }),
  sshPort: port({
    summary: 'SSH port of the image',
    default: 22,
    env: ['DIGITALOCEAN_SSH_PORT'],
  }),
  sshKeyFingerprint: text({
    summary: 'ID or fingerprint of an SSH key in the account (default: a key that belt registers)',
    env: ['DIGITALOCEAN_SSH_KEY_FINGERPRINT'],
  }),
  sshKeyPath: text({
    summary: "Private key for ssh_key_fingerprint (default: the cluster's key)",
    env: ['DIGITALOCEAN_SSH_KEY_PATH'],
  }),
  ipv6: boolean({
    summary: 'Enable IPv6',
    default: false,
    env: ['DIGITALOCEAN_IPV6'],
  }),
  privateNetworking: boolean({
    summary: 'Use private addresses between machines of the cluster (within one region)',
    default: false,
    env: ['DIGITALOCEAN_PRIVATE_NETWORKING'],
  }),
  backups: boolean({
    summary: 'Enable backups',
    default: false,
    env: ['DIGITALOCEAN_BACKUPS'],
  }),
  monitoring: boolean({
    summary: "Install DigitalOcean's monitoring agent",
    default: false,
    env: ['DIGITALOCEAN_MONITORING'],
  }),
  userdata: text({
    summary: 'File with user data for cloud-init',
    env: ['DIGITALOCEAN_USERDATA'],
  }),
  engineAtFirstBoot,
  tags: list({
    summary: 'Additional tags',
    env: ['DIGITALOCEAN_TAGS'],
    parse: parseTags,
  }),
  vpc: text({
    summary: "VPC, by ID or name (default: the region's)",
    env: ['DIGITALOCEAN_VPC'],
  }),
  firewall: boolean({
    summary: "Restrict the swarm's ports to droplets of the cluster",
    default: true,
    env: ['DIGITALOCEAN_FIREWALL'],
    flag: false,
  }),
  apiUrl: text({
    summary: 'URL of the API, for tests',
    default: 'https://api.digitalocean.com/v2',
    env: ['DIGITALOCEAN_API_URL'],
    flag: false,
    parse: apiUrl,
    expected: 'an https:// address',
  }),
});

export type DigitalOceanSettings = ReturnType<typeof readSettings>;

/** @throws UserError for a value that cannot work anywhere */
export function readSettings(values: SettingValues, user: LocalUser) {
  const { accessToken, sshUser, sshPort, sshKeyPath, userdata, ...settings } = declaredSettings.read(values);
  if (sshKeyPath !== undefined && settings.sshKeyFingerprint === undefined) {
    throw new UserError(
      'ssh_key_path requires ssh_key_fingerprint, which identifies the key in the account',
      { hint: 'omit both to use a key that belt registers for the cluster' },
    );
  }
  return {
    ...settings,
    token: accessToken?.trim(),
    ssh: {
      user: sshUser,
      port: sshPort,
      ...(sshKeyPath !== undefined && { keyPath: user.resolvePath(sshKeyPath) }),
    },
    userDataPath: userdata === undefined ? undefined : user.resolvePath(userdata),
  };
}

export function requireToken({ token }: DigitalOceanSettings): string {
  if (token) return token;
  throw new UserError('DigitalOcean access token not set', {
    hint: `create a token with read and write scope at ${tokenPage} and set DIGITALOCEAN_ACCESS_TOKEN`,
  });
}

/** Plain HTTP would expose the token, so it is accepted only for this computer. */
function apiUrl(written: string): string | undefined {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const isLocal = url && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
  return isSafe ? written.replace(/\/+$/, '') : undefined;
}

/** Items may be lists themselves, `a,b`, as docker-machine accepts them. */
function parseTags(items: readonly string[]): readonly string[] {
  const tags = items.flatMap(splitList);
  const wrong = tags.find((tag) => !/^[A-Za-z0-9_:-]{1,255}$/.test(tag));
  if (wrong === undefined) return tags;
  throw new UserError(`invalid tag "${wrong}": use up to 255 letters, digits, ":", "-" and "_"`);
}
