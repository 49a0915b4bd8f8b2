import { isIP } from 'node:net';
import type { JumpHost, SshAccess } from './machine.js';

/** `[USER@]HOST[:PORT]`, where HOST may be an alias of ~/.ssh/config. */
export interface WrittenHost {
  host: string;
  user?: string;
  port?: number;
}

/** Where the user's own OpenSSH keeps the keys of a host. */
export interface UserHostKeys {
  /** The name in belt's known_hosts. */
  name: string;
  /** The name in the files: `10.0.0.2`, `[10.0.0.2]:2222`, or a HostKeyAlias. */
  hostName: string;
  paths: readonly string[];
  /** `StrictHostKeyChecking yes`: a key that the files do not have is refused. */
  strict?: true;
  /** One of the files trusts a certificate authority for the host. */
  authority?: HostAuthority;
}

export interface HostAuthority {
  path: string;
  /** The host key that the authority has certified, as OpenSSH verified; else, it refused. */
  certified?: { type: string; fingerprint: string };
}

/** A host as OpenSSH reaches it. */
export interface SshHost extends SshAccess {
  address: string;
  /** Of the host and its jump hosts; for the host itself, `name` is what the user wrote. */
  hostKeys: readonly UserHostKeys[];
}

/** An IPv6 address before a port needs brackets. @returns undefined for anything else */
export function parseWrittenHost(written: string): WrittenHost | undefined {
  const [, user, rest = ''] = /^(?:([^@\s]+)@)?(\S+)$/.exec(written) ?? [];
  const [, bracketed, plain = '', port] =
    (isIP(rest) ? undefined : /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(rest)) ?? [];
  const host = bracketed ?? (plain || (isIP(rest) ? rest : ''));
  if (host === '' || !isHost(host)) return undefined;
  return { host, ...(user !== undefined && { user }), ...(port !== undefined && { port: Number(port) }) };
}

/** An IP address or a valid host name. @see RFC 1123 section 2.1 */
export function isHost(text: string): boolean {
  if (isIP(text)) return true;
  if (/^[\d.]+$/.test(text) || text.length > 253) return false;
  return text.split('.').every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/.test(label));
}

/** A jump host's name in known_hosts; no machine can have it. */
export function jumpName({ host, port }: Pick<JumpHost, 'host' | 'port'>): string {
  return `[${host}]:${port}`;
}
