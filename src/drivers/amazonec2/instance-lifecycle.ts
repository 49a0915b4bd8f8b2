import {
  type Instance,
  RebootInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import type { MachineEvent, SnapshotEvent } from '../driver.js';
import { done, failedEvent } from '../kit/event-stream.js';
import type { Ec2Api } from './ec2-api.js';
import type { Ec2Context } from './ec2-context.js';
import {
  addressKindOf,
  findInstance,
  idOf,
  instancesById,
  instancesOf,
  isTerminated,
  stateOf,
} from './instances.js';
import { removeShared } from './shared-resources.js';
import { type InstanceGoal, running, type TrackedInstance, watchInstances } from './watch-instances.js';

export type Events = AsyncGenerator<MachineEvent>;

/** After this, a shutdown is forced. */
const shutdownMs = 120_000;
export const stopped: InstanceGoal = { state: 'stopped', timeoutMs: 300_000, last: true };
/** `shutting-down` is enough: an instance cannot come back from it. */
const terminated: InstanceGoal = { state: 'terminated', timeoutMs: 120_000, last: true };

export function start(ec2: Ec2Context, machines: readonly Machine[], signal: AbortSignal): Events {
  return withInstances(ec2, machines, signal, (api, targets) => startInstances(api, targets, signal));
}

async function* startInstances(
  api: Ec2Api,
  targets: readonly TrackedInstance[],
  signal: AbortSignal,
): Events {
  // A single instance that is still stopping would fail the call for all.
  const stopping = targets.filter(({ instance }) => stateOf(instance) === 'stopping');
  const stillStopping = new Set<string>();
  for await (const event of watchInstances(api, stopping, { ...stopped, last: false }, signal)) {
    if (event.type === 'failed') stillStopping.add(event.name);
    yield event;
  }
  const startable = targets.filter(({ name }) => !stillStopping.has(name));
  const off = startable.filter(({ instance }) => stateOf(instance) === 'stopped');
  yield* callForAll(
    off,
    (InstanceIds) => api.client.send(new StartInstancesCommand({ InstanceIds }), { abortSignal: signal }),
    () => watchInstances(api, startable, running, signal),
  );
}

/** EC2 reports no end of a reboot: it is done when EC2 accepts it (`restartsUnseen`). */
export function restart(ec2: Ec2Context, machines: readonly Machine[], signal: AbortSignal): Events {
  return withInstances(ec2, machines, signal, async function* (api, targets) {
    const isOn = ({ instance }: TrackedInstance) => stateOf(instance) === 'running';
    const on = targets.filter(isOn);
    for (const { name } of on) yield { type: 'progress', name, text: 'restarting' };
    yield* callForAll(
      on,
      (InstanceIds) => api.client.send(new RebootInstancesCommand({ InstanceIds }), { abortSignal: signal }),
      async function* () {
        yield* done(on);
      },
    );
    const others = targets.filter((target) => !isOn(target));
    if (others.length > 0) yield* startInstances(api, others, signal);
  });
}

export function stop(ec2: Ec2Context, machines: readonly Machine[], signal: AbortSignal): Events {
  return withInstances(ec2, machines, signal, async function* (api, targets) {
    const late: TrackedInstance[] = [];
    const shutdown = stopInstances(api, targets, false, { ...stopped, timeoutMs: shutdownMs }, signal);
    for await (const event of shutdown) {
      const target = targets.find(({ name }) => name === event.name);
      if (event.type === 'failed' && target && stateOf(target.instance) === 'stopping') late.push(target);
      else yield event;
    }
    yield* stopInstances(api, late, true, stopped, signal);
  });
}

export function kill(ec2: Ec2Context, machines: readonly Machine[], signal: AbortSignal): Events {
  return withInstances(ec2, machines, signal, (api, targets) =>
    stopInstances(api, targets, true, stopped, signal),
  );
}

/** A single spot instance would fail the call for all, so these fail beforehand. */
export async function* stopInstances(
  api: Ec2Api,
  targets: readonly TrackedInstance[],
  Force: boolean,
  goal: InstanceGoal,
  signal: AbortSignal,
): Events {
  for (const target of targets.filter(isUnstoppable)) yield failedEvent(target, spotInstanceError(target));
  const others = targets.filter((target) => !isUnstoppable(target));
  const on = others.filter(({ instance }) => stateOf(instance) !== 'stopped');
  yield* callForAll(
    on,
    (InstanceIds) =>
      api.client.send(new StopInstancesCommand({ InstanceIds, Force }), { abortSignal: signal }),
    () => watchInstances(api, others, goal, signal),
  );
}

/** One-time spot instances, which belt and docker-machine request, cannot be stopped. */
function isUnstoppable({ instance }: TrackedInstance): boolean {
  return instance.InstanceLifecycle === 'spot' && stateOf(instance) !== 'stopped';
}

function spotInstanceError({ name, instance }: TrackedInstance): UserError {
  return new UserError(`${instance.InstanceId} is a spot instance and cannot be stopped`, {
    hint: `belt rm ${name}`,
  });
}

/** After the last machine, also removes what they shared, even if belt did not terminate it. */
export async function* remove(ec2: Ec2Context, machines: readonly Machine[], signal: AbortSignal): Events {
  const terminate = async function* (api: Ec2Api, targets: TrackedInstance[]): Events {
    yield* callForAll(
      targets,
      (InstanceIds) =>
        api.client.send(new TerminateInstancesCommand({ InstanceIds }), { abortSignal: signal }),
      () => watchInstances(api, targets, terminated, signal),
    );
  };
  yield* withInstances(ec2, machines, signal, terminate, ({ name }) => ({ type: 'done', name }));
  for (const [api] of await ec2.byLocation(machines)) await removeShared(api, ec2.cluster, signal);
}

export async function* callForAll(
  targets: readonly TrackedInstance[],
  call: (InstanceIds: string[]) => Promise<unknown>,
  afterwards: () => Events,
): Events {
  try {
    if (targets.length > 0) await call(idsOf(targets));
  } catch (error) {
    for (const target of targets) yield failedEvent(target, error);
    return;
  }
  yield* afterwards();
}

export function idsOf(targets: readonly TrackedInstance[]): string[] {
  return targets.flatMap(({ instance }) => instance.InstanceId ?? []);
}

/** Works region by region. @param onMissing default: the machine fails */
export async function* withInstances<E extends MachineEvent | SnapshotEvent>(
  ec2: Ec2Context,
  machines: readonly Machine[],
  signal: AbortSignal,
  work: (api: Ec2Api, targets: TrackedInstance[]) => AsyncGenerator<E>,
  onMissing: (machine: Machine) => MachineEvent = missing,
): AsyncGenerator<E | MachineEvent> {
  for (const [api, group] of await ec2.byLocation(machines)) {
    const instances = await findInstances(api, ec2, group, signal);
    const targets: TrackedInstance[] = [];
    for (const machine of group) {
      const instance = findInstance(instances, machine);
      if (instance) targets.push({ name: machine.name, instance, addressKind: addressKindOf(machine) });
      else yield onMissing(machine);
    }
    if (targets.length > 0) yield* work(api, targets);
  }
}

function missing(machine: Machine): MachineEvent {
  const { name } = machine;
  const what = idOf(machine) ?? `for ${name}`;
  return failedEvent(machine, new UserError(`EC2 has no instance ${what}`, { hint: `belt rm ${name}` }));
}

/** Finds instances by the cluster's tag, and those that docker-machine created by their ids. */
export async function findInstances(
  api: Ec2Api,
  { cluster }: Pick<Ec2Context, 'cluster'>,
  machines: readonly Machine[],
  signal: AbortSignal,
): Promise<Instance[]> {
  const tagged = (await instancesOf(api, cluster, signal)).filter((instance) => !isTerminated(instance));
  const others = machines.flatMap((machine) => {
    const id = idOf(machine);
    return id === undefined || tagged.some(({ InstanceId }) => InstanceId === id) ? [] : [id];
  });
  const known = (await instancesById(api, others, signal)).filter((instance) => !isTerminated(instance));
  return [...tagged, ...known];
}
