import type { Context } from '../app/context.js';
import { rethrowAbort } from '../base/errors.js';
import type { Machine, MachineState } from '../machines/model/machine.js';
import { managerState, recordedManagerHosts } from './membership.js';
import { hasQuorum, type Tally } from './model/quorum.js';
import { machinesAt, managerHosts } from './stable-view.js';

/** A machine as its provider and its engine report it. */
interface ReportedMachine {
  machine: Machine;
  state: MachineState;
  /** `active/manager`, ...; undefined without a response. */
  swarm?: string;
}

/** Without those from which a machine comes up by itself. */
const offStates: ReadonlySet<MachineState> = new Set(['stopped', 'saved', 'paused', 'missing']);

/**
 * Counts the managers of the swarm of `source`, if so many are switched off that the others cannot
 * elect a leader. Silent machines may be up: belt may be the only one that cannot reach them.
 * @returns undefined if they may, or when unknown. @throws AbortError
 */
export async function lostQuorum(
  source: ReportedMachine,
  reports: readonly ReportedMachine[],
  context: Context,
): Promise<Tally | undefined> {
  const find = source.swarm === managerState ? recordedManagerHosts : managerHosts;
  const hosts = await find(source.machine, context).catch(rethrowAbort);
  if (!hosts || hosts.length === 0) return undefined;
  const managers = machinesAt(
    hosts,
    reports.map(({ machine }) => machine),
  );
  const isOff = ({ machine, state }: ReportedMachine): boolean =>
    managers.includes(machine) && offStates.has(state);
  const off = reports.filter(isOff).length;
  if (hasQuorum({ managers: hosts.length, reachable: hosts.length - off })) return undefined;
  const answering = reports.filter(
    ({ machine, swarm }) => managers.includes(machine) && swarm === managerState,
  );
  return { managers: hosts.length, reachable: answering.length };
}
