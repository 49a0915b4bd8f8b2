import { isIP } from 'node:net';
import { UserError } from '../../base/errors.js';
import type { JumpHost } from '../../machines/model/machine.js';
import type { SettingValues } from '../driver.js';

export interface GenericSettings {
  /** As the person wrote it, a pattern. */
  ipAddress?: string;
  inventory?: string;
  enginePort: number;
  login: Login;
}

/** What is the same for all servers of a command, unless the inventory says otherwise. */
export interface Login {
  user: string;
  port: number;
  /** As the person wrote it. */
  key?: string;
  jump?: JumpHost;
}

/** @throws UserError for a value that cannot work anywhere. */
export function readSettings(values: SettingValues): GenericSettings {
  const ipAddress = text(values['ip_address']);
  const inventory = text(values['inventory']);
  const key = text(values['ssh_key']);
  const jump = text(values['jump_host']);
  return {
    ...(ipAddress && { ipAddress }),
    ...(inventory && { inventory }),
    enginePort: requirePort('the setting engine_port', values['engine_port'] ?? 2376),
    login: {
      user: text(values['ssh_user']) || 'root',
      port: requirePort('the setting ssh_port', values['ssh_port'] ?? 22),
      ...(key && { key }),
      ...(jump && { jump: parseJump('the setting jump_host', jump) }),
    },
  };
}

/** @param what completes "… must be a port number". @throws UserError */
export function requirePort(what: string, value: unknown): number {
  const port = /^\d{1,5}$/.test(String(value)) ? Number(value) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new UserError(`${what} must be a port number, 1 to 65535, not ${JSON.stringify(value)}`);
}

/** Reads `[USER@]HOST[:PORT]`, with an IPv6 address in brackets when a port follows. @throws UserError */
export function parseJump(what: string, written: string): JumpHost {
  const [, user = 'root', rest = ''] = /^(?:([^@\s]+)@)?(\S+)$/.exec(written) ?? [];
  const [, bracketed, plain = '', port = '22'] =
    (isIP(rest) ? undefined : /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(rest)) ?? [];
  const host = bracketed ?? (plain || (isIP(rest) ? rest : ''));
  if (host === '' || !isHost(host))
    throw new UserError(`${what} must be [USER@]HOST[:PORT], not ${JSON.stringify(written)}`);
  return { user, host, port: requirePort(`the port of ${what}`, port) };
}

/** An IP address, or a name that a resolver may know. @see RFC 1123 section 2.1 */
export function isHost(text: string): boolean {
  if (isIP(text)) return true;
  if (/^[\d.]+$/.test(text) || text.length > 253) return false;
  return text.split('.').every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label));
}

function text(value: SettingValues[string]): string {
  return value === undefined ? '' : String(value);
}
