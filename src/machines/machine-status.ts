import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../app/context.js';
import { ExternalError, UsageError } from '../base/errors.js';
import { groupBy } from '../base/group-by.js';
import { listMachines } from './list-machines.js';
import { type MachineState, machineStates } from './model/machine.js';

/** How many machines are in one state, in the words of the 2016 belt where it had one. */
export interface StatusGroup {
  status: string;
  names: string[];
}

/** The words that DigitalOcean, and so the 2016 belt, had for states. */
const oldWords: Partial<Record<MachineState, string>> = {
  starting: 'new',
  running: 'active',
  stopped: 'off',
};

export function statusWord(state: MachineState): string {
  return oldWords[state] ?? state;
}

export interface StatusGoal {
  status: string;
  count: number;
}

/**
 * Reads `active=3`; docker-machine's words (`running=3`) are understood too.
 * @throws UsageError
 */
export function parseGoal(text: string): StatusGoal {
  const [, word = '', digits = ''] = /^([a-z]+)=(\d+)$/i.exec(text) ?? [];
  const state = machineStates.find(
    (candidate) => candidate === word.toLowerCase() || oldWords[candidate] === word.toLowerCase(),
  );
  if (!state) {
    const words = machineStates.map(statusWord).join(', ');
    throw new UsageError(`"${text}" is not STATE=NUMBER`, { hint: `for example active=3; states: ${words}` });
  }
  return { status: statusWord(state), count: Number(digits) };
}

export async function statusGroups(context: Context): Promise<StatusGroup[]> {
  const rows = await listMachines(context);
  const groups = groupBy(rows, ({ state }) => statusWord(state));
  return [...groups].map(([status, members]) => ({
    status,
    names: members.map(({ machine }) => machine.name),
  }));
}

export interface StatusWait {
  goal: StatusGoal;
  timeoutMs: number;
  intervalMs: number;
  /** Shown each round, as long as it differs from the last. */
  onGroups: (groups: StatusGroup[]) => void;
}

/**
 * Looks again and again until at least `goal.count` machines are in the state.
 * @throws ExternalError when the time is up
 */
export async function waitForStatus(
  { goal, timeoutMs, intervalMs, onGroups }: StatusWait,
  context: Context,
): Promise<StatusGroup[]> {
  const deadline = Date.now() + timeoutMs;
  let shown = '';
  for (;;) {
    const groups = await statusGroups(context);
    const text = JSON.stringify(groups);
    if (text !== shown) onGroups(groups);
    shown = text;
    const count = groups.find(({ status }) => status === goal.status)?.names.length ?? 0;
    if (count >= goal.count) return groups;
    if (Date.now() + intervalMs > deadline) {
      throw new ExternalError(
        `${count} of ${goal.count} machines are ${goal.status} after ${timeoutMs / 1000} s`,
      );
    }
    await sleep(intervalMs, undefined, { signal: context.signal });
  }
}
