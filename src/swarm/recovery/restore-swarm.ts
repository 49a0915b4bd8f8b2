import type { Readable } from 'node:stream';
import type { Context } from '../../app/context.js';
import { runTask, type Task } from '../../app/run-tasks.js';
import { UserError } from '../../base/errors.js';
import { fileSource } from '../../base/files.js';
import { byNaturalOrder } from '../../base/natural-order.js';
import type { Machine } from '../../machines/model/machine.js';
import { probeMembership } from '../manager-reachability.js';
import { membershipOf, withEngine } from '../membership.js';
import { type Backup, inspectBackup, repackBackup } from '../model/backup-file.js';
import { withManagerPort } from '../model/node-addresses.js';
import { unlockNodeKey } from '../model/node-key.js';
import type { Role } from '../model/swarm-node.js';
import { requireAddress } from '../node-network.js';
import { addAbandonedManagers } from './abandoned-managers.js';
import { forceNewCluster } from './force-new-cluster.js';
import { type Recovery, writeRecovery } from './recovery-record.js';
import { otherNodes } from './rejoin-nodes.js';
import { keptSuffix, runFolderScript } from './run-folder-script.js';

interface RestoreInput {
  machine: Machine;
  path: string;
  /** Called for a backup with autolock. */
  askUnlockKey: () => Promise<string>;
  force: boolean;
}

export interface Restored {
  node: string;
  swarmId: string;
  /** Path of the machine's previous swarm folder. */
  keptFolder?: string;
  /** As of the time of the backup. */
  others: { name: string; role: Role }[];
}

/**
 * Checks the whole backup before it changes anything.
 * @throws UserError for an invalid backup, a wrong unlock key, or, unless `force`, when the machine
 * or the cluster has a healthy swarm
 */
export async function restoreSwarm(
  { machine, path, askUnlockKey, force }: RestoreInput,
  context: Context,
): Promise<Restored> {
  const source = await fileSource(path);
  const backup = await inspectBackup(source, path);
  const address = withManagerPort(requireAddress(machine));
  const version = await checkMachine(machine, force, context);
  if (!force) await requireSwarmStopped(backup, context);
  warnIfEngineIsOlder(machine.name, version, backup, context);
  const key = backup.locked ? unlockNodeKey(backup.key, await askUnlockKey()) : backup.key;
  return runTask(
    machine,
    {
      activity: 'restored',
      doneText: () => 'now the only manager',
      run: (task) => restoreFolder(task, backup, () => repackBackup(source, backup, { key, address })),
    },
    context,
  );
}

async function restoreFolder(
  { subject: machine, step, context }: Task,
  backup: Backup,
  open: () => Readable,
): Promise<Restored> {
  const { identity, locked } = backup;
  const { swarmId } = identity;
  const recovery: Recovery = { swarmId, manager: machine.name, autolock: locked };
  await writeRecovery(recovery, context);
  const values = { suffix: keptSuffix('before-restore') };
  const answers = await runFolderScript(
    machine,
    { script: 'restore', values, step, data: { input: open() } },
    context,
  );
  const keptFolder = answers.get('aside')?.[0];
  const restored = { ...recovery, ...(keptFolder !== undefined && { kept: keptFolder }) };
  await writeRecovery(restored, context);
  step('forcing a new cluster');
  await forceNewCluster(machine, locked, context);
  await recordPreviousHolder(machine, backup, context);
  const others = await otherNodes(machine, context);
  const members = others.filter(({ known }) => known).map(({ name, role }) => ({ name, role }));
  await writeRecovery({ ...restored, begun: true, members }, context);
  return {
    node: machine.name,
    swarmId,
    ...(keptFolder !== undefined && { keptFolder }),
    others: others.map(({ name, role }) => ({ name, role })),
  };
}

/** The machine of the backup has the same node ID as the restored one, and may still exist. */
async function recordPreviousHolder(
  { name: successor }: Machine,
  { manifest, identity: { swarmId, nodeId } }: Backup,
  context: Context,
): Promise<void> {
  const name = manifest?.machine;
  if (name === undefined || name === successor) return;
  const { machines } = await context.cluster.machines();
  if (!machines.some((machine) => machine.name === name)) return;
  await addAbandonedManagers([{ name, swarmId, nodeId, successor }], context);
}

/** @returns the engine's version */
async function checkMachine(machine: Machine, force: boolean, context: Context): Promise<string> {
  return withEngine(machine, context, async (api) => {
    const { state, error } = await membershipOf(api);
    if (state === 'active' && error === '' && !force) {
      throw new UserError(`${machine.name} is in a swarm, which the restore would replace`, {
        hint: `belt --host ${machine.name} docker swarm leave; or restore on another machine; or use --force`,
      });
    }
    return api.version();
  });
}

/** Two running copies of a swarm would compete for its nodes. */
async function requireSwarmStopped({ identity }: Backup, context: Context): Promise<void> {
  const { machines } = await context.cluster.machines();
  const running = (await probeMembership(machines, context)).find(
    ({ membership }) => membership?.manager && membership.swarmId === identity.swarmId,
  );
  if (!running) return;
  throw new UserError(
    `the swarm of the backup is still running: ${running.machine.name} is a manager of it`,
    {
      hint: 'restore it once its managers are removed, or use --force',
    },
  );
}

/** An older engine may not be able to read the state of a newer one. */
function warnIfEngineIsOlder(
  name: string,
  version: string,
  { manifest }: Backup,
  { reporter }: Context,
): void {
  if (!manifest || !isOlderVersion(version, manifest.engine)) return;
  reporter.warn(
    `${name} has Docker ${version}, older than the ${manifest.engine} of the backup; upgrade it first if possible`,
  );
}

/** Compares versions such as `26.1.5+dfsg1` by their numbers. */
export function isOlderVersion(version: string, other: string): boolean {
  const [numbers = '', otherNumbers = ''] = [version, other].map((text) => /^[\d.]+/.exec(text)?.[0]);
  return byNaturalOrder(numbers, otherNumbers) < 0;
}
