import { expect, test } from 'vitest';
import { redactedCommandLine } from '../../../src/cli/redacted-command-line.js';

test.each([
  [['belt', 'create', '512mb', 'node1'], 'belt create 512mb node1'],
  [['create', '--engine-label', 'a=b c', "it's"], "create --engine-label 'a=b c' 'it'\\''s'"],
  [['create', 'node[1:4]', ''], "create 'node[1:4]' ''"],
  [['-D', '--acme-key', 'hunter2', 'n'], '-D --acme-key [redacted] n'],
  [['-acme-key', 'hunter2', 'n'], '-acme-key [redacted] n'],
  [['--acme-key=hunter2', '-acme-key=x y'], '--acme-key=[redacted] -acme-key=[redacted]'],
  [
    ['--bugsnag-api-token=x', '--github-api-token', 'y'],
    '--bugsnag-api-token=[redacted] --github-api-token [redacted]',
  ],
  [['acme-key', 'n', '--acme-keys=x'], "acme-key n '--acme-keys=x'"],
])('%j is printed without secrets', (words, expected) => {
  expect(redactedCommandLine(words, ['acme-key'])).toBe(expected);
});
