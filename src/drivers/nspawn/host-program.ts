import { join } from 'node:path';
import { ExecaError, execa } from 'execa';
import { AbortError, ExternalError, UserError } from '../../base/errors.js';
import { exists, isExecutable } from '../../base/files.js';
import { withSudo } from '../../base/typed-command.js';

interface ProgramOptions {
  input?: string;
  signal?: AbortSignal;
  env?: Readonly<Record<string, string>>;
}

/** Root's path: those of `su` and users often lack the sbin folders. */
const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

export const programEnvironment: Readonly<Record<string, string>> = {
  PATH: folders.join(':'),
  LC_ALL: 'C.UTF-8',
};

/** @throws UserError when it is not installed; ExternalError with its last output; AbortError */
export async function run(
  program: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<string> {
  try {
    const { stdout } = await execa(program, args, {
      env: { ...programEnvironment, ...options.env },
      // Its own session, so that Ctrl-C reaches only belt, which decides what to end.
      detached: true,
      cleanup: true,
      stdin: options.input === undefined ? 'ignore' : 'pipe',
      ...(options.input === undefined ? {} : { input: options.input }),
      ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    });
    return stdout;
  } catch (error) {
    if (error instanceof ExecaError) throw programError(program, args, error);
    throw error;
  }
}

/** Leaves the content of file systems that are still mounted there. */
export async function removeTree(path: string): Promise<void> {
  await run('rm', ['--recursive', '--force', '--one-file-system', '--', path]);
}

export async function findProgram(program: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = join(folder, program);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

export function lastLines(text: string, count: number): string {
  return text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-count)
    .join('\n');
}

function programError(program: string, args: readonly string[], error: ExecaError): Error {
  if (error.isCanceled) return new AbortError();
  if (error.code === 'ENOENT') {
    return new UserError(`${program} is not installed`, {
      hint: withSudo('belt doctor --fix'),
      cause: error,
    });
  }
  const output = lastLines(String(error.stderr || error.stdout || ''), 5);
  const how = error.signal
    ? `was terminated by ${error.signal}`
    : `failed with exit code ${error.exitCode ?? '?'}`;
  return new ExternalError(
    `${[program, ...args].join(' ').slice(0, 200)} ${how}${output ? `: ${output}` : ''}`,
    {
      cause: error,
    },
  );
}

/** The test of sd_booted(3). */
export async function systemdRunsComputer(): Promise<boolean> {
  return exists('/run/systemd/system');
}

export function unitOf(id: string): string {
  return `belt-${id}.service`;
}
