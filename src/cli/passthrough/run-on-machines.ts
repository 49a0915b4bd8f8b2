import { reportOf } from '../../app/batch-report.js';
import type { Outcome } from '../../app/fan-out.js';
import type { Machine } from '../../machines/model/machine.js';
import { execOnMany } from '../../machines/run-commands.js';
import type { StreamOptions } from '../../ssh/connection-types.js';
import { hasColors } from '../../state/environment.js';
import { failureSummary, linePrefixes } from '../../ui/failure-summary.js';
import { exitCodes } from '../exit-codes.js';
import type { OpenContext } from '../open-context.js';
import { localStreams, withRawTerminal } from '../terminal.js';

interface RemoteWork {
  /** For one machine, connected to this terminal. @returns the remote exit code */
  one: (machine: Machine, streams: StreamOptions) => Promise<number>;
  /** The shell command for each of several machines. */
  commandFor: (machine: Machine) => string;
  /** How many machines at the same time. */
  limit?: number;
}

/** Prefixes the output of several machines with their names. @returns the exit code */
export async function runOnMachines(
  machines: readonly Machine[],
  work: RemoteWork,
  opened: OpenContext,
): Promise<number> {
  const [machine, ...more] = machines;
  if (!machine || more.length > 0) return runOnMany(machines, work, opened);
  const streams = localStreams(opened.environment.variables['TERM'] ?? 'xterm');
  return withRawTerminal(streams, () => work.one(machine, streams));
}

async function runOnMany(
  machines: readonly Machine[],
  { commandFor, limit }: RemoteWork,
  { context }: OpenContext,
): Promise<number> {
  const prefixes = linePrefixes(
    machines.map(({ name }) => name),
    { color: hasColors(process.stdout) },
  );
  const onLine = (name: string, stream: 'stdout' | 'stderr', line: string): void => {
    process[stream].write(`${prefixes.get(name)}${line}\n`);
  };
  const outcomes = await execOnMany(
    { commandFor, onLine, ...(limit !== undefined && { limit }) },
    machines,
    context,
  );
  const { failed, skipped } = reportOf(outcomes.map(asFailure), (name) => name);
  if (failed.length + skipped.length === 0) return exitCodes.ok;
  const failures = failed.map(({ name, error }) => ({ name, reason: error }));
  const color = hasColors(process.stderr);
  process.stderr.write(`${failureSummary(machines.length, failures, skipped, { color })}\n`);
  context.signal.throwIfAborted();
  return exitCodes.failed;
}

/** With several machines, an exit code other than 0 is a failure. */
function asFailure(outcome: Outcome<number>): Outcome<number> {
  if (outcome.status !== 'ok' || outcome.value === 0) return outcome;
  return { name: outcome.name, status: 'failed', error: new Error(`exit code ${outcome.value}`) };
}
