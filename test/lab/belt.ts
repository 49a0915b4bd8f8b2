import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const program = resolve('bin/run.js');

export interface Result {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  input?: string | Buffer;
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** After this time the run is killed and the test fails. */
  timeoutMs?: number;
}

export interface Belt {
  /** The working directory; belt's state is in `.belt` there. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  run(args: readonly string[], options?: RunOptions): Promise<Result>;
  /** Runs belt and returns stdout. @throws Error with all output unless it exits with 0 */
  ok(args: readonly string[], options?: RunOptions): Promise<string>;
  /** The rows of `belt ls`, with time for a provider that is slow on a busy computer. */
  list(...args: string[]): Promise<Record<string, unknown>[]>;
  spawn(args: readonly string[], options?: RunOptions): ChildProcessByStdio<Writable, Readable, Readable>;
  /** Removes all machines of this belt, and the folder. */
  dispose(): Promise<void>;
}

/** @param env added to the environment of this process */
export async function newBelt(env: Record<string, string> = {}): Promise<Belt> {
  const folder = await mkdtemp(join(tmpdir(), 'belt-test-'));
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    // Ignores plugins of the user who runs the tests.
    BELT_DATA_DIR: join(folder, 'data'),
    // Whether this computer has a docker client must not matter, except to tests of the client.
    BELT_DOCKER_CLIENT: 'remote',
    ...env,
    BELT_HOME: join(folder, '.belt'),
  };
  for (const name of [
    'MACHINE_STORAGE_PATH',
    'MACHINE_DRIVER',
    'SUDO_UID',
    'SUDO_GID',
    'SUDO_USER',
    'FORCE_COLOR',
  ]) {
    if (!(name in env)) delete environment[name];
  }

  const belt: Belt = {
    folder,
    env: environment,
    spawn: (args, options = {}) =>
      spawn(process.execPath, [program, ...args], {
        cwd: options.cwd ?? folder,
        env: { ...environment, ...options.env },
        stdio: ['pipe', 'pipe', 'pipe'],
      }),
    run: (args, options = {}) => collect(belt.spawn(args, options), options),
    async ok(args, options) {
      const result = await belt.run(args, options);
      if (result.code === 0) return result.stdout;
      throw new Error(`belt ${args.join(' ')} ended with ${result.code}\n${result.stdout}${result.stderr}`);
    },
    async list(...args) {
      return JSON.parse(await belt.ok(['ls', '--json', '--timeout', '90', ...args])) as Record<
        string,
        unknown
      >[];
    },
    async dispose() {
      const { stdout } = await belt.run(['ls', '--quiet']);
      if (stdout !== '') await belt.run(['rm', '--all', '--yes']);
      await rm(folder, { recursive: true, force: true });
    },
  };
  return belt;
}

function collect(
  child: ReturnType<Belt['spawn']>,
  { input, timeoutMs = 110_000 }: RunOptions,
): Promise<Result> {
  return new Promise((done, fail) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    const text = (): Result => ({
      code: -1,
      stdout: String(Buffer.concat(stdout)),
      stderr: String(Buffer.concat(stderr)),
    });
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`belt ran longer than ${timeoutMs} ms\n${JSON.stringify(text(), null, 2)}`));
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      done({ ...text(), code: code ?? (signal === 'SIGINT' ? 130 : 128) });
    });
  });
}
