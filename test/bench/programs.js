import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/**
 * @typedef {object} Run
 * @property {number} ms from start to exit of the process
 * @property {string} stdout
 * @property {number} peakMb peak memory of the process (VmHWM, proc_pid_status(5)); 0 without
 * `peak`
 *
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {number} [stdin] a file descriptor
 * @property {'keep' | 'drop'} [stdout]
 * @property {boolean} [peak] sample its memory while it runs
 * @property {AbortSignal} [signal] stops the process and waits until it has exited
 */

const peakEveryMs = 50;

/**
 * Runs a program until it exits.
 * @param {readonly [string, ...string[]]} command
 * @param {RunOptions} [options]
 * @returns {Promise<Run>}
 */
export async function run(command, { cwd, env, stdin, stdout = 'keep', peak = false, signal } = {}) {
  signal?.throwIfAborted();
  const [program, ...args] = command;
  const begin = performance.now();
  const child = spawn(program, args, {
    ...(cwd !== undefined && { cwd }),
    ...(env && { env }),
    stdio: [stdin ?? 'ignore', stdout === 'keep' ? 'pipe' : 'ignore', 'pipe'],
  });
  const end = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', end, { once: true });
  const memory = peak ? watchMemory(child.pid) : undefined;
  try {
    const [code, out, error] = await Promise.all([exitOf(child), textOf(child.stdout), textOf(child.stderr)]);
    const ms = performance.now() - begin;
    signal?.throwIfAborted();
    if (code !== 0) throw new Error(`${command.join(' ').slice(0, 200)} ended with ${code}\n${out}${error}`);
    return { ms, stdout: out, peakMb: memory?.peakMb() ?? 0 };
  } finally {
    memory?.stop();
    signal?.removeEventListener('abort', end);
  }
}

/** @param {string} program */
export function isInstalled(program) {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @returns {Promise<number | null>}
 */
function exitOf(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code));
  });
}

/** @param {import('node:stream').Readable | null} stream */
async function textOf(stream) {
  if (!stream) return '';
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

/** @param {number | undefined} pid */
function watchMemory(pid) {
  let peakMb = 0;
  const timer = setInterval(async () => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    peakMb = Math.max(peakMb, Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024);
  }, peakEveryMs);
  return { peakMb: () => peakMb, stop: () => clearInterval(timer) };
}
