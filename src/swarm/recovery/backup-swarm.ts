import { once } from 'node:events';
import { Writable } from 'node:stream';
import type { Context } from '../../app/context.js';
import { runTask, type Task } from '../../app/run-tasks.js';
import { whileSwarmClaimed } from '../../app/with-claim.js';
import { nameHint } from '../../base/closest.js';
import { ExternalError, UserError } from '../../base/errors.js';
import { fileSource } from '../../base/files.js';
import { groupBy } from '../../base/group-by.js';
import { sizeError } from '../../base/size-limit.js';
import type { EngineApi } from '../../engine/api.js';
import type { Machine } from '../../machines/model/machine.js';
import { waitForRole } from '../change-roles.js';
import { membershipOf, withEngine } from '../membership.js';
import { type BackupManifest, inspectBackup, maxBackupBytes } from '../model/backup-file.js';
import { type BackupCandidate, rankForBackup } from '../model/manager-ranking.js';
import { memberName, type NamedMember, named } from '../model/members.js';
import { readMembership } from '../model/swarm-node.js';
import { hasEnded, readTasks } from '../model/swarm-tasks.js';
import { requireQuorum } from '../require-quorum.js';
import { type Swarm, withSwarm } from '../session.js';
import { stableMembers } from '../stable-view.js';
import { runFolderScript } from './run-folder-script.js';

interface BackupInput {
  /** File path or stream. */
  to: string | Writable;
  /** Default: see `rankForBackup`. */
  node?: string | undefined;
  force: boolean;
  beltVersion: string;
}

export interface SwarmBackup {
  node: string;
  swarmId: string;
  /** Undefined for a stream. */
  file?: string;
  bytes: number;
  /** In whole seconds. */
  downtimeSeconds: number;
  autolock: boolean;
}

/**
 * Copies a manager's state while its engine is stopped, so that it is consistent (docker's admin
 * guide, "Back up the swarm").
 * @throws UserError without a usable manager; unless `force`, when the swarm would lose its quorum
 */
export async function backupSwarm(input: BackupInput, context: Context): Promise<SwarmBackup> {
  return whileSwarmClaimed('backed up', context, () =>
    withSwarm({}, context, async (swarm) => {
      const manager = await chooseManager(input.node, swarm, context);
      const { managers } = await stableMembers(swarm, context);
      const what = `stopping the engine of ${manager.name} for the backup`;
      const changes = [{ id: manager.node.id, effect: 'stops' as const }];
      requireQuorum({ managers, changes, what, force: input.force }, context);
      const unlockKey = await swarm.request((api) => api.unlockKey());
      const manifest = await createManifest(manager, unlockKey !== '', input.beltVersion, swarm);
      return runTask<SwarmBackup, ManagerMachine>(
        manager,
        {
          activity: 'backed up',
          doneText: ({ downtimeSeconds }) => `backed up; its engine was stopped for ${downtimeSeconds} s`,
          run: (task) => backUpManager(task, { to: input.to, manifest, unlockKey }, swarm),
        },
        context,
      );
    }),
  );
}

type ManagerMachine = NamedMember & { machine: Machine };

async function backUpManager(
  { subject, step, context }: Task<ManagerMachine>,
  { to, manifest, unlockKey }: { to: string | Writable; manifest: BackupManifest; unlockKey: string },
  swarm: Swarm,
): Promise<SwarmBackup> {
  const { machine, node, name } = subject;
  const copy = (sink: Writable): Promise<CopyResult> =>
    copyFolder({ subject: machine, step, context }, { manifest, sink, unlockKey });
  const result = typeof to === 'string' ? await copyToFile(to, copy, context) : await copy(to);
  step('waiting until it is back in the swarm');
  await waitForRole(node.id, name, 'manager', swarm, context);
  return {
    node: name,
    swarmId: swarm.id,
    ...(typeof to === 'string' && { file: to }),
    ...result,
    autolock: manifest.autolock,
  };
}

async function chooseManager(
  node: string | undefined,
  swarm: Swarm,
  context: Context,
): Promise<ManagerMachine> {
  const members = named(await swarm.members());
  const managers = members.flatMap((member) =>
    member.node.role === 'manager' && member.machine ? [member as ManagerMachine] : [],
  );
  if (node !== undefined) {
    const found = managers.find(({ name }) => name === node);
    if (!found) throw unknownManager(node, members);
    if (found.node.leader && managers.length > 1)
      context.reporter.warn(
        `${node} is the leader: the other managers elect a new one while its engine is stopped`,
      );
    return found;
  }
  const tasks = await runningTasks(swarm);
  const candidates = managers.map((manager): BackupCandidate & { manager: ManagerMachine } => ({
    manager,
    name: manager.name,
    leader: manager.node.leader,
    reachable: manager.node.reachability === 'reachable' && manager.node.status === 'ready',
    availability: manager.node.availability,
    tasks: tasks.get(manager.node.id) ?? 0,
  }));
  const [best] = rankForBackup(candidates);
  if (!best) throw new UserError('no reachable manager of the swarm is a machine of this cluster');
  return best.manager;
}

function unknownManager(name: string, members: readonly NamedMember[]): UserError {
  const managers = members.filter(({ node }) => node.role === 'manager').map(memberName);
  return new UserError(`${name} is not a manager of the swarm`, { hint: nameHint(name, managers) });
}

async function runningTasks(swarm: Swarm): Promise<Map<string, number>> {
  const tasks = readTasks(await swarm.request((api) => api.tasks()));
  const running = tasks.filter((task) => !hasEnded(task));
  return new Map([...groupBy(running, ({ nodeId }) => nodeId)].map(([id, { length }]) => [id, length]));
}

async function createManifest(
  { node, machine }: ManagerMachine,
  autolock: boolean,
  beltVersion: string,
  swarm: Swarm,
): Promise<BackupManifest> {
  const { managers } = readMembership(await swarm.request((api) => api.info()));
  return {
    version: 1,
    belt: beltVersion,
    engine: node.engineVersion,
    swarmId: swarm.id,
    nodeId: node.id,
    machine: machine.name,
    address: node.address,
    managers,
    autolock,
    createdAt: new Date().toISOString(),
  };
}

type CopyResult = Pick<SwarmBackup, 'bytes' | 'downtimeSeconds'>;

async function copyFolder(
  { subject: machine, step, context }: Task,
  { manifest, sink, unlockKey }: { manifest: BackupManifest; sink: Writable; unlockKey: string },
): Promise<CopyResult> {
  let bytes = 0;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBackupBytes) done(sizeError(`${machine.name}: the backup`, maxBackupBytes));
      else if (sink.write(chunk)) done();
      else once(sink, 'drain').then(() => done(), done);
    },
  });
  const encoded = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`).toString('base64');
  const work = { script: 'backup', values: { manifest: encoded }, step, data: { output } } as const;
  try {
    const answers = await runFolderScript(machine, work, context);
    const size = Number(answers.get('size')?.[0]);
    if (bytes !== size)
      throw new ExternalError(
        `${machine.name}: the backup is incomplete: ${bytes} of ${size} bytes received`,
      );
    return { bytes, downtimeSeconds: Number(answers.get('downtime')?.[0]) };
  } catch (error) {
    // A full local disk also fails the script: report the cause.
    throw sink.errored ?? error;
  } finally {
    if (unlockKey !== '') await unlock(machine, unlockKey, context);
  }
}

/** Replaces the file only with a restorable backup. */
function copyToFile(
  path: string,
  copy: (sink: Writable) => Promise<CopyResult>,
  context: Context,
): Promise<CopyResult> {
  return context.cluster.files.receive(path, async (sink, part) => {
    const copied = await copy(sink);
    sink.end();
    if (!sink.writableFinished) await once(sink, 'finish');
    await inspectBackup(await fileSource(part), path);
    return copied;
  });
}

/** With autolock, a restarted engine needs its key. */
async function unlock(machine: Machine, key: string, context: Context): Promise<void> {
  await withEngine(machine, context, async (api: EngineApi) => {
    const { state } = await membershipOf(api);
    if (state === 'locked') await api.unlockSwarm(key, { timeoutMs: 60_000 });
  });
}
