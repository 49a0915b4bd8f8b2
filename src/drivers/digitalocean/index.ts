import type { DriverModule } from '../driver.js';
import { engineAtFirstBoot } from '../kit/first-boot.js';

/** Droplets of DigitalOcean. Settings, variables and defaults are docker-machine's; those that it does not have come last. */
export const driver: DriverModule = {
  name: 'digitalocean',
  summary: 'droplets of DigitalOcean (needs an access token)',
  settings: [
    {
      key: 'access_token',
      summary: 'API token; better in the variable, where no process list shows it',
      type: 'string',
      env: ['DIGITALOCEAN_ACCESS_TOKEN'],
      secret: true,
    },
    {
      key: 'image',
      summary: 'image of new droplets: slug, id, or name of a snapshot',
      type: 'string',
      default: 'ubuntu-24-04-x64',
      env: ['DIGITALOCEAN_IMAGE'],
    },
    {
      key: 'region',
      summary: 'region of new droplets whose name does not begin with one (sgp1-node1)',
      type: 'string',
      default: 'nyc3',
      env: ['DIGITALOCEAN_REGION'],
    },
    {
      key: 'size',
      summary: 'size of new droplets where none is named: slug or memory amount',
      type: 'string',
      default: 's-1vcpu-1gb',
      env: ['DIGITALOCEAN_SIZE'],
    },
    {
      key: 'ssh_user',
      summary: 'user to log in as',
      type: 'string',
      default: 'root',
      env: ['DIGITALOCEAN_SSH_USER'],
    },
    {
      key: 'ssh_port',
      summary: 'port of the SSH server in the image',
      type: 'integer',
      default: 22,
      env: ['DIGITALOCEAN_SSH_PORT'],
    },
    {
      key: 'ssh_key_fingerprint',
      summary: 'id or fingerprint of a key in the account that droplets get; default: belt registers one',
      type: 'string',
      env: ['DIGITALOCEAN_SSH_KEY_FINGERPRINT'],
    },
    {
      key: 'ssh_key_path',
      summary: "private key of that one, to log in with; default: the cluster's own",
      type: 'string',
      env: ['DIGITALOCEAN_SSH_KEY_PATH'],
    },
    {
      key: 'ipv6',
      summary: 'give droplets IPv6',
      type: 'boolean',
      default: false,
      env: ['DIGITALOCEAN_IPV6'],
    },
    {
      key: 'private_networking',
      summary: 'machines of the cluster reach each other at their private addresses (of one region)',
      type: 'boolean',
      default: false,
      env: ['DIGITALOCEAN_PRIVATE_NETWORKING'],
    },
    {
      key: 'backups',
      summary: 'have DigitalOcean make backups',
      type: 'boolean',
      default: false,
      env: ['DIGITALOCEAN_BACKUPS'],
    },
    {
      key: 'monitoring',
      summary: "install DigitalOcean's monitoring agent",
      type: 'boolean',
      default: false,
      env: ['DIGITALOCEAN_MONITORING'],
    },
    {
      key: 'userdata',
      summary: 'file with user data for cloud-init',
      type: 'string',
      env: ['DIGITALOCEAN_USERDATA'],
    },
    engineAtFirstBoot,
    {
      key: 'tags',
      summary: "tags of new droplets beside belt's own",
      type: 'list',
      env: ['DIGITALOCEAN_TAGS'],
    },
    {
      key: 'vpc',
      summary: "VPC of new droplets: id or name; default: the region's own",
      type: 'string',
      env: ['DIGITALOCEAN_VPC'],
    },
    {
      key: 'firewall',
      summary: "let only the cluster's own droplets reach the swarm's ports",
      type: 'boolean',
      default: true,
      env: ['DIGITALOCEAN_FIREWALL'],
      flag: false,
    },
    {
      key: 'api_url',
      summary: 'where the API is; for tests',
      type: 'string',
      default: 'https://api.digitalocean.com/v2',
      env: ['DIGITALOCEAN_API_URL'],
      flag: false,
    },
  ],
  async open(options) {
    const { openDigitalOcean } = await import('./digitalocean-driver.js');
    return openDigitalOcean(options);
  },
};
