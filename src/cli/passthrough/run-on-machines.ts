import { reportOf } from '../../app/batch-report.js';
import type { Outcome } from '../../app/fan-out.js';
import type { Machine } from '../../machines/model/machine.js';
import { runOnMany } from '../../machines/run-commands.js';
import type { StreamOptions } from '../../ssh/connection-types.js';
import { hasColors } from '../../state/environment.js';
import { failureSummary, linePrefixes } from '../../ui/failure-summary.js';
import { exitCodes } from '../exit-codes.js';
import type { OpenContext } from '../open-context.js';
import { localStreams, withRawTerminal } from '../terminal.js';

interface RemoteWork {
  /** @returns the exit code */
  run: (machine: Machine, streams: StreamOptions) => Promise<number>;
  /** How many machines at the same time. */
  limit?: number;
}

/**
 * Connects one machine to this terminal, and prefixes the output of several with their names.
 * @returns the exit code
 */
export async function runOnMachines(
  machines: readonly Machine[],
  work: RemoteWork,
  opened: OpenContext,
): Promise<number> {
  const [machine, ...more] = machines;
  if (!machine || more.length > 0) return runWithPrefixes(machines, work, opened);
  const streams = localStreams(opened.environment.variables['TERM'] ?? 'xterm');
  return withRawTerminal(streams, () => work.run(machine, streams));
}

async function runWithPrefixes(
  machines: readonly Machine[],
  { run, limit }: RemoteWork,
  { context }: OpenContext,
): Promise<number> {
  const prefixes = linePrefixes(
    machines.map(({ name }) => name),
    { color: hasColors(process.stdout) },
  );
  const onLine = (name: string, stream: 'stdout' | 'stderr', line: string): void => {
    process[stream].write(`${prefixes.get(name)}${line}\n`);
  };
  const outcomes = await runOnMany({ run, onLine, ...(limit !== undefined && { limit }) }, machines, context);
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
