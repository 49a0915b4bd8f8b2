import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import type { Step } from '../app/reporter.js';
import type { UnlockKeys } from '../app/unlock-keys.js';
import { messageOf, rethrowAbort } from '../base/errors.js';
import { EngineError } from '../engine/api.js';
import { hasNoSsh, type Machine } from '../machines/model/machine.js';
import { unlockMachine } from './autolock.js';
import {
  answeringManagers,
  ownState,
  ownStateTimeoutMs,
  withEngine,
  withEngineWithin,
} from './membership.js';

export class SwarmUnlockKeys implements UnlockKeys {
  /** @param keys by machine name; shared by all commands of a run */
  constructor(
    private readonly keys: Map<string, string>,
    private readonly context: Context,
  ) {}

  async remember(managers: readonly Machine[], source: Machine): Promise<boolean> {
    const { context } = this;
    const key = await readKey(source, context).catch((error) => {
      rethrowAbort(error);
      const names = managers.map(({ name }) => name).join(' and ');
      context.reporter.warn(
        `the unlock key of the swarm cannot be read (${messageOf(error)}); if the swarm is autolocked, ${names} will be locked: belt swarm unlock`,
      );
      return '';
    });
    if (key !== '') for (const { name } of managers) this.keys.set(name, key);
    return key !== '';
  }

  async unlock(machine: Machine, step: Step): Promise<void> {
    const { context } = this;
    if (hasNoSsh(machine)) return;
    if ((await ownState(machine, ownStateTimeoutMs, context).catch(rethrowAbort)) !== 'locked') return;
    step('unlocking');
    const remembered = this.keys.get(machine.name);
    for (const key of remembered === undefined ? await keysOfOthers(machine, context) : [remembered]) {
      try {
        await withEngine(machine, context, (api) => unlockMachine(machine.name, key, api, context));
        return;
      } catch (error) {
        // The key of another swarm, or one from before a rotation.
        if (!(error instanceof EngineError)) throw error;
      }
    }
    context.reporter.warn(
      `${machine.name} is locked, and no other manager of its swarm provides the key; to unlock it: belt swarm unlock ${machine.name}`,
    );
  }
}

function readKey(manager: Machine, context: Context): Promise<string> {
  return withEngineWithin(manager, ownStateTimeoutMs, context, (api) => api.unlockKey());
}

async function keysOfOthers(machine: Machine, context: Context): Promise<string[]> {
  const { machines } = await context.cluster.machines();
  const others = machines.filter((other) => other.name !== machine.name && !hasNoSsh(other));
  const managers = await answeringManagers(others, context);
  const { answers } = await queryAll(managers, (manager) => readKey(manager, context), context.signal);
  return [...new Set(answers.map(({ value }) => value))].filter((key) => key !== '');
}
