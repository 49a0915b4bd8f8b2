import { isIP, isIPv6 } from 'node:net';
import { UserError } from '../../base/errors.js';

/** RFC 1123 labels, with the underscore that some inner networks use, and a leading `*.` as in RFC 6125. */
const hostName = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/**
 * The one way to write a name or an address, so that two can be compared: lower case, IPv6 shortened and without dots (RFC 5952,
 * but for the latter).
 * @throws UserError when it can stand in no certificate
 */
export function canonicalName(name: string): string {
  const lower = name.toLowerCase().replace(/\.$/, '');
  const address = lower.replace(/^\[(.*)\]$/, '$1');
  // An address with a zone (fe80::1%eth0) means something on one computer only.
  if (isIPv6(address) && !address.includes('%')) return new URL(`http://[${address}]`).hostname.slice(1, -1);
  if (isIP(address) === 4 && address === lower) return lower;
  // What looks like an address and is none (10.0.0.300) would never be found as a host name.
  if (hostName.test(lower) && lower.length <= 253 && !/(^|\.)\d+$/.test(lower)) return lower;
  throw new UserError(`"${name}" is neither a host name nor an IP address`, {
    hint: 'a name or address such as docker.example.com, 10.0.0.7 or fd00::7',
  });
}

/** Each name once, in canonical form and in the order given. */
export function canonicalNames(names: readonly string[]): string[] {
  return [...new Set(names.map(canonicalName))];
}
