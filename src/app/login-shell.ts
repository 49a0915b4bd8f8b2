import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { ExternalError } from '../base/errors.js';
import { withTimeout } from '../base/with-timeout.js';
import type { Connection } from '../ssh/connection-types.js';

/** What a login printed that was to run a command. */
export interface LoginOutput {
  stdout: string;
  stderr: string;
  /** Undefined: belt did not wait for the end. */
  code?: number;
}

const timeoutMs = 30_000;
/** Enough to recognize a message. */
const maxLength = 4096;

/** @returns what the server said where the login runs no commands. @throws ExternalError, AbortError */
export async function findNoShell(
  connection: Connection,
  signal: AbortSignal,
): Promise<LoginOutput | undefined> {
  // Random, so that nothing a login prints can contain it.
  const mark = `belt-${randomBytes(12).toString('hex')}`;
  const output = { stdout: '', stderr: '' };
  const stop = new AbortController();
  const collect = (name: 'stdout' | 'stderr') =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        output[name] = (output[name] + chunk.toString()).slice(0, maxLength);
        // Cloud images sleep for ten seconds after it.
        if (requestedUser(output) !== undefined) stop.abort();
        done();
      },
    });
  try {
    const code = await withTimeout(timeoutMs, AbortSignal.any([signal, stop.signal]), (limit) =>
      connection.stream(`echo ${mark}`, {
        stdout: collect('stdout'),
        stderr: collect('stderr'),
        signal: limit,
      }),
    );
    return output.stdout.includes(mark) ? undefined : { ...output, code };
  } catch (error) {
    if (stop.signal.aborted && !signal.aborted) return output;
    throw error;
  }
}

/** @returns `ubuntu` for `Please login as the user "ubuntu" rather than the user "root".` */
export function requestedUser({ stdout, stderr }: LoginOutput): string | undefined {
  const [, user] =
    /please log ?in as (?:the )?(?:user )?"?([a-z_][\w-]*)"? (?:user )?rather than/i.exec(
      `${stdout}\n${stderr}`,
    ) ?? [];
  return user;
}

/** With the first lines of both streams. */
export function noShellError({ target }: Connection, { stdout, stderr, code }: LoginOutput): ExternalError {
  const said = [...firstLines(stdout), ...firstLines(stderr)];
  const exit = code === undefined ? [] : [`exit code ${code}`];
  return new ExternalError(
    `${target.name}: the login of ${target.user} runs no shell commands: ${[...said, ...exit].join(' / ') || 'no output'}`,
    { hint: 'specify another user, or give this one a login shell that can run /bin/sh' },
  );
}

function firstLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .slice(0, 3);
}
