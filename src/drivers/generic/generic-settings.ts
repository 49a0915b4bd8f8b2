import { UserError } from '../../base/errors.js';
import { parseWrittenHost, type WrittenHost } from '../../machines/model/ssh-host.js';
import { defineSettings, port, requirePort, text } from '../kit/define-settings.js';

export const genericSettings = defineSettings({
  ipAddress: text({
    summary:
      'Address, hostname or alias in ~/.ssh/config; a pattern such as 10.0.0.[11:14] for several names',
    env: ['GENERIC_IP_ADDRESS'],
  }),
  enginePort: port({
    summary: 'Port that the engine listens on',
    default: 2376,
    env: ['GENERIC_ENGINE_PORT'],
  }),
  sshUser: text({
    summary: 'SSH user: root, or one that may use sudo (default: as in ~/.ssh/config, or root)',
    env: ['GENERIC_SSH_USER'],
  }),
  sshKey: text({
    summary:
      "Private key to log in with (default: as in ~/.ssh/config, or the agent's keys, then those in ~/.ssh)",
    env: ['GENERIC_SSH_KEY'],
  }),
  sshPort: port({ summary: 'SSH port (default: as in ~/.ssh/config, or 22)', env: ['GENERIC_SSH_PORT'] }),
  jumpHost: text({
    summary: 'Host to connect through, as [USER@]HOST[:PORT] (default: as in ~/.ssh/config)',
    env: ['GENERIC_JUMP_HOST'],
    parse: (written) => parseJump('the setting jump_host', written),
  }),
  inventory: text({
    summary: 'YAML file that lists servers by name; instead of --generic-ip-address',
    env: ['GENERIC_INVENTORY'],
  }),
});

export type GenericSettings = ReturnType<typeof genericSettings.read>;

/** What is left out comes from ~/.ssh/config. */
export interface ServerLogin {
  user?: string;
  port?: number;
  key?: string;
  jump?: WrittenHost;
}

export function loginOf({ sshUser, sshPort, sshKey, jumpHost }: GenericSettings): ServerLogin {
  return {
    ...(sshUser !== undefined && { user: sshUser }),
    ...(sshPort !== undefined && { port: sshPort }),
    ...(sshKey !== undefined && { key: sshKey }),
    ...(jumpHost && { jump: jumpHost }),
  };
}

/** Reads `[USER@]HOST[:PORT]`. @throws UserError */
export function parseJump(what: string, written: string): WrittenHost {
  const jump = parseWrittenHost(written);
  if (!jump) throw new UserError(`${what} must be [USER@]HOST[:PORT], not ${JSON.stringify(written)}`);
  if (jump.port !== undefined) requirePort(`the port of ${what}`, jump.port);
  return jump;
}
