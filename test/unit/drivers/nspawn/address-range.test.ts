import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatAddress,
  formatRange,
  overlap,
  parseAddress,
  type Range,
  tryParseRange,
} from '../../../../src/base/ip-addresses.js';
import {
  capacityOf,
  firstFreeRange,
  freeAddresses,
  gatewayOf,
  parseRange,
} from '../../../../src/drivers/nspawn/address-range.js';

const range: fc.Arbitrary<Range> = fc
  .tuple(fc.nat(2 ** 32 - 1), fc.integer({ min: 8, max: 29 }))
  .map(([address, prefix]) => ({
    base: Math.floor(address / 2 ** (32 - prefix)) * 2 ** (32 - prefix),
    prefix,
  }));

test('property: a formatted range is parsed again', () => {
  fc.assert(fc.property(range, (one) => void expect(parseRange(formatRange(one))).toEqual(one)));
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), (one) => void expect(parseAddress(formatAddress(one))).toBe(one)),
  );
});

test.each([
  ['10.209.0.0', 'the setting network must be between /8 and /29, not "10.209.0.0"'],
  ['10.0.0.0/30', 'the setting network must be between /8 and /29, not "10.0.0.0/30"'],
  ['10.0.0.0/33', 'the setting network must be an IPv4 range like 10.209.0.0/20, not "10.0.0.0/33"'],
  ['10.256.0.0/20', 'the setting network must be an IPv4 range like 10.209.0.0/20, not "10.256.0.0/20"'],
  ['10.209.0.0/20/3', 'the setting network must be an IPv4 range like 10.209.0.0/20, not "10.209.0.0/20/3"'],
  ['fd00::/64', 'the setting network must be an IPv4 range like 10.209.0.0/20, not "fd00::/64"'],
  ['10.209.0.1/20', 'the setting network "10.209.0.1/20" does not start at its first address'],
])('the range %s is refused', (text, message) => {
  expect(() => parseRange(text)).toThrow(message);
});

test('property: parsing never throws', () => {
  fc.assert(fc.property(fc.string(), (text) => void tryParseRange(text)));
  expect(tryParseRange('default')).toBeUndefined();
  expect(tryParseRange('192.0.2.2/24')).toEqual({ base: 0xc0000202, prefix: 24 });
  expect(tryParseRange('192.0.2.2')).toEqual({ base: 0xc0000202, prefix: 32 });
});

test('two ranges overlap exactly when they share an address', () => {
  const small = fc
    .tuple(fc.nat(255), fc.integer({ min: 24, max: 32 }))
    .map(([base, prefix]) => ({ base, prefix }));
  const addresses = ({ base, prefix }: Range) => {
    const size = 2 ** (32 - prefix);
    const first = Math.floor(base / size) * size;
    return Array.from({ length: size }, (_, index) => first + index);
  };
  fc.assert(
    fc.property(small, small, (one, other) => {
      const shared = addresses(one).some((address) => addresses(other).includes(address));
      expect(overlap(one, other)).toBe(shared);
    }),
  );
});

describe('addresses of machines', () => {
  test('property: machines get the lowest free addresses, never the first, the gateway or the broadcast address', () => {
    const small = range.map(({ base }) => ({ base: Math.floor(base / 16) * 16, prefix: 28 }));
    fc.assert(
      fc.property(small, fc.array(fc.nat(15)), fc.nat(20), (one, offsets, count) => {
        const taken = new Set(offsets.map((offset) => one.base + offset));
        const possible = Array.from({ length: 13 }, (_, index) => one.base + 2 + index);
        const expected = possible.filter((address) => !taken.has(address)).slice(0, count);
        expect(freeAddresses(one, taken, count)).toEqual(expected);
        expect(capacityOf(one)).toBe(possible.length);
        expect(gatewayOf(one)).toBe(one.base + 1);
      }),
    );
  });
});

test('the first free range touches nothing in use', () => {
  const used = ['10.209.3.4/32', '10.210.0.0/16', '192.0.2.0/24'].map((text) => tryParseRange(text) as Range);
  expect(formatRange(firstFreeRange([]) as Range)).toBe('10.209.0.0/20');
  expect(formatRange(firstFreeRange(used) as Range)).toBe('10.211.0.0/20');
  expect(firstFreeRange([tryParseRange('10.0.0.0/8') as Range])).toBeUndefined();
});
