import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatMemory, parseSize } from '../../../../src/machines/model/sizes.js';

describe('parseSize', () => {
  test.each([
    ['512mb', 512],
    ['8192MB', 8192],
    ['2gb', 2048],
    ['2Gb', 2048],
    ['1.5gb', 1536],
    ['0.5GB', 512],
    ['1tb', 1024 * 1024],
    ['007mb', 7],
    ['512', 512],
    ['512m', 512],
    ['512M', 512],
    ['512Mi', 512],
    ['512MiB', 512],
    ['1g', 1024],
    ['1Gi', 1024],
    ['1.5G', 1536],
    ['2t', 2 * 1024 * 1024],
  ])('%s is %i MB', (text, memoryMb) => {
    expect(parseSize(text)).toEqual({ memoryMb });
  });

  test.each([
    '',
    'mb',
    '512 mb',
    '512k',
    '512b',
    '512i',
    '1.5',
    '0',
    '1gm',
    '0mb',
    '0.0gb',
    '-1gb',
    '1.0001gb',
    '1e3mb',
    's-1vcpu-1gb',
    't3.micro',
    '512mb ',
    '1.5mb',
  ])('%j is not an amount of memory', (text) => {
    expect(parseSize(text)).toBeUndefined();
  });
});

test('property: parseSize reads what formatMemory writes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 24 }), (memoryMb) => {
      expect(parseSize(formatMemory(memoryMb))).toEqual({ memoryMb });
    }),
  );
});

test.each([
  [512, '512mb'],
  [1024, '1gb'],
  [1536, '1536mb'],
  [8192, '8gb'],
])('%i MB is shown as %s', (memoryMb, text) => {
  expect(formatMemory(memoryMb)).toBe(text);
});
