import { Readable, Writable } from 'node:stream';
import type { RootAccess } from '../../engine/facts.js';
import { ExternalError, UserError } from '../../errors.js';
import type { Connection } from '../../ssh/index.js';
import { LineSplitter } from '../line-splitter.js';

/** A script for a machine: it comes on standard input, so that nothing of it stands on a command line that others could read. */
export interface Script {
  text: string;
  access: RootAccess;
  /** For sudo, where `access` is `password`. */
  password?: string;
  timeoutMs: number;
  signal: AbortSignal;
  /** Each line of its standard output, as it comes. */
  onLine: (line: string) => void;
}

/**
 * Runs a shell script as root.
 * @returns the exit code, and the end of what it wrote to standard error
 * @throws UserError when sudo refuses; ExternalError when it does not end in time or the connection breaks; AbortError
 */
export async function runAsRoot(
  connection: Connection,
  { text, access, password, timeoutMs, signal, onLine }: Script,
): Promise<{ code: number; stderr: string }> {
  const limit = AbortSignal.timeout(timeoutMs);
  const lines = new LineSplitter(onLine);
  const errors = new TailSink();
  const input = access === 'password' ? `${password ?? ''}\n${text}` : text;
  try {
    const code = await connection.stream(shells[access], {
      stdin: Readable.from([input]),
      stdout: lines,
      stderr: errors,
      signal: AbortSignal.any([limit, signal]),
    });
    if (access === 'password' && /incorrect password|no password was provided/.test(errors.text)) {
      throw new UserError(
        `${connection.target.name}: sudo did not take the password of ${connection.target.user}`,
      );
    }
    return { code, stderr: errors.text };
  } catch (error) {
    if (!limit.aborted || signal.aborted) throw error;
    throw new ExternalError(
      `${connection.target.name}: the work there did not end within ${timeoutMs / 1000} s`,
      { cause: error },
    );
  }
}

/** `-k` makes sudo ask even where it remembers: the first line of the input is then always taken as the password (sudo(8)). */
const shells: Readonly<Record<RootAccess, string>> = {
  root: '/bin/sh -s',
  sudo: 'sudo -n /bin/sh -s',
  password: "sudo -k -S -p '' /bin/sh -s",
  none: '/bin/sh -s',
};

/** Finds out by itself how root's rights are to be had, and tells the script as its argument. */
export const bestShell = `/bin/sh -c '${[
  'if [ "$(id -u)" = 0 ]; then exec /bin/sh -s root; fi',
  'if ! command -v sudo >/dev/null; then exec /bin/sh -s none; fi',
  'if sudo -n true 2>/dev/null; then exec sudo -n /bin/sh -s sudo; fi',
  'exec /bin/sh -s password',
].join('; ')}'`;

const tailLength = 16 * 1024;

class TailSink extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text = (this.text + chunk.toString('utf8')).slice(-tailLength);
    done();
  }
}
