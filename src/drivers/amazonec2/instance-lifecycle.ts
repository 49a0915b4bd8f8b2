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
import { done, failure } from '../kit/event-stream.js';
import type { Api } from './ec2-api.js';
import type { Ec2 } from './ec2-client.js';
import { findInstance, idOf, instancesById, instancesOf, isGone, reachOf, stateOf } from './instances.js';
import { removeShared } from './remove-shared.js';
import { type Goal, running, type Target, watch } from './watch-instances.js';

export type Events = AsyncGenerator<MachineEvent>;

/** An orderly shutdown may take this long; then it is switched off. */
const shutdownMs = 120_000;
export const stopped: Goal = { state: 'stopped', timeoutMs: 300_000, last: true };
/** An instance on its way out cannot come back; how long the way is does not matter. */
const gone: Goal = { state: 'gone', timeoutMs: 120_000, last: true };

export function start(ec2: Ec2, machines: readonly Machine[], signal: AbortSignal): Events {
  return onInstances(ec2, machines, signal, (api, targets) => switchOn(api, targets, signal));
}

async function* switchOn(api: Api, targets: readonly Target[], signal: AbortSignal): Events {
  // One that is still shutting down cannot be started, and one such fails the call for all.
  const stopping = targets.filter(({ instance }) => stateOf(instance) === 'stopping');
  const late = new Set<string>();
  for await (const event of watch(api, stopping, { ...stopped, last: false }, signal)) {
    if (event.type === 'failed') late.add(event.name);
    yield event;
  }
  const mine = targets.filter(({ name }) => !late.has(name));
  const off = mine.filter(({ instance }) => stateOf(instance) === 'stopped');
  const command = (InstanceIds: string[]) => new StartInstancesCommand({ InstanceIds });
  yield* ask(
    off,
    (ids) => api.client.send(command(ids), { abortSignal: signal }),
    () => watch(api, mine, running, signal),
  );
}

/**
 * Reboots those that run, where they keep their addresses and may be spot instances, and starts the others. EC2 says of one that
 * reboots that it is running, all the while: it is done here when EC2 has taken it on (`restartsUnseen`).
 */
export function restart(ec2: Ec2, machines: readonly Machine[], signal: AbortSignal): Events {
  return onInstances(ec2, machines, signal, async function* (api, targets) {
    const isOn = ({ instance }: Target) => stateOf(instance) === 'running';
    const on = targets.filter(isOn);
    for (const { name } of on) yield { type: 'progress', name, text: 'restarting' };
    const command = (InstanceIds: string[]) => new RebootInstancesCommand({ InstanceIds });
    yield* ask(
      on,
      (ids) => api.client.send(command(ids), { abortSignal: signal }),
      async function* () {
        yield* done(on);
      },
    );
    const others = targets.filter((target) => !isOn(target));
    if (others.length > 0) yield* switchOn(api, others, signal);
  });
}

export function stop(ec2: Ec2, machines: readonly Machine[], signal: AbortSignal): Events {
  return onInstances(ec2, machines, signal, async function* (api, targets) {
    const late: Target[] = [];
    const orderly = halt(api, targets, false, { ...stopped, timeoutMs: shutdownMs }, signal);
    for await (const event of orderly) {
      const target = targets.find(({ name }) => name === event.name);
      if (event.type === 'failed' && target && stateOf(target.instance) === 'stopping') late.push(target);
      else yield event;
    }
    yield* halt(api, late, true, stopped, signal);
  });
}

export function kill(ec2: Ec2, machines: readonly Machine[], signal: AbortSignal): Events {
  return onInstances(ec2, machines, signal, (api, targets) => halt(api, targets, true, stopped, signal));
}

/** EC2 refuses a call for all its instances when one of them is a spot instance: those fail by themselves. */
export async function* halt(
  api: Api,
  targets: readonly Target[],
  Force: boolean,
  goal: Goal,
  signal: AbortSignal,
): Events {
  for (const target of targets.filter(isFixed)) yield failure(target, cannotStop(target));
  const others = targets.filter((target) => !isFixed(target));
  const on = others.filter(({ instance }) => stateOf(instance) !== 'stopped');
  const command = (InstanceIds: string[]) => new StopInstancesCommand({ InstanceIds, Force });
  yield* ask(
    on,
    (ids) => api.client.send(command(ids), { abortSignal: signal }),
    () => watch(api, others, goal, signal),
  );
}

/** belt's and docker-machine's spot requests are for one time. */
function isFixed({ instance }: Target): boolean {
  return instance.InstanceLifecycle === 'spot' && stateOf(instance) !== 'stopped';
}

function cannotStop({ name, instance }: Target): UserError {
  return new UserError(`${instance.InstanceId} is a spot instance, which EC2 does not stop`, {
    hint: `it can only be terminated: belt rm ${name}`,
  });
}

/** What the cluster's machines shared goes with the last of them, whoever terminated it. */
export async function* remove(ec2: Ec2, machines: readonly Machine[], signal: AbortSignal): Events {
  const terminate = async function* (api: Api, targets: Target[]): Events {
    const command = (InstanceIds: string[]) => new TerminateInstancesCommand({ InstanceIds });
    yield* ask(
      targets,
      (ids) => api.client.send(command(ids), { abortSignal: signal }),
      () => watch(api, targets, gone, signal),
    );
  };
  yield* onInstances(ec2, machines, signal, terminate, ({ name }) => ({ type: 'done', name }));
  for (const [api] of await ec2.places(machines)) await removeShared(api, ec2.cluster, signal);
}

/** One call for all of them, then what follows; a call that fails is the failure of each. */
export async function* ask(
  targets: readonly Target[],
  call: (ids: string[]) => Promise<unknown>,
  goOn: () => Events,
): Events {
  try {
    if (targets.length > 0) await call(idsOf(targets));
  } catch (error) {
    for (const target of targets) yield failure(target, error);
    return;
  }
  yield* goOn();
}

export function idsOf(targets: readonly Target[]): string[] {
  return targets.flatMap(({ instance }) => instance.InstanceId ?? []);
}

/** Works on the instances of machines, region by region. One that EC2 does not have fails, unless the verb knows better. */
export async function* onInstances<E extends MachineEvent | SnapshotEvent>(
  ec2: Ec2,
  machines: readonly Machine[],
  signal: AbortSignal,
  work: (api: Api, targets: Target[]) => AsyncGenerator<E>,
  absent: (machine: Machine) => MachineEvent = missing,
): AsyncGenerator<E | MachineEvent> {
  for (const [api, mine] of await ec2.places(machines)) {
    const instances = await lookUp(api, ec2, mine, signal);
    const targets: Target[] = [];
    for (const machine of mine) {
      const instance = findInstance(instances, machine);
      if (instance) targets.push({ name: machine.name, instance, reach: reachOf(machine) });
      else yield absent(machine);
    }
    if (targets.length > 0) yield* work(api, targets);
  }
}

function missing(machine: Machine): MachineEvent {
  const { name } = machine;
  const what = idOf(machine) ?? `for ${name}`;
  return failure(machine, new UserError(`EC2 knows no instance ${what}`, { hint: `belt rm ${name}` }));
}

/** By the cluster's tag; those that docker-machine made have none, and are asked for by their ids. */
export async function lookUp(
  api: Api,
  { cluster }: Pick<Ec2, 'cluster'>,
  machines: readonly Machine[],
  signal: AbortSignal,
): Promise<Instance[]> {
  const tagged = (await instancesOf(api, cluster, signal)).filter((instance) => !isGone(instance));
  const others = machines.flatMap((machine) => {
    const id = idOf(machine);
    return id === undefined || tagged.some(({ InstanceId }) => InstanceId === id) ? [] : [id];
  });
  const known = (await instancesById(api, others, signal)).filter((instance) => !isGone(instance));
  return [...tagged, ...known];
}
