import type { DriverModule } from '../driver.js';

/** Servers that exist already and are reached over SSH: belt adopts them. Settings and messages are docker-machine's. */
export const driver: DriverModule = {
  name: 'generic',
  summary: 'servers that exist already, reached over SSH',
  settings: [
    {
      key: 'ip_address',
      summary: 'address or host name of the server; a pattern such as 10.0.0.[11:14] for several names',
      type: 'string',
      env: ['GENERIC_IP_ADDRESS'],
    },
    {
      key: 'engine_port',
      summary: 'port that the engine is to listen on',
      type: 'integer',
      default: 2376,
      env: ['GENERIC_ENGINE_PORT'],
    },
    {
      key: 'ssh_user',
      summary: 'user to log in as: root, or one that may use sudo',
      type: 'string',
      default: 'root',
      env: ['GENERIC_SSH_USER'],
    },
    {
      key: 'ssh_key',
      summary: "private key to log in with; default: the agent's keys, then those in ~/.ssh",
      type: 'string',
      env: ['GENERIC_SSH_KEY'],
    },
    {
      key: 'ssh_port',
      summary: 'port of the SSH server',
      type: 'integer',
      default: 22,
      env: ['GENERIC_SSH_PORT'],
    },
    {
      key: 'jump_host',
      summary: 'host that the way leads through, as [USER@]HOST[:PORT]',
      type: 'string',
      env: ['GENERIC_JUMP_HOST'],
    },
    {
      key: 'inventory',
      summary: 'YAML file that lists servers by name; instead of --generic-ip-address',
      type: 'string',
      env: ['GENERIC_INVENTORY'],
    },
  ],
  async checkSettings(values) {
    const { readSettings } = await import('./generic-settings.js');
    readSettings(values);
  },
  async open(options) {
    const { openGeneric } = await import('./generic-driver.js');
    return openGeneric(options);
  },
};
