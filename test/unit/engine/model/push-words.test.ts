import { expect, test } from 'vitest';
import { ambiguousWord, looksLikeArchive, splitPushWords } from '../../../../src/engine/model/push-words.js';

const isMachine = (word: string): boolean => /^(?:node|redis$)|\[/.test(word);

test.each([
  ['web:1 node1', 'web:1', 'node1', ''],
  ['web:1 db:2 node1 node2', 'web:1 db:2', 'node1 node2', 'node1'],
  ['web:1 node[1:4] !node3', 'web:1', 'node[1:4] !node3', ''],
  ['redis node1', 'redis', 'node1', ''],
  ['web redis node1', 'web', 'redis node1', 'redis'],
  ['web nod9', 'web', 'nod9', ''],
  ['- node1', '-', 'node1', ''],
  ['node1 node2', 'node1', 'node2', ''],
])('"belt push %s" pushes %s to %s', (line, images, nodes, ambiguous) => {
  expect(splitPushWords(line.split(' '), isMachine)).toEqual({
    images: images.split(' '),
    nodes: nodes.split(' '),
    ambiguous: ambiguous === '' ? [] : ambiguous.split(' '),
  });
});

test('with --all, every word is an image', () => {
  expect(splitPushWords(['web', 'redis', '!node3'], isMachine, { all: true })).toEqual({
    images: ['web', 'redis'],
    nodes: ['!node3'],
    ambiguous: [],
  });
});

test.each([
  ['', 'no image specified'],
  ['web:1', 'no machine specified'],
  ['node1', '"node1" is a machine, and no image is specified'],
])('"belt push %s" is refused', (line, message) => {
  expect(() => splitPushWords(line.split(' ').filter(Boolean), isMachine)).toThrow(message);
});

test('a word that is an image and a machine is refused with both readings', () => {
  const split = splitPushWords(['web', 'redis', 'node1'], isMachine);
  expect(ambiguousWord('redis', split)).toMatchObject({
    message: '"redis" is an image and a machine',
    hint: 'belt push web redis:latest node1 for the image, or belt push web redis,node1 for the machine',
  });
});

test.each([
  ['-', true],
  ['./web', true],
  ['/tmp/web', true],
  ['~/web', true],
  ['web.tar', true],
  ['web.tar.gz', true],
  ['web.tgz', true],
  ['registry:5000/team/web:1', false],
  ['web', false],
])('whether "%s" is an archive: %s', (word, expected) => {
  expect(looksLikeArchive(word)).toBe(expected);
});
