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

/** A machine that was just made or started. */
export function runningSummary(machine: Machine): MachineSummary {
  return summarize({ machine, state: 'running', active: false });
}
