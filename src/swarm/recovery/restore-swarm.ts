import type { Context } from '../../app/context.js';
import type { Step } from '../../app/reporter.js';
import { runTask } from '../../app/run-tasks.js';
import { isAbort, UserError } from '../../base/errors.js';
import { fileSource } from '../../base/files.js';
import type { Machine } from '../../machines/model/machine.js';
import { membershipOf, withEngine } from '../membership.js';
import { type Backup, inspectBackup, repackBackup } from '../model/backup-file.js';
import { withManagerPort } from '../model/node-addresses.js';
import { unlockNodeKey } from '../model/node-key.js';
import type { Role } from '../model/swarm-node.js';
import { requireAddress } from '../node-network.js';
import { withSwarm } from '../session.js';
import { forceNewCluster } from './force-new-cluster.js';
import { type Recovery, writeRecovery } from './recovery-record.js';
import { otherNodes } from './rejoin-nodes.js';
import { keptSuffix, runFolderScript } from './swarm-folder.js';

export interface RestoreInput {
  machine: Machine;
  /** Of the backup. */
  path: string;
  /** Called where managers are locked. */
  askUnlockKey: () => Promise<string>;
  force: boolean;
}

export interface Restored {
  node: string;
  swarmId: string;
  /** Where the folder that was there before is now. */
  keptFolder?: string;
  /** The swarm's other nodes by the names that they had. */
  others: { name: string; role: Role }[];
}

/**
 * Starts a swarm again from a backup, on a machine that is its only manager then. Nothing is changed
 * before the backup has been read to its end and all that can be checked is.
 * @throws UserError when the file is no backup, the unlock key is wrong, or the machine or the
 * cluster has a healthy swarm, unless `force`
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
  warnOfOlderEngine(machine.name, version, backup, context);
  const key = backup.locked ? unlockNodeKey(backup.key, await askUnlockKey()) : backup.key;
  const { swarmId } = backup.identity;
  const recovery: Recovery = { swarmId, manager: machine.name, autolock: backup.locked };
  const restore = async (step: Step): Promise<Restored> => {
    await writeRecovery(recovery, context);
    const answers = await runFolderScript(
      machine,
      {
        script: 'restore',
        values: { suffix: keptSuffix('before-restore') },
        step,
        data: { input: repackBackup(source, backup, { key, address }) },
      },
      context,
    );
    const keptFolder = answers.get('aside')?.[0];
    const written = { ...recovery, ...(keptFolder !== undefined && { kept: keptFolder }) };
    await writeRecovery(written, context);
    step('forcing a new cluster');
    await forceNewCluster(machine, backup.locked, context);
    const others = await otherNodes(machine, context);
    const members = others.filter(({ known }) => known).map(({ name, role }) => ({ name, role }));
    await writeRecovery({ ...written, begun: true, members }, context);
    return {
      node: machine.name,
      swarmId,
      ...(keptFolder !== undefined && { keptFolder }),
      others: others.map(({ name, role }) => ({ name, role })),
    };
  };
  return runTask(
    machine,
    {
      activity: 'restored',
      doneText: () => 'now the only manager',
      run: ({ subject: _, step }) => restore(step),
    },
    context,
  );
}

/** @returns the engine's version */
async function checkMachine(machine: Machine, force: boolean, context: Context): Promise<string> {
  return withEngine(machine, context, async (api) => {
    const { state, error } = await membershipOf(api);
    if (state === 'active' && error === '' && !force) {
      throw new UserError(`${machine.name} is in a swarm, which the restore would replace`, {
        hint: `name another machine; or let it leave first: belt --host ${machine.name} docker swarm leave; or all the same: --force`,
      });
    }
    return api.version();
  });
}

/** Two swarms that both hold themselves for the one would fight for its nodes. */
async function requireSwarmStopped({ identity }: Backup, context: Context): Promise<void> {
  const living = await withSwarm({}, context, async ({ id, manager }) => ({
    id,
    manager: manager.name,
  })).catch((error) => {
    if (isAbort(error)) throw error;
    return undefined;
  });
  if (living?.id !== identity.swarmId) return;
  throw new UserError(`the swarm of the backup is still running: ${living.manager} speaks for it`, {
    hint: 'restore it when its managers are gone; or all the same: --force',
  });
}

/** What an older engine does with a newer one's state nobody has tried. */
function warnOfOlderEngine(name: string, version: string, { manifest }: Backup, { reporter }: Context): void {
  if (manifest && compareVersions(version, manifest.engine) < 0)
    reporter.warn(
      `${name} has Docker ${version}, and the backup is of ${manifest.engine}: upgrade it first if you can`,
    );
}

/** As `26.1.5+dfsg1`: what follows the numbers does not count. */
export function compareVersions(one: string, other: string): number {
  const numbers = (version: string): number[] => (/^[\d.]+/.exec(version)?.[0] ?? '').split('.').map(Number);
  const [left, right] = [numbers(one), numbers(other)];
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
