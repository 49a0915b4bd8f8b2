import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { swarmStateOf } from '../engine/engine-status.js';
import { isOnlyUrl, type Machine } from '../machines/model/machine.js';
import { managerState, membershipOf, ownStateTimeoutMs, withEngineWithin } from './membership.js';
import { hasQuorum } from './model/quorum.js';

/**
 * Whether so many managers answer, each for itself, that they can elect a leader. Takes no longer than an engine may take for its own
 * state. How many managers there are, workers know; where none answers, every silent machine may be one.
 */
export async function canElect(context: Context): Promise<boolean> {
  const { machines } = await context.cluster.machines();
  const asked = machines.filter((machine) => !isOnlyUrl(machine) && machine.phase === 'ready');
  const query = (machine: Machine): Promise<ManagerReport> => queryReport(machine, context);
  const { answers, failed } = await queryAll(asked, query, context.signal);
  const reports = answers.map(({ value }) => value);
  const reachable = reports.filter(({ isManager }) => isManager).length;
  const known = Math.max(0, ...reports.map(({ managers }) => managers));
  return reachable > 0 && hasQuorum({ managers: known || reachable + failed.length, reachable });
}

interface ManagerReport {
  isManager: boolean;
  /** How many managers its swarm has, as far as it tells: a manager without a leader takes 20 s for that. */
  managers: number;
}

function queryReport(machine: Machine, context: Context): Promise<ManagerReport> {
  return withEngineWithin(machine, ownStateTimeoutMs, context, async (api, signal) => {
    const state = await swarmStateOf(api, { signal });
    if (state !== 'active/worker') return { isManager: state === managerState, managers: 0 };
    const { managers } = await membershipOf(api, { signal });
    return { isManager: false, managers: managers.length };
  });
}
