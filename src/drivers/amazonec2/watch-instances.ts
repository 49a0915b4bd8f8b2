import type { Instance } from '@aws-sdk/client-ec2';
import { ExternalError } from '../../base/errors.js';
import type { MachineEvent } from '../driver.js';
import { failedEvent } from '../kit/event-stream.js';
import { watchObjects } from '../kit/watch-objects.js';
import { type Ec2Api, pausesMs } from './ec2-api.js';
import { type AddressKind, addressesOf, instancesById, isTerminated, stateOf } from './instances.js';

/** How long EC2 may not list a new instance. */
export const visibleWithinMs = 120_000;

export interface TrackedInstance {
  name: string;
  instance: Instance;
  addressKind: AddressKind;
}

export interface InstanceGoal {
  state: 'running' | 'stopped' | 'terminated';
  timeoutMs: number;
  /** Whether reaching the goal completes the machine. */
  last: boolean;
}

export const running: InstanceGoal = { state: 'running', timeoutMs: 300_000, last: true };

export async function* watchInstances(
  api: Ec2Api,
  targets: readonly TrackedInstance[],
  goal: InstanceGoal,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const isReached = (instance: Instance | undefined, target: TrackedInstance) =>
    instance ? finalEvents({ ...target, instance }, goal) !== undefined : goal.state === 'terminated';
  const sightings = watchObjects(targets, {
    idOf: idOfInstance,
    read: async (pending) => {
      const instances = await instancesById(api, pending.map(idOfInstance), signal);
      return new Map(instances.map((instance) => [instance.InstanceId ?? '', instance]));
    },
    isReached,
    timeoutMs: goal.timeoutMs,
    missingMs: visibleWithinMs,
    pausesMs,
    signal,
  });
  for await (const { target, object: instance, outcome } of sightings) {
    const { name } = target;
    const id = idOfInstance(target);
    if (instance) target.instance = instance;
    const current = target.instance.State?.Name ?? '';
    if (outcome === 'reached') {
      yield* instance ? (finalEvents(target, goal) ?? []) : [{ type: 'done', name } as const];
    } else if (outcome === 'missing') {
      const problem = `EC2 does not list ${id} after ${visibleWithinMs / 1000} s`;
      yield failedEvent(target, new ExternalError(problem));
    } else if (outcome === 'late') {
      const problem = `${id} is ${current}, not ${goal.state}, after ${goal.timeoutMs / 1000} s`;
      yield failedEvent(target, new ExternalError(problem, { hint: 'rerun the command to resume' }));
    } else if (instance) yield { type: 'progress', name, text: current };
  }
}

function idOfInstance({ instance }: TrackedInstance): string {
  return instance.InstanceId ?? '';
}

/** The events of an instance that reached the goal or never will; undefined: not yet. */
function finalEvents(
  { name, instance, addressKind }: TrackedInstance,
  { state, last }: InstanceGoal,
): MachineEvent[] | undefined {
  const done: MachineEvent[] = last ? [{ type: 'done', name }] : [];
  if (isTerminated(instance)) {
    if (state === 'terminated') return done;
    const reason = instance.StateReason?.Message || instance.StateTransitionReason || 'no reason given';
    return [failedEvent({ name }, new ExternalError(`EC2 terminated ${instance.InstanceId}: ${reason}`))];
  }
  const addresses = addressesOf(instance, addressKind);
  if (stateOf(instance) !== state || (state === 'running' && !addresses)) return undefined;
  return [{ type: 'changed', name, change: { state, ...(addresses && { addresses }) } }, ...done];
}
