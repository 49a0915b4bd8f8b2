import type { Context } from '../app/context.js';
import { type Outcome, queryAll } from '../app/fan-out.js';
import { runTasks } from '../app/run-tasks.js';
import { ExternalError, UserError } from '../base/errors.js';
import { waitUntilClear } from '../base/poll.js';
import type { EngineApi } from '../engine/api.js';
import type { Machine } from '../machines/model/machine.js';
import { selectMachines } from '../machines/select-machines.js';
import { membershipOf, withEngine } from './membership.js';
import { rotatedKeyText, unlockKeyText, updatedMessage } from './model/docker-messages.js';
import { withSwarm } from './session.js';

export interface AutolockState {
  /** Managers need the key after a restart. */
  autolock: boolean;
  already: boolean;
  unlockKey?: string;
  message: string;
}

export async function setAutolock(autolock: boolean, context: Context): Promise<AutolockState> {
  return withSwarm({}, context, async (swarm) => {
    const changed = await swarm.request((api) =>
      api.updateSwarm((spec) => ({
        ...spec,
        EncryptionConfig: { ...spec.EncryptionConfig, AutoLockManagers: autolock },
      })),
    );
    const state = { autolock, already: !changed };
    if (!autolock) return { ...state, message: updatedMessage };
    const unlockKey = await swarm.request((api) => api.unlockKey());
    return { ...state, unlockKey, message: `${updatedMessage}\n${unlockKeyText(unlockKey)}` };
  });
}

export interface UnlockKey {
  unlockKey: string;
  rotated: boolean;
  message: string;
}

/** @throws UserError when managers are not locked */
export async function unlockKey({ rotate }: { rotate: boolean }, context: Context): Promise<UnlockKey> {
  return withSwarm({}, context, async (swarm) => {
    const { Spec } = await swarm.request((api) => api.swarm());
    if (!Spec.EncryptionConfig?.AutoLockManagers)
      throw new UserError('no unlock key is set', { hint: 'belt swarm lock' });
    if (rotate) await swarm.request((api) => api.updateSwarm((spec) => spec, 'rotateManagerUnlockKey'));
    const key = await swarm.request((api) => api.unlockKey());
    const text = unlockKeyText(key);
    const message = rotate ? `${rotatedKeyText}\n${text}` : text;
    return { unlockKey: key, rotated: rotate, message };
  });
}

export interface Unlocked {
  already: boolean;
}

interface UnlockInput {
  /** Empty for all locked machines of the cluster. */
  nodes: readonly string[];
  /** Called once, when a machine is locked. */
  askKey: () => Promise<string>;
}

/** An unlocked manager reads its whole Raft log first. */
const unlockTimeoutMs = 90_000;

/** @throws UserError when a machine does not exist, or nothing is locked */
export async function unlockNodes(
  { nodes, askKey }: UnlockInput,
  context: Context,
): Promise<Outcome<Unlocked>[]> {
  const machines = nodes.length > 0 ? await selectMachines(nodes, context) : await lockedMachines(context);
  if (machines.length === 0) throw new UserError('no machine of this cluster is a locked manager');
  const key = await askKey();
  return runTasks<Unlocked>(
    machines,
    {
      activity: 'unlocked',
      doneText: ({ already }) => (already ? 'not locked' : 'unlocked'),
      run: ({ subject: machine }) =>
        withEngine(machine, context, (api) => unlockMachine(machine.name, key, api, context)),
    },
    context,
  );
}

/** @throws EngineError for a wrong key; ExternalError on a timeout */
export async function unlockMachine(
  name: string,
  key: string,
  api: EngineApi,
  { signal }: Context,
): Promise<Unlocked> {
  if ((await membershipOf(api)).state !== 'locked') return { already: true };
  await api.unlockSwarm(key, { timeoutMs: unlockTimeoutMs, signal });
  await waitUntilClear(
    async () => {
      const { state, error } = await membershipOf(api);
      return state === 'active' ? undefined : `${state}${error && `: ${error}`}`;
    },
    { timeoutMs: unlockTimeoutMs, signal },
    (state) =>
      new ExternalError(
        `${name} is unlocked, but after ${unlockTimeoutMs / 1000} s its state is still ${state}`,
      ),
  );
  return { already: false };
}

/** A machine that does not respond counts as stopped. */
async function lockedMachines(context: Context): Promise<Machine[]> {
  const { machines } = await context.cluster.machines();
  const isLocked = (machine: Machine): Promise<boolean> =>
    withEngine(machine, context, async (api) => (await membershipOf(api)).state === 'locked');
  const { answers } = await queryAll(machines, isLocked, context.signal);
  return answers.filter(({ value }) => value).map(({ subject }) => subject);
}
