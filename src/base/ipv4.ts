/** A block of IPv4 addresses; `base` is its first address as a number. */
export interface Range {
  base: number;
  prefix: number;
}

/** An address with or without `/prefix`; undefined for what is no IPv4 block (`default`, IPv6). */
export function tryParseRange(text: string): Range | undefined {
  const [address = '', prefixText = '32', ...rest] = text.split('/');
  const base = parseAddress(address);
  const prefix = /^\d{1,2}$/.test(prefixText) ? Number(prefixText) : 33;
  if (base === undefined || prefix > 32 || rest.length > 0) return undefined;
  return { base, prefix };
}

export function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

export function formatRange({ base, prefix }: Range): string {
  return `${formatAddress(base)}/${prefix}`;
}

export function overlap(one: Range, other: Range): boolean {
  const prefix = Math.min(one.prefix, other.prefix);
  return firstOf(one.base, prefix) === firstOf(other.base, prefix);
}

/** The first address of the block of this size that the address is in. */
export function firstOf(address: number, prefix: number): number {
  const size = 2 ** (32 - prefix);
  return Math.floor(address / size) * size;
}
