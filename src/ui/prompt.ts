import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { AbortError, UserError } from '../base/errors.js';
import { safeText } from './safe-text.js';

interface Terminal {
  input: Readable;
  output: Writable;
  signal?: AbortSignal;
}

/**
 * `y` and `yes` mean yes; anything else, and the end of the input, mean no.
 * @throws the signal's reason
 */
export async function confirm(question: string, { input, output, signal }: Terminal): Promise<boolean> {
  signal?.throwIfAborted();
  output.write(safeText(question));
  // Without this, readline handles Ctrl-C itself.
  const lines = createInterface({ input, terminal: false });
  try {
    const answer = await firstLine(lines, signal);
    if (answer === undefined) output.write('\n');
    return /^y(es)?$/i.test(answer?.trim() ?? '');
  } finally {
    lines.close();
  }
}

/**
 * The question has its own line, so that progress lines do not overwrite it.
 * @throws UserError without a terminal; AbortError on Ctrl-C; the signal's reason
 */
export async function askSecret(
  question: string,
  { input, output, signal }: SecretTerminal,
): Promise<string> {
  if (!input.isTTY) {
    throw new UserError(
      `a password is required, but there is no terminal to prompt for it: "${question.trim()}"`,
      { hint: 'run it in a terminal, or let the SSH user run sudo without a password' },
    );
  }
  signal?.throwIfAborted();
  output.write(`${safeText(question)}\n`);
  input.setRawMode(true);
  try {
    return await readSecret(input, signal);
  } finally {
    input.setRawMode(false);
    input.pause();
  }
}

/**
 * Reads the first line of piped input instead, if there is no terminal.
 * @throws UserError for an empty secret; AbortError on Ctrl-C; the signal's reason
 */
export async function askOrReadSecret(question: string, terminal: SecretTerminal): Promise<string> {
  const { input, signal } = terminal;
  const secret = input.isTTY ? await askSecret(question, terminal) : await pipedLine(input, signal);
  if (secret.trim() !== '') return secret.trim();
  throw new UserError('nothing was entered');
}

async function pipedLine(input: Readable, signal?: AbortSignal): Promise<string> {
  signal?.throwIfAborted();
  const lines = createInterface({ input, terminal: false });
  try {
    return (await firstLine(lines, signal)) ?? '';
  } finally {
    lines.close();
  }
}

export interface SecretTerminal extends Terminal {
  input: ReadStream;
}

function readSecret(input: ReadStream, signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = '';
    const settle = (finish: () => void): void => {
      input.off('data', onData);
      finish();
    };
    const onData = (data: Buffer): void => {
      for (const key of data.toString('utf8')) {
        if (key === '\r' || key === '\n') settle(() => resolve(typed));
        else if (key === '\u0003' || key === '\u0004') settle(() => reject(new AbortError()));
        else typed = key === '\u007f' || key === '\b' ? typed.slice(0, -1) : typed + key;
      }
    };
    input.on('data', onData);
    signal?.addEventListener('abort', () => settle(() => reject(signal.reason)), { once: true });
  });
}

function firstLine(
  lines: ReturnType<typeof createInterface>,
  signal?: AbortSignal,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(undefined));
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
