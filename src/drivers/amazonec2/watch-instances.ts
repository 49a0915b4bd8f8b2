import type { Instance } from '@aws-sdk/client-ec2';
import { ExternalError } from '../../base/errors.js';
import type { MachineEvent } from '../driver.js';
import { failedEvent } from '../kit/event-stream.js';
import { type Ec2Api, pollTicks } from './ec2-api.js';
import { type AddressKind, addressesOf, instancesById, isGone, stateOf } from './instances.js';

/** How long EC2 may not list a new instance. */
export const visibleWithinMs = 120_000;

/** A machine with its instance as last seen. */
export interface TrackedInstance {
  name: string;
  instance: Instance;
  addressKind: AddressKind;
}

export interface InstanceGoal {
  state: 'running' | 'stopped' | 'gone';
  timeoutMs: number;
  /** Whether reaching the goal completes the machine. */
  last: boolean;
}

export const running: InstanceGoal = { state: 'running', timeoutMs: 300_000, last: true };

/** Polls all instances together until each reaches the goal; those that are late fail. */
export async function* watchInstances(
  api: Ec2Api,
  targets: readonly TrackedInstance[],
  goal: InstanceGoal,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const waiting = new Map(targets.map((target) => [target.instance.InstanceId ?? '', target]));
  const seen = new Set<string>();
  const start = Date.now();
  for await (const _ of waiting.size > 0 ? pollTicks({ timeoutMs: goal.timeoutMs, signal }) : []) {
    for (const instance of await instancesById(api, [...waiting.keys()], signal)) {
      const id = instance.InstanceId ?? '';
      const target = waiting.get(id);
      if (!target) continue;
      seen.add(id);
      target.instance = instance;
      const events = finalEvents(target, goal);
      if (events) waiting.delete(id);
      yield* events ?? [{ type: 'progress', name: target.name, text: instance.State?.Name ?? '' }];
    }
    for (const [id, { name }] of waiting) {
      if (seen.has(id) || (goal.state !== 'gone' && Date.now() - start < visibleWithinMs)) continue;
      waiting.delete(id);
      if (goal.state === 'gone') yield { type: 'done', name };
      else
        yield failedEvent(
          { name },
          new ExternalError(`EC2 does not list ${id} after ${visibleWithinMs / 1000} s`),
        );
    }
    if (waiting.size === 0) return;
  }
  for (const [id, { name, instance }] of waiting) {
    const problem = `${id} is ${instance.State?.Name}, not ${goal.state}, after ${goal.timeoutMs / 1000} s`;
    yield failedEvent({ name }, new ExternalError(problem, { hint: 'rerun the command to resume' }));
  }
}

/** The events of an instance that reached the goal or never will; undefined: not yet. */
function finalEvents(
  { name, instance, addressKind }: TrackedInstance,
  { state, last }: InstanceGoal,
): MachineEvent[] | undefined {
  const done: MachineEvent[] = last ? [{ type: 'done', name }] : [];
  if (isGone(instance)) {
    if (state === 'gone') return done;
    const reason = instance.StateReason?.Message || instance.StateTransitionReason || 'no reason given';
    return [failedEvent({ name }, new ExternalError(`EC2 terminated ${instance.InstanceId}: ${reason}`))];
  }
  const addresses = addressesOf(instance, addressKind);
  if (stateOf(instance) !== state || (state === 'running' && !addresses)) return undefined;
  return [{ type: 'changed', name, change: { state, ...(addresses && { addresses }) } }, ...done];
}
