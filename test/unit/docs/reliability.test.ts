import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readRows, updateTables } from '../../lab/fault-table.js';
import type { Fault } from '../../lab/record-fault.js';

const document = readFileSync('docs/reliability.md', 'utf8');
const kind = 'Disks and files';
const fault = (text: string, more: Partial<Fault> = {}): Fault => ({ kind, fault: text, ...more });
const rowsOf = (text: string): string[] => text.split('\n').filter((line) => line.startsWith('| a '));

test('docs/reliability.md stays the same when no test has run', () => {
  expect(updateTables(document, new Map())).toBe(document);
});

test('docs/reliability.md names only existing test files', () => {
  const files = [...new Set(readRows(document).map(({ file }) => file))];
  expect(files.filter((file) => !existsSync(file))).toEqual([]);
});

test('a test file replaces its own rows, and adds up the same fault', () => {
  const first = updateTables(
    '# Title\n\nText.\n',
    new Map([
      [
        'test/unit/one.test.ts',
        [fault('a full disk', { tried: 2, lost: 'the output' }), fault('a torn file')],
      ],
      ['test/unit/two.test.ts', [fault('a cut file'), fault('a cut file', { tried: 3 })]],
    ]),
  );
  expect(first).toMatch(/^# Title\n\nText\.\n\n## Disks and files\n\n\| Fault \| Tried \|/);
  const two = '| a cut file | 4 | nothing | [unit/two](../test/unit/two.test.ts) |';
  expect(rowsOf(first)).toEqual([
    two,
    '| a full disk | 2 | the output | [unit/one](../test/unit/one.test.ts) |',
    '| a torn file | 1 | nothing | [unit/one](../test/unit/one.test.ts) |',
  ]);
  expect(rowsOf(updateTables(first, new Map([['test/unit/one.test.ts', []]])))).toEqual([two]);
});
