import {
  CreateTagsCommand,
  type Instance,
  type _InstanceType as InstanceType,
  ModifyInstanceAttributeCommand,
  StartInstancesCommand,
} from '@aws-sdk/client-ec2';
import { chunks } from '../../base/chunks.js';
import { UserError } from '../../base/errors.js';
import type { Machine } from '../../machines/model/machine.js';
import type { MachineEvent } from '../driver.js';
import { done, failedEvent } from '../kit/event-stream.js';
import type { Ec2Api } from './ec2-api.js';
import type { Ec2Context } from './ec2-context.js';
import {
  callForAll,
  type Events,
  idsOf,
  stopInstances,
  stopped,
  withInstances,
} from './instance-lifecycle.js';
import { architectureOf, typeFor } from './instance-types.js';
import { stateOf, tagKeys } from './instances.js';
import { running, type TrackedInstance, watchInstances } from './watch-instances.js';

const concurrency = 8;

/** Stops running instances for the change, and starts them again even if it failed. */
export function resize(
  ec2: Ec2Context,
  machines: readonly Machine[],
  size: string,
  signal: AbortSignal,
): Events {
  return withInstances(ec2, machines, signal, async function* (api, targets) {
    const resizable: TrackedInstance[] = [];
    const types = new Map<string, string>();
    for (const target of targets) {
      try {
        types.set(target.name, compatibleType(target.instance, size));
        resizable.push(target);
      } catch (error) {
        yield failedEvent(target, error);
      }
    }
    const memory = await ec2.memoryOf(api, [...new Set(types.values())], signal);
    const isSame = ({ name, instance }: TrackedInstance) => instance.InstanceType === types.get(name);
    const other = resizable.filter((target) => !isSame(target));
    const ran = new Set(
      other
        .filter(({ instance }) => ['running', 'starting'].includes(stateOf(instance)))
        .map(({ name }) => name),
    );
    const failed = new Map<string, MachineEvent>();
    for await (const event of stopInstances(api, other, false, { ...stopped, last: false }, signal)) {
      if (event.type === 'failed') failed.set(event.name, event);
      yield event;
    }
    const off = other.filter(({ name }) => !failed.has(name));
    for (const some of chunks(off, concurrency)) {
      for (const event of await Promise.all(some.map((target) => changeType(api, target, types, signal)))) {
        if (event.type === 'failed') failed.set(event.name, event);
        else yield withSize(event, size, memory.get(types.get(event.name) ?? ''));
      }
    }
    const changed = off.filter(({ name }) => !failed.has(name));
    const same = resizable.filter(isSame);
    for (const { name } of same) {
      yield withSize({ type: 'changed', name, change: {} }, size, memory.get(types.get(name) ?? ''));
    }
    await tagSize(api, [...same, ...changed], size, signal);
    yield* done(same);
    yield* startResized(api, off, ran, failed, signal);
  });
}

/** @throws UserError for a type of another architecture */
function compatibleType({ Architecture: architecture, InstanceId }: Instance, size: string): string {
  const own = architecture === 'arm64' ? 'arm64' : 'amd64';
  const type = typeFor(size, own);
  if (architectureOf(type) === own) return type;
  throw new UserError(`${type} does not match ${InstanceId}, which has architecture ${own}`, {
    hint: 'create a new machine with that type',
  });
}

async function changeType(
  { client }: Ec2Api,
  { name, instance }: TrackedInstance,
  types: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<MachineEvent> {
  const type = types.get(name) as InstanceType;
  const command = new ModifyInstanceAttributeCommand({
    InstanceId: instance.InstanceId,
    InstanceType: { Value: type },
  });
  try {
    await client.send(command, { abortSignal: signal });
    return { type: 'changed', name, change: {} };
  } catch (error) {
    return failedEvent({ name }, error);
  }
}

function withSize(event: MachineEvent, size: string, memory: number | undefined): MachineEvent {
  return event.type === 'changed'
    ? { ...event, change: { ...event.change, size, ...(memory !== undefined && { memory }) } }
    : event;
}

async function tagSize(
  { client }: Ec2Api,
  targets: readonly TrackedInstance[],
  size: string,
  signal: AbortSignal,
): Promise<void> {
  if (targets.length === 0) return;
  const command = new CreateTagsCommand({
    Resources: idsOf(targets),
    Tags: [{ Key: tagKeys.size, Value: size }],
  });
  await client.send(command, { abortSignal: signal });
}

async function* startResized(
  api: Ec2Api,
  off: readonly TrackedInstance[],
  ran: ReadonlySet<string>,
  failed: ReadonlyMap<string, MachineEvent>,
  signal: AbortSignal,
): Events {
  for (const { name } of off) if (!ran.has(name)) yield failed.get(name) ?? { type: 'done', name };
  const back = off.filter(({ name }) => ran.has(name));
  const events = callForAll(
    back,
    (InstanceIds) => api.client.send(new StartInstancesCommand({ InstanceIds }), { abortSignal: signal }),
    () => watchInstances(api, back, running, signal),
  );
  for await (const event of events) yield event.type === 'done' ? (failed.get(event.name) ?? event) : event;
}
