import ipaddr from 'ipaddr.js';

/** An IPv4 network; `base` is its first address as a number. */
export interface Range {
  base: number;
  prefix: number;
}

/** An address with or without `/prefix`. @returns undefined for anything else, such as IPv6 */
export function tryParseRange(text: string): Range | undefined {
  const cidr = text.includes('/') ? text : `${text}/32`;
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(cidr)) return undefined;
  const [address, prefix] = ipaddr.IPv4.parseCIDR(cidr);
  return { base: toNumber(address), prefix };
}

export function parseAddress(text: string): number | undefined {
  return ipaddr.IPv4.isValidFourPartDecimal(text) ? toNumber(ipaddr.IPv4.parse(text)) : undefined;
}

function toNumber({ octets }: ipaddr.IPv4): number {
  return octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

/** `198.51.100.7` -> `198.51.100.7/32`, for IPv4 and IPv6. */
export function toCidr(text: string): string | undefined {
  if (ipaddr.IPv4.isValidCIDRFourPartDecimal(text) || ipaddr.IPv6.isValidCIDR(text)) return text;
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return `${text}/32`;
  return ipaddr.IPv6.isValid(text) ? `${text}/128` : undefined;
}

/** `10.20.3.4/16` -> `10.20.0.0/16`, for IPv4 and IPv6. @returns undefined without a prefix length */
export function toNetwork(text: string): string | undefined {
  const family = text.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4;
  const isValid = text.includes(':')
    ? ipaddr.IPv6.isValidCIDR(text)
    : ipaddr.IPv4.isValidCIDRFourPartDecimal(text);
  return isValid ? `${family.networkAddressFromCIDR(text)}/${text.split('/')[1]}` : undefined;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

export function formatRange({ base, prefix }: Range): string {
  return `${formatAddress(base)}/${prefix}`;
}

export function overlap(one: Range, other: Range): boolean {
  const prefix = Math.min(one.prefix, other.prefix);
  return networkAddress(one.base, prefix) === networkAddress(other.base, prefix);
}

/** The first address of the network that contains the address. */
export function networkAddress(address: number, prefix: number): number {
  const size = 2 ** (32 - prefix);
  return Math.floor(address / size) * size;
}
