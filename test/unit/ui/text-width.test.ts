import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AbortError, ExternalError, UsageError, UserError } from '../../../src/base/errors.js';
import { formatElapsed } from '../../../src/ui/format-elapsed.js';
import { formatError } from '../../../src/ui/format-error.js';
import { askOrReadSecret, confirm, type SecretTerminal } from '../../../src/ui/prompt.js';
import { oneLine, redact } from '../../../src/ui/safe-text.js';
import { truncate, widthOf, wrap } from '../../../src/ui/text-width.js';
import { recordFault } from '../../lab/record-fault.js';

const plain = { debug: false, color: false };

describe('formatError', () => {
  test('formatError prints the hint of a user error after Try:', () => {
    const error = new UserError('no machine is called "node9"', {
      hint: 'belt ls',
      cause: new Error('inner'),
    });
    expect(formatError(error, plain)).toBe('error: no machine is called "node9"\nTry: belt ls');
    expect(formatError(error, { debug: false, color: true })).toBe(
      '\x1b[31merror:\x1b[39m no machine is called "node9"\n\x1b[2mTry: belt ls\x1b[22m',
    );
  });

  test('formatError prints one line for an error without a hint', () => {
    expect(formatError(new ExternalError('debootstrap ended with exit code 1'), plain)).toBe(
      'error: debootstrap ended with exit code 1',
    );
    expect(formatError(new AbortError(), plain)).toBe('error: interrupted');
  });

  test('formatError keeps a pattern and its caret aligned', () => {
    const error = new UsageError('node[4:1] counts down\n  node[4:1]\n       ^');
    expect(formatError(error, plain)).toBe('error: node[4:1] counts down\n  node[4:1]\n       ^');
  });

  test('formatError prints causes with --debug', () => {
    const inner = new TypeError('inner');
    inner.stack = 'TypeError: inner\n    at somewhere';
    const outer = new ExternalError('outer', { cause: new UserError('middle', { cause: inner }) });
    const lines = formatError(outer, { debug: true, color: false }).split('\n');
    expect(lines.filter((line) => !line.startsWith('    at '))).toEqual([
      'error: outer',
      'caused by: UserError: middle',
      'caused by: TypeError: inner',
    ]);
    expect(lines.at(-1)).toBe('    at somewhere');
  });

  test('formatError reports unexpected errors as bugs in belt', () => {
    const error = new TypeError('x is not a function');
    error.stack = 'TypeError: x is not a function\n    at somewhere';
    expect(formatError(error, plain)).toBe(
      'this is a bug in belt: x is not a function\nrun the same command with --debug and report what it prints',
    );
    expect(formatError(error, { debug: true, color: false, reportAt: 'https://example.org/issues' })).toBe(
      [
        'this is a bug in belt: x is not a function',
        'TypeError: x is not a function',
        '    at somewhere',
        'please report this at https://example.org/issues, with all lines above',
      ].join('\n'),
    );
    expect(formatError('thrown text', plain).split('\n')[0]).toBe('this is a bug in belt: thrown text');
  });

  test('formatError prints no secrets', () => {
    const cause = new Error('joining with SWMTKN-1-abc0-def1 failed');
    expect(formatError(new ExternalError('no', { cause }), { debug: true, color: false })).not.toContain(
      'abc0',
    );
  });
});

describe('redact', () => {
  const key = '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----';

  test.each([
    [
      'join --token SWMTKN-1-3pu6hszjas19xyp7-8vxv8rssmk743ojn 10.0.0.1:2377',
      'join --token SWMTKN-1-[redacted] 10.0.0.1:2377',
    ],
    ['key SWMKEY-1-7c37Cc8654o6p38HnroywCi19pllOnGtbdZEgtKxZu8.', 'key SWMKEY-1-[redacted].'],
    [
      `before\n${key}\nafter`,
      'before\n-----BEGIN OPENSSH PRIVATE KEY-----[redacted]-----END OPENSSH PRIVATE KEY-----\nafter',
    ],
    ['-----BEGIN RSA PRIVATE KEY-----\nMIIcut off', '-----BEGIN RSA PRIVATE KEY-----[redacted]'],
    ['Authorization: Bearer abcdef0123456789', 'Authorization: Bearer [redacted]'],
    ['token dop_v1_0123456789abcdef is wrong', 'token dop_v1_[redacted] is wrong'],
    ['AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPx next', 'AWS_SECRET_ACCESS_KEY=[redacted] next'],
    ['{"SecretAccessKey": "wJalrXUtnFEMI"}', '{"SecretAccessKey": "[redacted]"}'],
    [
      'belt create -d digitalocean --digitalocean-access-token 0123abc node1',
      'belt create -d digitalocean --digitalocean-access-token [redacted] node1',
    ],
    ['a bearer of news, basic things and a public key', 'a bearer of news, basic things and a public key'],
  ])('redact replaces only the secrets in: %s', (text, shown) => expect(redact(text)).toBe(shown));

  test('property: redact is idempotent and removes tokens in any context', () => {
    let tried = 0;
    const token = fc.stringMatching(/^[a-z0-9]{20,40}$/);
    fc.assert(
      fc.property(fc.string(), token, fc.string(), (before, secret, after) => {
        tried++;
        const shown = redact(
          `${before} SWMTKN-1-${secret}-${secret} dop_v1_${secret} Bearer ${secret} ${after}`,
        );
        expect(shown).not.toContain(secret);
        expect(redact(shown)).toBe(shown);
      }),
    );
    recordFault({ kind: 'Untrusted input', fault: 'tokens anywhere in a text', tried });
  });
});

describe('confirm', () => {
  async function ask(answer: string): Promise<{ yes: boolean; written: string }> {
    const input = new PassThrough();
    const output = new PassThrough();
    input.end(answer);
    const yes = await confirm('Are you sure? (y/N) ', { input, output });
    return { yes, written: String(output.read()) };
  }

  test.each(['y\n', 'Y\n', 'yes\n', ' yes \r\n', 'y'])('confirm accepts %j as yes', async (answer) => {
    expect(await ask(answer)).toEqual({ yes: true, written: 'Are you sure? (y/N) ' });
  });

  test.each(['n\n', '\n', 'yess\n', 'no\ny\n'])('confirm takes %j for no', async (answer) => {
    expect(await ask(answer)).toEqual({ yes: false, written: 'Are you sure? (y/N) ' });
  });

  test('confirm takes the end of the input for no and ends the line', async () => {
    expect(await ask('')).toEqual({ yes: false, written: 'Are you sure? (y/N) \n' });
  });

  test('an abort ends confirm', async () => {
    const controller = new AbortController();
    const answer = confirm('?', {
      input: new PassThrough(),
      output: new PassThrough(),
      signal: controller.signal,
    });
    controller.abort(new AbortError());
    await expect(answer).rejects.toThrow(AbortError);
  });
});

describe('secrets', () => {
  async function ask(answer: string, terminal: boolean): Promise<{ secret: string; written: string }> {
    const input = Object.assign(new PassThrough(), { isTTY: terminal, setRawMode: () => input });
    const output = new PassThrough();
    const asking = askOrReadSecret('Key:', { input: input as unknown as SecretTerminal['input'], output });
    input.end(answer);
    const secret = await asking;
    return { secret, written: String(output.read() ?? '') };
  }

  test('askOrReadSecret reads the first line of piped input without a prompt', async () => {
    expect(await ask('SWMKEY-1-abc\r\nmore\n', false)).toEqual({ secret: 'SWMKEY-1-abc', written: '' });
  });

  test('askOrReadSecret prompts on a terminal without echo', async () => {
    expect(await ask('SWMKEY-1-abx\u007fc\r', true)).toEqual({ secret: 'SWMKEY-1-abc', written: 'Key:\n' });
  });

  test.each([
    ['', false],
    ['\n', false],
    ['\r', true],
  ])('askOrReadSecret refuses %j', async (answer, terminal) => {
    await expect(ask(answer, terminal)).rejects.toThrow('nothing was entered');
  });
});

describe('text', () => {
  test.each([
    [0, '0.0s'],
    [1250, '1.2s'],
    [59_999, '59.9s'],
    [60_000, '1m00s'],
    [64_000, '1m04s'],
    [7_620_000, '2h07m'],
  ])('%d ms are shown as %s', (milliseconds, text) => expect(formatElapsed(milliseconds)).toBe(text));

  test('oneLine removes colors and control characters', () => {
    expect(oneLine(' a\r\n\x1b[1mb\x1b[0m\tc\u0007 ')).toBe('a b c');
  });

  test('truncate keeps what fits and never exceeds its width', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        const clean = oneLine(text);
        const cut = truncate(clean, width);
        expect(widthOf(cut)).toBeLessThanOrEqual(width);
        if (widthOf(clean) <= width) expect(cut).toBe(clean);
        else expect(clean.startsWith(cut.slice(0, -1)) && cut.endsWith('…')).toBe(true);
      }),
    );
  });

  test('property: wrap keeps every word, and no line is too wide', () => {
    const words = fc.array(fc.stringMatching(/^[a-z日é]{1,12}$/));
    fc.assert(
      fc.property(words, fc.integer({ min: 2, max: 30 }), (some, width) => {
        const lines = wrap(some.join(' '), width);
        expect(lines.join('').replaceAll(' ', '')).toBe(some.join(''));
        expect(lines.filter((line) => widthOf(line) > width)).toEqual([]);
      }),
    );
  });

  test('wrap breaks at spaces and keeps indents', () => {
    expect(wrap('one two three\n  four', 8)).toEqual(['one two', 'three', '  four']);
  });
});
