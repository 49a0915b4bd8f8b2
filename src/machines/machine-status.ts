import type { Context } from '../app/context.js';
import { UsageError } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { Pending, poll } from '../base/poll.js';
import { listMachines } from './list-machines.js';
import { type MachineState, machineStates, parseState } from './model/machine.js';

export interface StatusGroup {
  /** A `MachineState`. */
  status: string;
  names: string[];
}

interface StatusGoal {
  status: MachineState;
  count: number;
}

/** Parses `running=3`. @throws UsageError */
export function parseGoal(text: string): StatusGoal {
  const [, word = '', digits = ''] = /^([a-z]+)=(\d+)$/i.exec(text) ?? [];
  const status = parseState(word);
  if (!status) {
    throw new UsageError(`"${text}" is not STATE=NUMBER`, {
      hint: `use running=3, or another state: ${machineStates.join(', ')}`,
    });
  }
  return { status, count: Number(digits) };
}

export async function statusGroups(context: Context): Promise<StatusGroup[]> {
  const rows = await listMachines(context);
  const groups = groupBy(rows, ({ state }) => state);
  return [...groups].map(([status, members]) => ({
    status,
    names: members.map(({ machine }) => machine.name),
  }));
}

interface StatusWait {
  goal: StatusGoal;
  timeoutMs: number;
  intervalMs: number;
  onGroups: (groups: StatusGroup[]) => void;
}

/** @throws ExternalError on timeout, when fewer than `goal.count` machines are in the state */
export async function waitForStatus(
  { goal, timeoutMs, intervalMs, onGroups }: StatusWait,
  context: Context,
): Promise<StatusGroup[]> {
  let shown = '';
  const check = async (): Promise<StatusGroup[] | Pending> => {
    const groups = await statusGroups(context);
    const text = JSON.stringify(groups);
    if (text !== shown) onGroups(groups);
    shown = text;
    const count = groups.find(({ status }) => status === goal.status)?.names.length ?? 0;
    return count >= goal.count
      ? groups
      : new Pending(`${count} of ${goal.count} machines are ${goal.status} after ${timeoutMs / 1000} s`);
  };
  return poll(check, { timeoutMs, intervalMs, signal: context.signal });
}
