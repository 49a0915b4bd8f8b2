import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

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
