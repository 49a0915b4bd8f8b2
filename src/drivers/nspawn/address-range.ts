import { UserError } from '../../base/errors.js';
import { formatRange, networkAddress, overlap, type Range, tryParseRange } from '../../base/ip-addresses.js';

/** Reads `10.209.0.0/20`. @throws UserError for anything else, or without room for machines */
export function parseRange(text: string): Range {
  const range = tryParseRange(text);
  if (!range) {
    throw new UserError(`the setting network must be an IPv4 range like 10.209.0.0/20, not "${text}"`);
  }
  if (range.prefix < 8 || range.prefix > 29) {
    throw new UserError(`the setting network must be between /8 and /29, not "${text}"`);
  }
  if (range.base !== networkAddress(range.base, range.prefix)) {
    const corrected = formatRange({ base: networkAddress(range.base, range.prefix), prefix: range.prefix });
    throw new UserError(`the setting network "${text}" does not start at its first address`, {
      hint: `use ${corrected}`,
    });
  }
  return range;
}

export function gatewayOf(range: Range): number {
  return range.base + 1;
}

/** All but the network, gateway and broadcast addresses. */
export function capacityOf({ prefix }: Range): number {
  return 2 ** (32 - prefix) - 3;
}

/** Fewer than `count` when the range is full. */
export function freeAddresses(range: Range, taken: ReadonlySet<number>, count: number): number[] {
  const free: number[] = [];
  const last = gatewayOf(range) + capacityOf(range);
  for (let address = gatewayOf(range) + 1; address <= last && free.length < count; address++) {
    if (!taken.has(address)) free.push(address);
  }
  return free;
}

/** The first of 10.209.0.0/20, 10.210.0.0/20, ... that overlaps nothing in use. */
export function firstFreeRange(inUse: readonly Range[]): Range | undefined {
  for (let second = 209; second < 256; second++) {
    const range = { base: (10 * 256 + second) * 65536, prefix: 20 };
    if (!inUse.some((used) => overlap(used, range))) return range;
  }
  return undefined;
}
