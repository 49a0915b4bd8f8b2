import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../../src/base/errors.js';
import {
  mayNameSize,
  readCreateWords,
  readResizeWords,
} from '../../../../src/machines/model/create-words.js';
import { parseSize } from '../../../../src/machines/model/sizes.js';

const providerSizes = ['s-1vcpu-1gb', 't3.small'];

function read(line: string, { size, adopts = false }: { size?: string; adopts?: boolean } = {}) {
  const words = line.split(' ').filter((word) => word !== '');
  const sizes = new Set(words.filter((word) => parseSize(word) || providerSizes.includes(word)));
  return readCreateWords(words, { driver: 'cloud', adopts, sizes, ...(size !== undefined && { size }) });
}

function refusalOf(work: () => unknown): { message: string; hint: string | undefined } {
  try {
    work();
  } catch (error) {
    if (error instanceof UsageError) return { message: error.message, hint: error.hint };
  }
  throw new Error('nothing was refused');
}

describe('readCreateWords', () => {
  test.each([
    ['web', { nodes: ['web'] }],
    ['node1 node2', { nodes: ['node1', 'node2'] }],
    ['node1 node2 node3 node4', { nodes: ['node1', 'node2', 'node3', 'node4'] }],
    ['512mb node1', { size: '512mb', nodes: ['node1'] }],
    ['1.5GiB node[1:4]', { size: '1.5GiB', nodes: ['node[1:4]'] }],
    ['512 a b', { size: '512', nodes: ['a', 'b'] }],
    ['s-1vcpu-1gb web', { size: 's-1vcpu-1gb', nodes: ['web'] }],
    ['t3.small web', { size: 't3.small', nodes: ['web'] }],
    ['1test 2b3', { nodes: ['1test', '2b3'] }],
    ['node[1:2] web', { nodes: ['node[1:2]', 'web'] }],
  ])('%s', (line, expected) => {
    expect(read(line)).toEqual(expected);
  });

  test('--size sets the size, and all words are names', () => {
    expect(read('small web', { size: '1gb' })).toEqual({ size: '1gb', nodes: ['small', 'web'] });
  });

  test.each([
    ['', 'no machine specified'],
    ['512mb', '"512mb" is a size, and no machine is named'],
    ['1G', '"1G" is a size, and no machine is named'],
    ['s-1vcpu-1gb', '"s-1vcpu-1gb" is a size, and no machine is named'],
    ['node1 512mb', '"512mb" is a size, which comes before the names of the machines'],
    ['node1 t3.small', '"t3.small" is a size, which comes before the names of the machines'],
    ['512mbb node1', '"512mbb" is not a size, and looks too much like one to be a name'],
    ['512mbb', '"512mbb" is not a size, and looks too much like one to be a name'],
    ['512mb 1gbb', '"1gbb" is not a size, and looks too much like one to be a name'],
    ['512k node1', '"512k" is not a size, and looks too much like one to be a name'],
    ['512mb node1 1gb', '"512mb" and "1gb" are both sizes'],
    ['t3.huge node1', '"t3.huge" is neither a size of the cloud driver nor a machine name'],
  ])('"create %s" is refused', (line, message) => {
    expect(refusalOf(() => read(line)).message).toBe(message);
  });

  test('a misplaced size is shown in its place', () => {
    expect(refusalOf(() => read('node1 512mb node2')).hint).toBe('put it first: 512mb node1 node2');
  });

  test('--size and SIZE together are refused', () => {
    expect(refusalOf(() => read('512mb web', { size: '1gb' })).message).toBe(
      '"1gb" and "512mb" are both sizes',
    );
  });

  test('a driver that adopts servers takes names only', () => {
    expect(read('a b', { adopts: true })).toEqual({ nodes: ['a', 'b'] });
    expect(refusalOf(() => read('512mb a', { adopts: true })).message).toBe(
      '"512mb" is a size, and the cloud driver adopts servers as they are',
    );
  });
});

test.each(['512mb', '1g', '512', 'node[1:4]', 'a,b'])('%s cannot be the name of a size', (word) => {
  expect(mayNameSize(word)).toBe(false);
});

describe('readResizeWords', () => {
  test('the size comes first', () => {
    expect(readResizeWords(['1gb', 'node1', 'node2'])).toEqual({ size: '1gb', nodes: ['node1', 'node2'] });
    expect(readResizeWords(['t3.small', 'node1']).size).toBe('t3.small');
  });

  test.each([
    [[], 'no size specified', 'belt resize 1gb node1'],
    [
      ['node1', '1gb'],
      '"1gb" is a size, which comes before the names of the machines',
      'belt resize 1gb node1',
    ],
  ])('"resize %j" is refused', (words, message, hint) => {
    expect(refusalOf(() => readResizeWords(words))).toEqual({ message, hint });
  });
});
