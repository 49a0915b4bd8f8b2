import { isIP } from 'node:net';
import { UserError } from '../../base/errors.js';
import type { JumpHost } from '../../machines/model/machine.js';
import { defineSettings, port, requirePort, text } from '../kit/define-settings.js';

export const genericSettings = defineSettings({
  ipAddress: text({
    summary: 'Address or hostname of the server; a pattern such as 10.0.0.[11:14] for several names',
    env: ['GENERIC_IP_ADDRESS'],
  }),
  enginePort: port({
    summary: 'Port that the engine listens on',
    default: 2376,
    env: ['GENERIC_ENGINE_PORT'],
  }),
  sshUser: text({
    summary: 'SSH user: root, or one that may use sudo',
    default: 'root',
    env: ['GENERIC_SSH_USER'],
  }),
  sshKey: text({
    summary: "Private key to log in with (default: the agent's keys, then those in ~/.ssh)",
    env: ['GENERIC_SSH_KEY'],
  }),
  sshPort: port({ summary: 'SSH port', default: 22, env: ['GENERIC_SSH_PORT'] }),
  jumpHost: text({
    summary: 'Host to connect through, as [USER@]HOST[:PORT]',
    env: ['GENERIC_JUMP_HOST'],
    parse: (written) => parseJump('the setting jump_host', written),
  }),
  inventory: text({
    summary: 'YAML file that lists servers by name; instead of --generic-ip-address',
    env: ['GENERIC_INVENTORY'],
  }),
});

export type GenericSettings = ReturnType<typeof genericSettings.read>;

export interface ServerLogin {
  user: string;
  port: number;
  key?: string;
  jump?: JumpHost;
}

export function loginOf({ sshUser, sshPort, sshKey, jumpHost }: GenericSettings): ServerLogin {
  return {
    user: sshUser,
    port: sshPort,
    ...(sshKey !== undefined && { key: sshKey }),
    ...(jumpHost && { jump: jumpHost }),
  };
}

/** Reads `[USER@]HOST[:PORT]`; an IPv6 address before a port needs brackets. @throws UserError */
export function parseJump(what: string, written: string): JumpHost {
  const [, user = 'root', rest = ''] = /^(?:([^@\s]+)@)?(\S+)$/.exec(written) ?? [];
  const [, bracketed, plain = '', port = '22'] =
    (isIP(rest) ? undefined : /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(rest)) ?? [];
  const host = bracketed ?? (plain || (isIP(rest) ? rest : ''));
  if (host === '' || !isHost(host))
    throw new UserError(`${what} must be [USER@]HOST[:PORT], not ${JSON.stringify(written)}`);
  return { user, host, port: requirePort(`the port of ${what}`, port) };
}

/** An IP address or a valid host name. @see RFC 1123 section 2.1 */
export function isHost(text: string): boolean {
  if (isIP(text)) return true;
  if (/^[\d.]+$/.test(text) || text.length > 253) return false;
  return text.split('.').every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label));
}
