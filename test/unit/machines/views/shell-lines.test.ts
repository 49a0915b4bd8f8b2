import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ShellVariable, shellLines } from '../../../../src/machines/views/shell-lines.js';
import { recordFault } from '../../../lab/record-fault.js';

const set: ShellVariable[] = [
  ['DOCKER_TLS_VERIFY', '1'],
  ['DOCKER_HOST', 'tcp://10.0.0.2:2376'],
];
const unset: ShellVariable[] = set.map(([name]) => [name, undefined]);

describe('env', () => {
  test.each([
    [
      'bash',
      'export DOCKER_TLS_VERIFY="1"\nexport DOCKER_HOST="tcp://10.0.0.2:2376"',
      'unset DOCKER_TLS_VERIFY\nunset DOCKER_HOST',
      '# Run this command to configure your shell: \n# eval $(belt env a)',
    ],
    [
      'fish',
      'set -gx DOCKER_TLS_VERIFY "1";\nset -gx DOCKER_HOST "tcp://10.0.0.2:2376";',
      'set -e DOCKER_TLS_VERIFY;\nset -e DOCKER_HOST;',
      '# Run this command to configure your shell: \n# eval (belt env a)',
    ],
    [
      'powershell',
      '$Env:DOCKER_TLS_VERIFY = "1"\n$Env:DOCKER_HOST = "tcp://10.0.0.2:2376"',
      'Remove-Item Env:\\DOCKER_TLS_VERIFY\nRemove-Item Env:\\DOCKER_HOST',
      '# Run this command to configure your shell: \n# & belt env a | Invoke-Expression',
    ],
    [
      'cmd',
      'SET DOCKER_TLS_VERIFY=1\nSET DOCKER_HOST=tcp://10.0.0.2:2376',
      'SET DOCKER_TLS_VERIFY=\nSET DOCKER_HOST=',
      'REM Run this command to configure your shell: \nREM \t@FOR /f "tokens=*" %i IN (\'belt env a\') DO @%i',
    ],
    [
      'tcsh',
      'setenv DOCKER_TLS_VERIFY "1";\nsetenv DOCKER_HOST "tcp://10.0.0.2:2376";',
      'unsetenv DOCKER_TLS_VERIFY;\nunsetenv DOCKER_HOST;',
      ': Run this command to configure your shell: \n: eval `belt env a`',
    ],
    [
      'emacs',
      '(setenv "DOCKER_TLS_VERIFY" "1")\n(setenv "DOCKER_HOST" "tcp://10.0.0.2:2376")',
      '(setenv "DOCKER_TLS_VERIFY" nil)\n(setenv "DOCKER_HOST" nil)',
      ';; Run this command to configure your shell: \n;; (with-temp-buffer (shell-command "belt env a" (current-buffer)) (eval-buffer))',
    ],
  ])('env prints lines for %s', (shell, setLines, unsetLines, hint) => {
    expect(shellLines(shell, set, 'belt env a')).toBe(`${setLines}\n${hint}`);
    expect(shellLines(shell, unset, 'belt env a')).toBe(`${unsetLines}\n${hint}`);
  });

  test.each(['zsh', 'sh', 'dash', 'constructor'])('env treats %s as a POSIX shell', (shell) => {
    expect(shellLines(shell, set, 'belt env a')).toBe(shellLines('bash', set, 'belt env a'));
  });

  test.each([
    ['fish', 'set -gx K "a\\"b\\$c`d\\\\e";'],
    ['powershell', '$Env:K = "a`"b`$c``d\\e"'],
    ['cmd', 'SET K=a"b$c`d\\e'],
    ['tcsh', 'setenv K "a"\'"\'"b"\'$\'"c"\'`\'"d\\e";'],
    ['emacs', '(setenv "K" "a\\"b$c`d\\\\e")'],
  ])('env for %s quotes special characters', (shell, line) => {
    expect(shellLines(shell, [['K', 'a"b$c`d\\e']], 'belt env a').split('\n')[0]).toBe(line);
  });
});

describe('env in a real sh', () => {
  const evaluate = (script: string, lines: string, names: string[]): string[] =>
    execFileSync(
      'sh',
      ['-c', `${script}; for name; do eval "printf '%s\\0' \\"\\$$name\\""; done`, 'sh', ...names],
      {
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], LINES_: lines, OLD: 'old' },
      },
    )
      .split('\0')
      .slice(0, -1);

  test('env works in eval $(...), which joins all lines', () => {
    const lines = shellLines('sh', set, 'belt env a');
    expect(
      evaluate(
        'eval $(printf \'%s\' "$LINES_")',
        lines,
        set.map(([name]) => name),
      ),
    ).toEqual(set.map(([, value]) => value));
  });

  test('set and unset variables do not interfere in eval $(...)', () => {
    const mixed: ShellVariable[] = [
      ['OLD', undefined],
      ['NO_PROXY', 'a,b'],
    ];
    const lines = shellLines('sh', mixed, 'belt env -u --no-proxy');
    expect(evaluate('eval $(printf \'%s\' "$LINES_")', lines, ['OLD', 'NO_PROXY'])).toEqual(['', 'a,b']);
  });

  test('property: a real sh reads any value unchanged', () => {
    let tried = 0;
    const value = fc.string({ unit: fc.constantFrom(...'ab "\'$`\\!*;&|<>(){}[]#~=%é\u201c') });
    fc.assert(
      fc.property(value, (text) => {
        tried++;
        expect(evaluate('eval "$LINES_"', shellLines('sh', [['K', text]], 'belt env a'), ['K'])).toEqual([
          text,
        ]);
      }),
      { numRuns: 60 },
    );
    recordFault({ kind: 'Untrusted input', fault: 'shell syntax in a value that `env` prints', tried });
  });
});
