import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { rethrowAbort } from '../base/errors.js';
import { swarmStateOf } from '../engine/engine-status.js';
import { hasNoSsh, type Machine } from '../machines/model/machine.js';
import {
  managerState,
  membershipOf,
  ownStateTimeoutMs,
  recordedManagerHosts,
  withEngineWithin,
} from './membership.js';
import { hasQuorum, type Tally } from './model/quorum.js';

/** Managers block requests for 20 s (moby, `swarmRequestTimeout`); an election takes some 10 s. */
export const electionTimeoutMs = 60_000;

/** Three heartbeats of 5 s, after which a leader knows all nodes (swarmkit, manager/dispatcher). */
export const newLeaderTimeoutMs = 20_000;

export interface ManagerTally extends Tally {
  /** Reported by a node; otherwise, all silent machines count as managers. */
  isKnown: boolean;
}

/** @param others names of machines that are managers of another swarm */
export async function countManagers(
  context: Context,
  others: ReadonlySet<string> = new Set(),
): Promise<ManagerTally> {
  const { machines } = await context.cluster.machines();
  const queried = machines.filter(
    (machine) => !hasNoSsh(machine) && machine.phase === 'ready' && !others.has(machine.name),
  );
  const query = (machine: Machine): Promise<ManagerReport> => queryReport(machine, context);
  const { answers, failed } = await queryAll(queried, query, context.signal);
  const reports = answers.map(({ value }) => value);
  const reachable = reports.filter(({ isManager }) => isManager).length;
  const known = Math.max(0, ...reports.map(({ managers }) => managers));
  return { managers: known || reachable + failed.length, reachable, isKnown: known > 0 };
}

export function canElect(tally: Tally): boolean {
  return tally.reachable > 0 && hasQuorum(tally);
}

interface ManagerReport {
  isManager: boolean;
  /** 0 when unknown. */
  managers: number;
}

function queryReport(machine: Machine, context: Context): Promise<ManagerReport> {
  return withEngineWithin(machine, ownStateTimeoutMs, context, async (api, signal) => {
    const state = await swarmStateOf(api, { signal });
    if (state === managerState) {
      const hosts = await recordedManagerHosts(machine, context).catch(rethrowAbort);
      return { isManager: true, managers: hosts?.length ?? 0 };
    }
    if (state !== 'active/worker') return { isManager: false, managers: 0 };
    const { managers } = await membershipOf(api, { signal });
    return { isManager: false, managers: managers.length };
  });
}
