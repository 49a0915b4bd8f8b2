import { spawn } from '@lydell/node-pty';

/**
 * The output of a command in a terminal, with timestamps.
 *
 * @typedef {object} Recording
 * @property {{ atMs: number, data: string }[]} writes in order, from the start of the command
 * @property {number} durationMs
 * @property {number} exitCode
 */

/**
 * Runs a command in a new pseudo-terminal.
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
  terminal.onData((output) => {
    const data = withoutSecrets(output);
    writes.push({ atMs: performance.now() - startMs, data });
    onData?.(data);
  });
  const exitCode = await new Promise((resolve) => {
    terminal.onExit((exit) => resolve(exit.exitCode));
  });
  return { writes, durationMs: performance.now() - startMs, exitCode };
}

/**
 * Masks join tokens, since the picture is public. Keeps their length, so that nothing moves.
 *
 * @param {string} text
 */
function withoutSecrets(text) {
  return text.replaceAll(/(?<=SWMTKN-1-)[0-9a-z-]+/g, (token) => 'x'.repeat(token.length));
}
