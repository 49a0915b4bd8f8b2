import { resolve } from 'node:path';
import pty from '@lydell/node-pty';
import xterm from '@xterm/headless';
import type { Belt } from './belt.js';

/** belt in a pseudo-terminal with a readable screen. */
export interface TerminalRun {
  /** Types keys; `\r` is Enter. */
  type(keys: string): void;
  resize(columns: number, rows: number): void;
  /**
   * Waits until the screen, scrollback included, matches. @throws Error with the screen after a
   * minute
   */
  until(pattern: RegExp): Promise<string>;
  /** All text so far, with escape sequences applied. */
  screen(): string;
  /** The exit code. */
  readonly ended: Promise<number>;
}

const untilMs = 60_000;

export function runInTerminal(belt: Belt, args: readonly string[], size: Size = {}): TerminalRun {
  return programInTerminal(belt, [process.execPath, resolve('bin/run.js'), ...args], size);
}

interface Size {
  columns?: number;
  rows?: number;
}

/** Runs another program with belt's folder and environment. */
export function programInTerminal(
  belt: Belt,
  [program = '', ...args]: readonly string[],
  { columns = 100, rows = 30 }: Size = {},
): TerminalRun {
  const child = pty.spawn(program, args, {
    name: 'xterm-256color',
    cols: columns,
    rows,
    cwd: belt.folder,
    env: { ...belt.env, TERM: 'xterm-256color' },
  });
  const terminal = new xterm.Terminal({ cols: columns, rows, scrollback: 5000, allowProposedApi: true });
  child.onData((data) => terminal.write(data));
  // Programs such as fish query the terminal's features; send the replies.
  terminal.onData((data) => child.write(data));
  const screen = (): string => {
    const { active } = terminal.buffer;
    const lines = Array.from(
      { length: active.length },
      (_, row) => active.getLine(row)?.translateToString(true) ?? '',
    );
    return lines.join('\n').trimEnd();
  };
  return {
    type: (keys) => child.write(keys),
    resize: (newColumns, newRows) => {
      child.resize(newColumns, newRows);
      terminal.resize(newColumns, newRows);
    },
    screen,
    until: async (pattern) => {
      const deadline = Date.now() + untilMs;
      while (!pattern.test(screen())) {
        if (Date.now() > deadline) throw new Error(`the screen does not show ${pattern}:\n${screen()}`);
        await new Promise((wait) => setTimeout(wait, 20));
      }
      return screen();
    },
    ended: new Promise((done) => child.onExit(({ exitCode }) => done(exitCode))),
  };
}
