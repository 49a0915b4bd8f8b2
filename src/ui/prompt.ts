import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import { AbortError, UserError } from '../base/errors.js';

export interface Terminal {
  input: Readable;
  output: Writable;
  /** Ends the question. */
  signal?: AbortSignal;
}

export interface Question extends Terminal {
  /** The end of the input is a failure, and not a "no". */
  mustAnswer?: boolean;
}

/** The answer "no" where the caller needs the work done. */
export function notAgreed(work: 'changed' | 'removed', hint?: string): UserError {
  return new UserError(`aborted; nothing was ${work}`, hint === undefined ? {} : { hint });
}

/**
 * Asks a question that is shown as it is; `y` and `yes` are yes, anything else and the end of the
 * input is no.
 * @throws UserError at the end of the input where there must be an answer; the signal's reason
 */
export async function confirm(
  question: string,
  { input, output, signal, mustAnswer = false }: Question,
): Promise<boolean> {
  signal?.throwIfAborted();
  output.write(question);
  // Without `terminal: false` the line editor would take Ctrl-C for itself.
  const lines = createInterface({ input, terminal: false });
  try {
    const answer = await firstLine(lines, signal);
    if (answer === undefined) output.write('\n');
    if (answer === undefined && mustAnswer)
      throw new UserError('EOF', { hint: 'answer y or n, or use --yes' });
    return /^y(es)?$/i.test(answer?.trim() ?? '');
  } finally {
    lines.close();
  }
}

/**
 * Asks for a secret without echoing it. The question has a line of its own, which progress lines
 * below it do not overwrite.
 * @throws UserError without a terminal; AbortError on Ctrl-C; the signal's reason
 */
export async function askSecret(
  question: string,
  { input, output, signal }: SecretTerminal,
): Promise<string> {
  if (!input.isTTY) {
    throw new UserError(
      `a password is required, but there is no terminal to ask for it: "${question.trim()}"`,
      {
        hint: 'run it in a terminal, or let the SSH user run sudo without a password',
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

/**
 * The secret: asked for at a terminal, as `askSecret` does; otherwise the first line of what is
 * piped in.
 * @throws UserError when there is none; AbortError on Ctrl-C; the signal's reason
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
