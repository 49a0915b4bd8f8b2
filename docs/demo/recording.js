import { spawn } from '@lydell/node-pty';

/**
 * What a command wrote to its terminal, and when.
 *
 * @typedef {object} Recording
 * @property {{ atMs: number, data: string }[]} writes in their order, from the start of the command
 * @property {number} durationMs
 * @property {number} exitCode
 */

/**
 * Runs a command in a pseudo-terminal of its own.
 *
 * @param {readonly string[]} command the program and its arguments
 * @param {{ columns: number, rows: number, onData?: (data: string) => void }} options
 * @returns {Promise<Recording>}
 */
export async function record([program = '', ...args], { columns, rows, onData }) {
  const startMs = performance.now();
  /** @type {Recording['writes']} */
  const writes = [];
  const terminal = spawn(program, args, {
    name: 'xterm-256color',
    cols: columns,
    rows,
    env: { ...process.env, COLUMNS: undefined, LINES: undefined },
  });
  terminal.onData((data) => {
    writes.push({ atMs: performance.now() - startMs, data });
    onData?.(data);
  });
  const exitCode = await new Promise((resolve) => {
    terminal.onExit((exit) => resolve(exit.exitCode));
  });
  return { writes, durationMs: performance.now() - startMs, exitCode };
}
