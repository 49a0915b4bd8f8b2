import { Readable, Writable } from 'node:stream';
import { ExternalError, UserError } from '../base/errors.js';
import { LineSplitter } from '../base/line-splitter.js';
import { quoteArgs } from '../base/quote-args.js';
import { withTimeout } from '../base/with-timeout.js';
import type { Connection } from '../ssh/index.js';
import type { RootAccess } from './model/facts.js';

/** A script for a machine: it comes on standard input, so that nothing of it stands on a command line that others could read. */
export interface Script {
  text: string;
  access: RootAccess;
  /** For sudo, where `access` is `password`. */
  password?: string;
  timeoutMs: number;
  signal: AbortSignal;
  /** Each line of its standard output, as it comes; with `data` of its standard error. */
  onLine: (line: string) => void;
  /** Bytes for the script's standard input, or from its standard output. The script itself then stands on the command line. */
  data?: { input?: Readable; output?: Writable };
}

/**
 * Runs a shell script as root.
 * @returns the exit code, and the end of what it wrote to standard error
 * @throws UserError when sudo refuses; ExternalError when it does not end in time or the connection breaks; AbortError
 */
export async function runAsRoot(
  connection: Connection,
  { text, access, password, timeoutMs, signal, onLine, data }: Script,
): Promise<{ code: number; stderr: string }> {
  const lines = new LineSplitter(onLine);
  const errors = new TailSink();
  const unlock = access === 'password' ? `${password ?? ''}\n` : '';
  const shell = `${rightsOf[access]}/bin/sh`;
  const { name, user } = connection.target;
  const run = (stop: AbortSignal): Promise<number> =>
    data
      ? connection.stream(`${shell} -c ${quoteArgs([text])}`, {
          stdin: prefixed(unlock, data.input),
          stdout: data.output ?? devNull(),
          stderr: tee(errors, lines),
          signal: stop,
        })
      : connection.stream(`${shell} -s`, {
          stdin: Readable.from([unlock + text]),
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

/**
 * `-k` makes sudo ask even where it remembers: the first line of the input is then always taken as the password (sudo(8)). Its
 * complaint about a wrong one must be in English.
 */
const rightsOf: Readonly<Record<RootAccess, string>> = {
  root: '',
  sudo: 'sudo -n ',
  password: "env LC_ALL=C sudo -k -S -p '' ",
  none: '',
};

/** sudo reads its password byte by byte, and leaves what follows to the script. */
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
  return new Writable({
    write(chunk, _encoding, done) {
      for (const sink of sinks) sink.write(chunk);
      done();
    },
  });
}

/** Finds out how to get root privileges, and passes the way to the script as its argument. */
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
