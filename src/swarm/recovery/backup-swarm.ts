import { once } from 'node:events';
import { Writable } from 'node:stream';
import type { Context } from '../../app/context.js';
import type { Step } from '../../app/reporter.js';
import { runTask } from '../../app/run-tasks.js';
import { whileSwarmClaimed } from '../../app/with-claim.js';
import { ExternalError, UserError } from '../../base/errors.js';
import { fileSource } from '../../base/files.js';
import { groupBy } from '../../base/group-by.js';
import type { EngineApi } from '../../engine/api.js';
import type { Machine } from '../../machines/model/machine.js';
import { waitForRole } from '../change-roles.js';
import { membershipOf, withEngine } from '../membership.js';
import { type BackupManifest, inspectBackup } from '../model/backup-file.js';
import { type BackupCandidate, rankForBackup } from '../model/manager-ranking.js';
import { memberName, type NamedMember, named } from '../model/members.js';
import { readMembership } from '../model/swarm-node.js';
import { hasEnded, readTasks } from '../model/swarm-tasks.js';
import { requireQuorum } from '../require-quorum.js';
import { type Swarm, withSwarm } from '../session.js';
import { stableMembers } from '../stable-view.js';
import { runFolderScript } from './swarm-folder.js';

export interface BackupInput {
  /** Where to: a file, or a stream such as stdout. */
  to: string | Writable;
  /** The manager to take it from; absent: the one that is missed least. */
  node?: string | undefined;
  force: boolean;
  /** Of this belt, for the manifest. */
  beltVersion: string;
}

export interface SwarmBackup {
  node: string;
  swarmId: string;
  /** Absent: it went to a stream. */
  file?: string;
  bytes: number;
  /** For how long the node's engine stood still, in whole seconds. */
  downtimeSeconds: number;
  autolock: boolean;
}

/**
 * Copies the swarm's state from a manager, whose engine stands still meanwhile: the only way to a
 * consistent copy (https://docs.docker.com/engine/swarm/admin_guide/#back-up-the-swarm).
 * @throws UserError when there is no manager to take it from, or the swarm would lose its quorum,
 * unless `force`
 */
export async function backupSwarm(
  { to, node, force, beltVersion }: BackupInput,
  context: Context,
): Promise<SwarmBackup> {
  return whileSwarmClaimed('backed up', context, () =>
    withSwarm({}, context, async (swarm) => {
      const manager = await chooseManager(node, swarm, context);
      const { managers } = await stableMembers(swarm, context);
      requireQuorum(
        {
          managers,
          changes: [{ id: manager.node.id, effect: 'stops' }],
          what: `stopping the engine of ${manager.name} for the backup`,
          force,
        },
        context,
      );
      const unlockKey = await swarm.request((api) => api.unlockKey());
      const manifest = await manifestOf(manager, unlockKey !== '', beltVersion, swarm);
      return runTask<SwarmBackup, ManagerMachine>(
        manager,
        {
          activity: 'backed up',
          doneText: ({ downtimeSeconds }) => `copied; its engine was stopped for ${downtimeSeconds} s`,
          async run({ subject, step }) {
            const copy = (sink: Writable): Promise<Copied> =>
              copyFolder(subject.machine, manifest, { sink, unlockKey, step }, context);
            const copied = typeof to === 'string' ? await copyToFile(to, copy, context) : await copy(to);
            step('waiting until it is back in the swarm');
            await waitForRole(subject.node.id, subject.name, 'manager', swarm, context);
            return {
              node: subject.name,
              swarmId: swarm.id,
              ...(typeof to === 'string' && { file: to }),
              ...copied,
              autolock: manifest.autolock,
            };
          },
        },
        context,
      );
    }),
  );
}

type ManagerMachine = NamedMember & { machine: Machine };

/** The named manager, or the one whose engine is missed least. */
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
    if (!found) throw notAManager(node, members);
    if (found.node.leader && managers.length > 1)
      context.reporter.warn(`${node} is the leader: while its engine is down, the others elect another one`);
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
  if (!best) throw new UserError('no manager of the swarm is a machine of this cluster that can be reached');
  return best.manager;
}

function notAManager(name: string, members: readonly NamedMember[]): UserError {
  const managers = members.filter(({ node }) => node.role === 'manager').map(memberName);
  return new UserError(`${name} is not a manager of the swarm`, {
    hint: `its managers: ${managers.join(', ')}`,
  });
}

async function runningTasks(swarm: Swarm): Promise<Map<string, number>> {
  const tasks = readTasks(await swarm.request((api) => api.tasks()));
  const running = tasks.filter((task) => !hasEnded(task));
  return new Map([...groupBy(running, ({ nodeId }) => nodeId)].map(([id, { length }]) => [id, length]));
}

async function manifestOf(
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

interface Copied {
  bytes: number;
  downtimeSeconds: number;
}

interface Copying {
  sink: Writable;
  unlockKey: string;
  step: Step;
}

async function copyFolder(
  machine: Machine,
  manifest: BackupManifest,
  { sink, unlockKey, step }: Copying,
  context: Context,
): Promise<Copied> {
  let bytes = 0;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (sink.write(chunk)) done();
      else once(sink, 'drain').then(() => done(), done);
    },
  });
  const encoded = Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`).toString('base64');
  const work = { script: 'backup', values: { manifest: encoded }, step, data: { output } } as const;
  try {
    const answers = await runFolderScript(machine, work, context);
    const size = Number(answers.get('size')?.[0]);
    if (bytes !== size)
      throw new ExternalError(`${machine.name}: ${bytes} of ${size} bytes of the backup arrived`);
    return { bytes, downtimeSeconds: Number(answers.get('downtime')?.[0]) };
  } catch (error) {
    // A full disk here ends the work there: it is the cause.
    throw sink.errored ?? error;
  } finally {
    if (unlockKey !== '') await unlock(machine, unlockKey, context);
  }
}

/** A backup that could not be restored is none, and the old file stays. */
function copyToFile(
  path: string,
  copy: (sink: Writable) => Promise<Copied>,
  context: Context,
): Promise<Copied> {
  return context.cluster.files.receive(path, async (sink, part) => {
    const copied = await copy(sink);
    sink.end();
    if (!sink.writableFinished) await once(sink, 'finish');
    await inspectBackup(await fileSource(part), path);
    return copied;
  });
}

async function unlock(machine: Machine, key: string, context: Context): Promise<void> {
  await withEngine(machine, context, async (api: EngineApi) => {
    const { state } = await membershipOf(api);
    if (state === 'locked') await api.unlockSwarm(key, { timeoutMs: 60_000 });
  });
}
