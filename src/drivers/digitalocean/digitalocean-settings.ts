import { UserError } from '../../base/errors.js';
import type { Person, SettingValues } from '../driver.js';
import { boolean, defineSettings, list, port, secret, splitList, text } from '../kit/define-settings.js';
import { engineAtFirstBoot } from '../kit/first-boot.js';
import { tokenPage } from './digitalocean-error.js';

export const declaredSettings = defineSettings({
  accessToken: secret({
    summary: 'API token; better in the variable, where no process list shows it',
    env: ['DIGITALOCEAN_ACCESS_TOKEN'],
  }),
  image: text({
    summary: 'image of new droplets: slug, id, or name of a snapshot',
    default: 'ubuntu-24-04-x64',
    env: ['DIGITALOCEAN_IMAGE'],
    required: true,
  }),
  region: text({
    summary: 'region of new droplets whose name does not begin with one (sgp1-node1)',
    default: 'nyc3',
    env: ['DIGITALOCEAN_REGION'],
    required: true,
  }),
  size: text({
    summary: 'size of new droplets where none is named: slug or memory amount',
    default: 's-1vcpu-1gb',
    env: ['DIGITALOCEAN_SIZE'],
    required: true,
  }),
  sshUser: text({
    summary: 'user to log in as',
    default: 'root',
    env: ['DIGITALOCEAN_SSH_USER'],
    required: true,
  }),
  sshPort: port({
    summary: 'port of the SSH server in the image',
    default: 22,
    env: ['DIGITALOCEAN_SSH_PORT'],
  }),
  sshKeyFingerprint: text({
    summary: 'id or fingerprint of a key in the account that droplets get; default: belt registers one',
    env: ['DIGITALOCEAN_SSH_KEY_FINGERPRINT'],
  }),
  sshKeyPath: text({
    summary: "private key of that one, to log in with; default: the cluster's own",
    env: ['DIGITALOCEAN_SSH_KEY_PATH'],
  }),
  ipv6: boolean({
    summary: 'give droplets IPv6',
    default: false,
    env: ['DIGITALOCEAN_IPV6'],
  }),
  privateNetworking: boolean({
    summary: 'machines of the cluster reach each other at their private addresses (of one region)',
    default: false,
    env: ['DIGITALOCEAN_PRIVATE_NETWORKING'],
  }),
  backups: boolean({
    summary: 'have DigitalOcean make backups',
    default: false,
    env: ['DIGITALOCEAN_BACKUPS'],
  }),
  monitoring: boolean({
    summary: "install DigitalOcean's monitoring agent",
    default: false,
    env: ['DIGITALOCEAN_MONITORING'],
  }),
  userdata: text({
    summary: 'file with user data for cloud-init',
    env: ['DIGITALOCEAN_USERDATA'],
  }),
  engineAtFirstBoot,
  tags: list({
    summary: "tags of new droplets beside belt's own",
    env: ['DIGITALOCEAN_TAGS'],
    parse: tagsIn,
  }),
  vpc: text({
    summary: "VPC of new droplets: id or name; default: the region's own",
    env: ['DIGITALOCEAN_VPC'],
  }),
  firewall: boolean({
    summary: "let only the cluster's own droplets reach the swarm's ports",
    default: true,
    env: ['DIGITALOCEAN_FIREWALL'],
    flag: false,
  }),
  apiUrl: text({
    summary: 'where the API is; for tests',
    default: 'https://api.digitalocean.com/v2',
    env: ['DIGITALOCEAN_API_URL'],
    flag: false,
    parse: apiUrl,
    expected: 'an https:// address',
  }),
});

export type DigitalOceanSettings = ReturnType<typeof readSettings>;

/** @throws UserError for a value that cannot work anywhere */
export function readSettings(values: SettingValues, person: Person) {
  const { accessToken, sshUser, sshPort, sshKeyPath, userdata, ...settings } = declaredSettings.read(values);
  if (sshKeyPath !== undefined && settings.sshKeyFingerprint === undefined) {
    throw new UserError('ssh_key_path needs ssh_key_fingerprint, to tell which key of the account it is', {
      hint: 'without both, belt makes and registers a key for the cluster',
    });
  }
  return {
    ...settings,
    token: accessToken?.trim(),
    ssh: {
      user: sshUser,
      port: sshPort,
      ...(sshKeyPath !== undefined && { keyPath: person.resolvePath(sshKeyPath) }),
    },
    /** Absolute path of the person's own user data. */
    userDataPath: userdata === undefined ? undefined : person.resolvePath(userdata),
  };
}

/** @throws UserError without a token */
export function requireToken({ token }: DigitalOceanSettings): string {
  if (token) return token;
  throw new UserError('there is no DigitalOcean access token', {
    hint: `make one that may read and write at ${tokenPage} and set DIGITALOCEAN_ACCESS_TOKEN`,
  });
}

/** The token goes there: over plain HTTP only on this computer. */
function apiUrl(written: string): string | undefined {
  const url = URL.canParse(written) ? new URL(written) : undefined;
  const isLocal = url && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
  return isSafe ? written.replace(/\/+$/, '') : undefined;
}

/** A list, or as docker-machine takes them, `a,b`. */
function tagsIn(items: readonly string[]): readonly string[] {
  const tags = items.flatMap(splitList);
  const wrong = tags.find((tag) => !/^[A-Za-z0-9_:-]{1,255}$/.test(tag));
  if (wrong === undefined) return tags;
  throw new UserError(`"${wrong}" is no tag: letters, digits, ":", "-" and "_" are, at most 255 of them`);
}
