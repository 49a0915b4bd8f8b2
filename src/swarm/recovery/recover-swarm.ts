import { Readable } from 'node:stream';
import { type BatchReport, reportOf } from '../../app/batch-report.js';
import type { Context } from '../../app/context.js';
import type { Outcome } from '../../app/fan-out.js';
import { runTask } from '../../app/run-tasks.js';
import type { Machine } from '../../machines/model/machine.js';
import { unlockNodeKey } from '../model/node-key.js';
import type { Role } from '../model/swarm-node.js';
import { forgetAbandonedManagers } from './abandoned-managers.js';
import { forceNewCluster } from './force-new-cluster.js';
import { type RecoveryPlan, resumePlan } from './plan-recovery.js';
import { deleteRecovery, type Recovery, readRecovery, writeRecovery } from './recovery-record.js';
import { type RejoinedNode, type ReturningMachine, rejoinNodes, removeStaleNodes } from './rejoin-nodes.js';
import { keptSuffix, runFolderScript } from './run-folder-script.js';
import { writeManagerAddress } from './write-manager-address.js';

export interface Recovered {
  manager: string;
  swarmId: string;
  /** Path of the manager's previous swarm folder. */
  keptFolder?: string;
  returned: BatchReport<RejoinedNode & { name: string }>;
  /** Names of stale nodes. */
  removed: string[];
}

/** Resumes an interrupted run. @throws ExternalError, EngineError when the swarm does not start */
export async function recoverSwarm(
  plan: RecoveryPlan,
  unlockKey: string | undefined,
  context: Context,
): Promise<Recovered> {
  const { manager } = plan;
  if (plan.isForced) await recordForced(plan, context);
  const keptFolder = plan.isForced ? undefined : await forceOnManager(plan, unlockKey, context);
  const returned = await rejoinNodes(plan.returning, manager, context);
  context.signal.throwIfAborted();
  const removed = await removeStaleNodes(manager, context);
  await recordReturned(returned, context);
  return {
    manager: manager.name,
    swarmId: plan.swarmId,
    ...(keptFolder !== undefined && { keptFolder }),
    returned: reportOf(returned, (name, value) => ({ name, ...value })),
    removed,
  };
}

/** Unknown machines rejoin as workers. */
export async function rejoinMachines(machines: readonly Machine[], context: Context): Promise<Recovered> {
  const recovery = await readRecovery(context);
  if (!recovery) throw new Error('there is no record of the restore');
  const roles = new Map(recovery.members?.map(({ name, role }) => [name, role]));
  const returning = machines
    .filter(({ name }) => name !== recovery.manager)
    .map((machine) => ({ machine, role: roles.get(machine.name) ?? ('worker' as const) }));
  return recoverSwarm({ ...(await resumePlan(recovery, context)), returning }, undefined, context);
}

async function recordForced({ swarmId, returning }: RecoveryPlan, context: Context): Promise<void> {
  const recovery = await readRecovery(context);
  if (!recovery || recovery.begun || recovery.swarmId !== swarmId) return;
  await writeRecovery({ members: membersOf(returning), ...recovery, begun: true }, context);
}

function membersOf(returning: readonly ReturningMachine[]): { name: string; role: Role }[] {
  return returning.map(({ machine, role }) => ({ name: machine.name, role }));
}

/** Keeps machines that failed for the next run. */
async function recordReturned(returned: readonly Outcome<unknown>[], context: Context): Promise<void> {
  const names = returned.flatMap(({ name, status }) => (status === 'ok' ? [name] : []));
  await forgetAbandonedManagers(names, context);
  const recovery = await readRecovery(context);
  if (!recovery) return;
  const members = recovery.members?.filter(({ name }) => !names.includes(name));
  if (members?.length) await writeRecovery({ ...recovery, members }, context);
  else await deleteRecovery(context);
}

/** @returns the path of the manager's previous swarm folder */
async function forceOnManager(
  plan: RecoveryPlan,
  unlockKey: string | undefined,
  context: Context,
): Promise<string> {
  const { manager, swarmId, autolock, lockedKey, returning } = plan;
  const key = lockedKey === undefined ? '' : unlockNodeKey(lockedKey, unlockKey ?? '');
  const recovery: Recovery = { swarmId, manager: manager.name, autolock, members: membersOf(returning) };
  await writeRecovery(recovery, context);
  return runTask<string>(
    manager,
    {
      activity: 'recovered',
      doneText: (kept) => `now the only manager; its previous state is in ${kept}`,
      async run({ subject: machine, step }) {
        const values = { suffix: keptSuffix('before-recover') };
        const data = { input: Readable.from([Buffer.from(key)]) };
        const answers = await runFolderScript(machine, { script: 'recover', values, step, data }, context);
        const kept = answers.get('copy')?.[0] ?? '';
        await writeRecovery({ ...recovery, kept }, context);
        await writeManagerAddress({ subject: machine, step, context });
        step('forcing a new cluster');
        await forceNewCluster(machine, autolock, context);
        await recordForced(plan, context);
        return kept;
      },
    },
    context,
  );
}
