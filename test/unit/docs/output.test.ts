import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Fields, readOutputTypes } from './output-fields.js';

const document = readFileSync(join(import.meta.dirname, '../../../docs/output.md'), 'utf8');
const { results, errorCodes } = readOutputTypes();

/** The tables below the headings, which list commands in backticks. */
const documented = new Map<string, Fields>(
  document
    .split(/^### /m)
    .slice(1)
    .flatMap((section) => {
      const [heading = '', ...lines] = section.split('\n');
      const rows = lines.flatMap((line) => {
        const [, field, type] = /^\| `([^`]+)` \| ([^|]+) \| [^|]+ \|$/.exec(line) ?? [];
        return field && type ? [[field, type] as const] : [];
      });
      return [...heading.matchAll(/`([^`]+)`/g)].map(
        ([, command]) => [command as string, new Map(rows)] as const,
      );
    }),
);

describe('docs/output.md', () => {
  test('docs/output.md describes the result of every command that prints results', () => {
    expect([...documented.keys()].sort()).toEqual([...results.keys()].sort());
  });

  test.each([...results])(
    'docs/output.md lists the fields of "belt %s" with their types',
    (command, fields) => {
      expect(Object.fromEntries(documented.get(command) ?? [])).toEqual(Object.fromEntries(fields));
    },
  );

  test.each([...results])('the fields of "belt %s" are in camelCase', (_, fields) => {
    for (const path of fields.keys()) expect(path).toMatch(/^(\[\]|\*|[a-z][A-Za-z0-9]*\??(\[\])?|\.)*$/);
  });

  test('docs/output.md lists every error code', () => {
    const [, codes = ''] = /## Errors(.*?)## Results/s.exec(document) ?? [];
    expect([...codes.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code).sort()).toEqual(
      [...errorCodes].sort(),
    );
  });
});
