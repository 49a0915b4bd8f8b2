import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { AbortError, ExternalError } from '../base/errors.js';
import { withTimeout } from '../base/with-timeout.js';
import { spokenLines } from '../ssh/connect-error.js';
import type { Connection, SshTarget } from '../ssh/connection-types.js';

/** What a login printed that was to run a command. */
export interface LoginOutput {
  stdout: string;
  stderr: string;
  /** Undefined: belt did not wait for the end. */
  code?: number;
}

const timeoutMs = 30_000;
/** More than any message of the day, which may precede the mark. */
const maxLength = 256 * 1024;

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
        output[name] += chunk.toString();
        // Cloud images sleep for ten seconds after it.
        if (output[name].length > maxLength || requestedUser(output) !== undefined) stop.abort();
        done();
      },
    });
  try {
    const code = await withTimeout(
      timeoutMs,
      AbortSignal.any([signal, stop.signal]),
      (limit) =>
        connection.stream(`echo ${mark}`, {
          stdout: collect('stdout'),
          stderr: collect('stderr'),
          signal: limit,
        }),
      () => {
        stop.abort();
        return new AbortError();
      },
    );
    return output.stdout.includes(mark) ? undefined : { ...output, code };
  } catch (error) {
    if (stop.signal.aborted && !signal.aborted) return output;
    throw error;
  }
}

/** @returns `ubuntu` for `Please login as the user "ubuntu" rather than the user "root".` */
export function requestedUser({ stdout, stderr }: LoginOutput): string | undefined {
  const [, , quoted, plain] =
    /\blog ?in (?:as|with) (?:the )?(?:user )?(?:(["'`])([a-z_][\w.-]*)\1|([a-z_][\w.-]*) (?:user )?rather than)/i.exec(
      `${stdout}\n${stderr}`,
    ) ?? [];
  const user = quoted ?? plain;
  // cloud-init's word where an image has no default user.
  return user === 'NONE' ? undefined : user;
}

export function noShellError({ target }: Connection, output: LoginOutput): ExternalError {
  const { code } = output;
  const exit = code === undefined ? [] : [`exit code ${code}`];
  const said = [...firstLines(output), ...exit].join(' / ') || `no output within ${timeoutMs / 1000} s`;
  return new ExternalError(`${target.name}: the login of ${target.user} runs no shell commands: ${said}`, {
    hint: hintFor(target, output),
  });
}

/** The first lines of both streams. */
export function firstLines({ stdout, stderr }: LoginOutput): string[] {
  return [stdout, stderr].flatMap((text) => spokenLines(text).slice(0, 3));
}

function hintFor({ user, host, port }: SshTarget, output: LoginOutput): string {
  const other = requestedUser(output);
  if (other !== undefined && other !== user) return `log in as ${other}`;
  if (
    /password (has )?expired|password change required|change your password/i.test(
      firstLines(output).join('\n'),
    )
  )
    return `ssh -t -p ${port} ${user}@${host}, which asks for a new password`;
  return 'specify another user, or give this one a login shell that can run /bin/sh, without a forced command';
}
