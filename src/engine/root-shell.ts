import { Readable, Writable } from 'node:stream';
import { ExternalError, UserError } from '../base/errors.js';
import { LineSplitter } from '../base/line-splitter.js';
import { quoteArgs } from '../base/quote-args.js';
import { withTimeout } from '../base/with-timeout.js';
import type { Connection } from '../ssh/index.js';
import type { RootAccess } from './model/facts.js';

/** Passed on standard input, so other users cannot see it on a command line. */
interface RootScript {
  text: string;
  access: RootAccess;
  /** For sudo, with `access: 'password'`. */
  password?: string;
  timeoutMs: number;
  signal: AbortSignal;
  /** Lines of standard output, or of standard error with `data`. */
  onLine: (line: string) => void;
  /** Streams for standard input and output. The script is then on the command line. */
  data?: { input?: Readable; output?: Writable };
}

/**
 * @returns the exit code and the end of standard error
 * @throws UserError when sudo refuses; ExternalError on a timeout or a broken connection;
 * AbortError
 */
export async function runAsRoot(
  connection: Connection,
  { text, access, password, timeoutMs, signal, onLine, data }: RootScript,
): Promise<{ code: number; stderr: string }> {
  const lines = new LineSplitter(onLine);
  const errors = new TailSink();
  const passwordLine = access === 'password' ? `${password ?? ''}\n` : '';
  const shell = `${sudoCommands[access]}/bin/sh`;
  const { name, user } = connection.target;
  const run = (stop: AbortSignal): Promise<number> =>
    data
      ? connection.stream(`${shell} -c ${quoteArgs([text])}`, {
          stdin: prefixed(passwordLine, data.input),
          stdout: data.output ?? devNull(),
          stderr: tee(errors, lines),
          signal: stop,
        })
      : connection.stream(`${shell} -s`, {
          stdin: Readable.from([passwordLine + text]),
          stdout: lines,
          stderr: errors,
          signal: stop,
        });
  const code = await withTimeout(
    timeoutMs,
    signal,
    run,
    () => new ExternalError(`${name}: the script did not finish within ${timeoutMs / 1000} s`),
  );
  if (access === 'password' && /incorrect password|no password was provided/.test(errors.text))
    throw new UserError(`${name}: sudo rejected the password of ${user}`);
  return { code, stderr: errors.text };
}

/** `-k` makes sudo always read the password; its errors are parsed, so must be in English. */
const sudoCommands: Readonly<Record<RootAccess, string>> = {
  root: '',
  sudo: 'sudo -n ',
  password: "env LC_ALL=C sudo -k -S -p '' ",
  none: '',
};

/** sudo reads its password byte by byte, so the rest is left to the script. */
function prefixed(first: string, rest: Readable | undefined): Readable {
  if (first === '' && rest) return rest;
  return Readable.from(
    (async function* () {
      if (first !== '') yield Buffer.from(first);
      if (rest) yield* rest;
    })(),
  );
}

function devNull(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

function tee(...sinks: Writable[]): Writable {
  const all = new Writable({
    write(chunk, _encoding, done) {
      for (const sink of sinks) sink.write(chunk);
      done();
    },
  });
  for (const sink of sinks) sink.once('error', (error) => all.destroy(error));
  return all;
}

/** Passes the kind of root access to the script as its argument. */
export const rootShellCommand = `/bin/sh -c '${[
  'if [ "$(id -u)" = 0 ]; then exec /bin/sh -s root; fi',
  'if ! command -v sudo >/dev/null; then exec /bin/sh -s none; fi',
  // The reason of a refusal goes to standard error.
  'if LC_ALL=C sudo -n true; then exec sudo -n /bin/sh -s sudo; fi',
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
