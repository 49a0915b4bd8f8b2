import { isIP, isIPv6 } from 'node:net';
import { UserError } from '../../base/errors.js';

/** RFC 1123 labels, underscores as in some private networks, and a leading `*.` (RFC 6125). */
const hostName = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/** Lower case, IPv6 shortened (RFC 5952). @throws UserError for a name unfit for a certificate */
export function canonicalName(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '');
  const address = lower.replace(/^\[(.*)\]$/, '$1');
  // An address with a zone (fe80::1%eth0) is only valid on one computer.
  if (isIPv6(address) && !address.includes('%')) return new URL(`http://[${address}]`).hostname.slice(1, -1);
  if (isIP(address) === 4 && address === lower) return lower;
  // A malformed address such as 10.0.0.300 is not a host name.
  if (hostName.test(lower) && lower.length <= 253 && !/(^|\.)\d+$/.test(lower)) return lower;
  throw new UserError(`"${name}" is neither a host name nor an IP address`, {
    hint: 'use a name or address such as docker.example.com, 10.0.0.7 or fd00::7',
  });
}

/** Without duplicates, in the order given. */
export function canonicalNames(names: readonly string[]): string[] {
  return [...new Set(names.map(canonicalName))];
}
