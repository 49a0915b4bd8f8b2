import type { Instance } from '@aws-sdk/client-ec2';
import { ExternalError } from '../../base/errors.js';
import type { MachineEvent } from '../driver.js';
import { failure } from '../kit/event-stream.js';
import { type Api, looks } from './ec2-api.js';
import { addressesOf, instancesById, isGone, type Reach, stateOf } from './instances.js';

/** How long EC2 may not know of what it has just made. */
export const notYetMs = 120_000;

/** A machine under its name, with its instance as it was last seen. */
export interface Target {
  name: string;
  instance: Instance;
  reach: Reach;
}

export interface Goal {
  state: 'running' | 'stopped' | 'gone';
  timeoutMs: number;
  /** Whether those that arrive are `done`, or something else is to follow. */
  last: boolean;
}

export const running: Goal = { state: 'running', timeoutMs: 300_000, last: true };

/**
 * Looks at all instances together, time and again, until each has come to where it is to be. Those that have not when the time is
 * over fail.
 */
export async function* watch(
  api: Api,
  targets: readonly Target[],
  goal: Goal,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const waiting = new Map(targets.map((target) => [target.instance.InstanceId ?? '', target]));
  const seen = new Set<string>();
  const begun = Date.now();
  for await (const _ of waiting.size > 0 ? looks({ timeoutMs: goal.timeoutMs, signal }) : []) {
    for (const instance of await instancesById(api, [...waiting.keys()], signal)) {
      const id = instance.InstanceId ?? '';
      const target = waiting.get(id);
      if (!target) continue;
      seen.add(id);
      target.instance = instance;
      const events = arrival(target, goal);
      if (events) waiting.delete(id);
      yield* events ?? [{ type: 'progress', name: target.name, text: instance.State?.Name ?? '' }];
    }
    for (const [id, { name }] of waiting) {
      if (seen.has(id) || (goal.state !== 'gone' && Date.now() - begun < notYetMs)) continue;
      waiting.delete(id);
      if (goal.state === 'gone') yield { type: 'done', name };
      else
        yield failure({ name }, new ExternalError(`EC2 knows nothing of ${id} after ${notYetMs / 1000} s`));
    }
    if (waiting.size === 0) return;
  }
  for (const [id, { name, instance }] of waiting) {
    const late = `${id} is ${instance.State?.Name}, not ${goal.state}, after ${goal.timeoutMs / 1000} s`;
    yield failure({ name }, new ExternalError(late, { hint: 'run the same command again' }));
  }
}

/** What there is to tell of an instance that is where it is to be, or will never come there; undefined while it is on its way. */
function arrival({ name, instance, reach }: Target, { state, last }: Goal): MachineEvent[] | undefined {
  const done: MachineEvent[] = last ? [{ type: 'done', name }] : [];
  if (isGone(instance)) {
    if (state === 'gone') return done;
    const reason = instance.StateReason?.Message || instance.StateTransitionReason || 'no reason given';
    return [failure({ name }, new ExternalError(`EC2 has terminated ${instance.InstanceId}: ${reason}`))];
  }
  const addresses = addressesOf(instance, reach);
  if (stateOf(instance) !== state || (state === 'running' && !addresses)) return undefined;
  return [{ type: 'changed', name, change: { state, ...(addresses && { addresses }) } }, ...done];
}
