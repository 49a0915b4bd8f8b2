import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { fanOut, type Outcome } from '../app/fan-out.js';
import { LineSplitter } from '../base/line-splitter.js';
import { quoteArgs } from '../base/quote-args.js';
import type { StreamOptions } from '../ssh/index.js';
import type { Machine } from './model/machine.js';

/** A single word is a shell command line; several are a command with arguments, each quoted. */
export function shellCommand(words: readonly [string, ...string[]]): string {
  return words.length === 1 ? words[0] : quoteArgs(words);
}

/** @returns the exit code */
export async function execOnOne(
  command: string,
  machine: Machine,
  streams: StreamOptions,
  context: Context,
): Promise<number> {
  const connection = await reach(machine, context);
  return connection.stream(command, streams);
}

interface ManyInput {
  /** @returns the exit code */
  run: (machine: Machine, streams: StreamOptions) => Promise<number>;
  /** The limit of concurrent machines. */
  limit?: number;
  /** Called for each line, without its line end. */
  onLine: (name: string, stream: 'stdout' | 'stderr', line: string) => void;
}

/** Outcomes hold exit codes: a command that fails has run. */
export async function runOnMany(
  input: ManyInput,
  machines: readonly Machine[],
  context: Context,
): Promise<Outcome<number>[]> {
  const run = async (machine: Machine): Promise<number> => {
    const { name } = machine;
    const stdout = new LineSplitter((line) => input.onLine(name, 'stdout', line));
    const stderr = new LineSplitter((line) => input.onLine(name, 'stderr', line));
    try {
      return await input.run(machine, { stdout, stderr, signal: context.signal });
    } finally {
      stdout.flush();
      stderr.flush();
    }
  };
  return fanOut(machines, run, {
    signal: context.signal,
    ...(input.limit !== undefined && { limit: input.limit }),
  });
}
