import fc from 'fast-check';
import { expect, test } from 'vitest';
import { findJsonProblem } from '../../../src/base/json-problem.js';

test.each([
  ['{\n  "a": 1,\n}', 3, 1, 'there is a comma before "}"'],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, 'expected "," or "}", but there is "b"'],
  ['{ "a" 1 }', 1, 7, 'expected ":", but there is "1"'],
  ["{ 'a': 1 }", 1, 3, 'expected a key in double quotes, but there is a single quote'],
  ['{ a: 1 }', 1, 3, 'expected a key in double quotes, but there is "a"'],
  ['{ // x\n}', 1, 3, 'expected a key in double quotes, but there is a comment, which JSON does not have'],
  ['{ "a": True }', 1, 8, 'expected a value, but there is "True"'],
  ['{ "a": [1, 2 }', 1, 14, 'expected "," or "]", but there is "}"'],
  ['{ "a": "b', 1, 8, 'the string has no end, or a character that JSON escapes'],
  ['{', 1, 2, 'expected a key in double quotes, but the file ends'],
  ['', 1, 1, 'expected a value, but the file ends'],
  ['{\u00a0"a": 1}', 1, 2, 'expected a key in double quotes, but there is "U+00A0"'],
  ['\uFFFD\uFFFD{\0', 1, 1, 'expected a value, but there is text that is not UTF-8'],
  ['['.repeat(100_000), 1, 1001, 'more than 1000 brackets are open'],
  ['{}}', 1, 3, 'expected the end of the file, but there is "}"'],
])('findJsonProblem locates what is wrong in %j', (text, line, column, problem) => {
  expect(findJsonProblem(text)).toEqual({ line, column, problem });
});

test('findJsonProblem finds a repeated key if asked to', () => {
  const text = '{"a": {"b": 1}, "c": {"b": 2},\n "a": {}}';
  expect(findJsonProblem(text)).toBeUndefined();
  const problem = 'the key "a" is there a second time';
  expect(findJsonProblem(text, { unique: true })).toEqual({ line: 2, column: 2, problem });
});

test('findJsonProblem agrees with JSON.parse', () => {
  const pieces = fc.array(
    fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"a"', '1', '-0.5e3', '01', 'true', 'nul', ' ', '\n', '"', '\\'],
    ),
  );
  const valid = fc.json().chain((text) => fc.constantFrom(text, text.slice(1), text.replace(',', '')));
  fc.assert(
    fc.property(
      fc.oneof(
        pieces.map((words) => words.join('')),
        valid,
      ),
      (text) => {
        let isValid = true;
        try {
          JSON.parse(text);
        } catch {
          isValid = false;
        }
        expect(findJsonProblem(text) === undefined).toBe(isValid);
      },
    ),
    { numRuns: 2000 },
  );
});
