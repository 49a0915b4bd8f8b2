import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { AbortError, UserError } from '../errors.js';

export interface Terminal {
  input: Readable;
  output: Writable;
  /** Ends the question. */
  signal?: AbortSignal;
}

/**
 * Asks a question that is shown as it is; `y` and `yes` are yes, anything else and the end of the input is no.
 * @throws the signal's reason
 */
export async function confirm(question: string, { input, output, signal }: Terminal): Promise<boolean> {
  signal?.throwIfAborted();
  output.write(question);
  // Without `terminal: false` the line editor would take Ctrl-C for itself.
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
 * Asks for what must not be seen: nothing of it is shown. The question stands on a line of its own, which lines of progress that
 * are drawn below it leave alone.
 * @throws UserError where there is no terminal to ask at; AbortError on Ctrl-C; the signal's reason
 */
export async function askSecret(
  question: string,
  { input, output, signal }: SecretTerminal,
): Promise<string> {
  if (!input.isTTY) {
    throw new UserError(
      `a password is needed, and there is no terminal to ask for it: "${question.trim()}"`,
      {
        hint: 'run it at a terminal, or let the SSH user use sudo without a password',
      },
    );
  }
  signal?.throwIfAborted();
  output.write(`${question}\n`);
  input.setRawMode(true);
  try {
    return await readSecret(input, signal);
  } finally {
    input.setRawMode(false);
    input.pause();
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
