import type { Outcome } from '../app/fan-out.js';
import { explanationOf } from '../base/errors.js';
import type { ListedMachine } from './list-machines.js';
import { type Machine, type MachineState, reachAddress } from './model/machine.js';

/** A machine as commands show it, in tables and in `--json`. */
export interface MachineSummary {
  name: string;
  driver: string;
  state: MachineState;
  active: boolean;
  /** Where people reach it. */
  address?: string;
  size?: string;
  /** Mebibytes. */
  memory?: number;
  error?: string;
}

export function summarize({ machine, state, active, error }: ListedMachine): MachineSummary {
  const { name, driver, size, memory } = machine;
  const address = reachAddress(machine);
  return {
    name,
    driver,
    state,
    active,
    ...(address !== undefined && { address }),
    ...(size !== undefined && { size }),
    ...(memory !== undefined && { memory }),
    ...(error !== undefined && { error }),
  };
}

/** How the work on each machine ended, as `--json` tells it: `{ok, failed, skipped}`. */
export interface BatchReport<T> {
  ok: T[];
  failed: { name: string; error: string }[];
  skipped: string[];
}

export function reportOf<V, T>(
  outcomes: readonly Outcome<V>[],
  show: (name: string, value: V) => T,
): BatchReport<T> {
  return {
    ok: outcomes.flatMap((outcome) => (outcome.status === 'ok' ? [show(outcome.name, outcome.value)] : [])),
    failed: outcomes.flatMap((outcome) =>
      outcome.status === 'failed' ? [{ name: outcome.name, error: explanationOf(outcome.error) }] : [],
    ),
    skipped: outcomes.flatMap((outcome) => (outcome.status === 'skipped' ? [outcome.name] : [])),
  };
}

/** A machine that was just made or started. */
export function runningSummary(machine: Machine): MachineSummary {
  return summarize({ machine, state: 'running', active: false });
}
