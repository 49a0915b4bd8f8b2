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
import { done, failure } from '../kit/event-stream.js';
import { architectureOf, typeFor } from './choose-type.js';
import type { Api } from './ec2-api.js';
import type { Ec2 } from './ec2-client.js';
import { ask, type Events, halt, idsOf, onInstances, stopped } from './instance-lifecycle.js';
import { stateOf, tagKeys } from './instances.js';
import { running, type Target, watch } from './watch-instances.js';

/** Calls at a time where EC2 wants one for each instance. */
const atOnce = 8;

/** An instance has to be off while its type changes; those that ran are started again, with whatever type they have by then. */
export function resize(ec2: Ec2, machines: readonly Machine[], size: string, signal: AbortSignal): Events {
  return onInstances(ec2, machines, signal, async function* (api, targets) {
    const fitting: Target[] = [];
    const types = new Map<string, string>();
    for (const target of targets) {
      try {
        types.set(target.name, typeBeside(target.instance, size));
        fitting.push(target);
      } catch (error) {
        yield failure(target, error);
      }
    }
    const memory = await ec2.memoryOf(api, [...new Set(types.values())], signal);
    const isSame = ({ name, instance }: Target) => instance.InstanceType === types.get(name);
    const other = fitting.filter((target) => !isSame(target));
    const ran = new Set(
      other
        .filter(({ instance }) => ['running', 'starting'].includes(stateOf(instance)))
        .map(({ name }) => name),
    );
    const failed = new Map<string, MachineEvent>();
    for await (const event of halt(api, other, false, { ...stopped, last: false }, signal)) {
      if (event.type === 'failed') failed.set(event.name, event);
      yield event;
    }
    const off = other.filter(({ name }) => !failed.has(name));
    for (const some of chunks(off, atOnce)) {
      for (const event of await Promise.all(some.map((target) => changeType(api, target, types, signal)))) {
        if (event.type === 'failed') failed.set(event.name, event);
        else yield withSize(event, size, memory.get(types.get(event.name) ?? ''));
      }
    }
    const changed = off.filter(({ name }) => !failed.has(name));
    const same = fitting.filter(isSame);
    for (const { name } of same) {
      yield withSize({ type: 'changed', name, change: {} }, size, memory.get(types.get(name) ?? ''));
    }
    await tagSize(api, [...same, ...changed], size, signal);
    yield* done(same);
    yield* startAgain(api, off, ran, failed, signal);
  });
}

/** The size as a type for the processors that the instance has. @throws UserError for one of others */
function typeBeside({ Architecture: architecture, InstanceId }: Instance, size: string): string {
  const own = architecture === 'arm64' ? 'arm64' : 'amd64';
  const type = typeFor(size, own);
  if (architectureOf(type) === own) return type;
  throw new UserError(`${type} has other processors than ${InstanceId}, which is ${own}`, {
    hint: 'make a new machine of that type',
  });
}

async function changeType(
  { client }: Api,
  { name, instance }: Target,
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
    return failure({ name }, error);
  }
}

function withSize(event: MachineEvent, size: string, memory: number | undefined): MachineEvent {
  return event.type === 'changed'
    ? { ...event, change: { ...event.change, size, ...(memory !== undefined && { memory }) } }
    : event;
}

async function tagSize(
  { client }: Api,
  targets: readonly Target[],
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

async function* startAgain(
  api: Api,
  off: readonly Target[],
  ran: ReadonlySet<string>,
  failed: ReadonlyMap<string, MachineEvent>,
  signal: AbortSignal,
): Events {
  for (const { name } of off) if (!ran.has(name)) yield failed.get(name) ?? { type: 'done', name };
  const back = off.filter(({ name }) => ran.has(name));
  const command = (InstanceIds: string[]) => new StartInstancesCommand({ InstanceIds });
  const events = ask(
    back,
    (ids) => api.client.send(command(ids), { abortSignal: signal }),
    () => watch(api, back, running, signal),
  );
  for await (const event of events) yield event.type === 'done' ? (failed.get(event.name) ?? event) : event;
}
