import { CreateTagsCommand, type Instance, StartInstancesCommand } from '@aws-sdk/client-ec2';
import { chunks } from '../../base/chunks.js';
import { ExternalError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { mapLimited } from '../../base/map-limit.js';
import { Pending, poll, retry } from '../../base/poll.js';
import type {
  CreateRequest,
  CreationPlan,
  MachineChange,
  MachineEvent,
  MachineSpec,
  PrepareProgress,
} from '../driver.js';
import { failedEvent } from '../kit/event-stream.js';
import { requireNoStrays } from '../kit/provider-objects.js';
import { type Ec2Api, pollIntervalMs } from './ec2-api.js';
import type { Ec2Context } from './ec2-context.js';
import { Ec2Error, isCode, spotErrorCodes } from './ec2-errors.js';
import { findImage, type MachineImage, requireImageName } from './find-image.js';
import { architectureOf, typeFor } from './instance-types.js';
import {
  addressKindFor,
  findInstance,
  idOf,
  instancesOf,
  isTerminated,
  type Launch,
  launchOf,
  locationData,
  tagKeys,
  tagOf,
} from './instances.js';
import {
  isTokenUsed,
  type LaunchPlan,
  type LaunchSpec,
  launch,
  planLaunch,
  usedTokens,
  withoutSpot,
} from './launch.js';
import { ensureKeyPair } from './shared-resources.js';
import { machinesPerCall, userDataFor } from './user-data.js';
import { ensureGroups, findSubnet, type SubnetRef } from './vpc-network.js';
import { running, visibleWithinMs, watchInstances } from './watch-instances.js';

/** How long EC2 may not list instances of a create that was killed. */
const staleMs = 10_000;
const concurrency = 8;

export interface SharedResources {
  subnet: SubnetRef;
  groupIds: readonly string[];
  keyName: string;
}

/** Changes nothing. @throws UserError for machines that cannot be created */
export async function check(
  ec2: Ec2Context,
  specs: readonly MachineSpec[],
  signal: AbortSignal,
): Promise<void> {
  const { settings } = ec2;
  requireImageName(settings.ami);
  const types = [...new Set(specs.map((spec) => typeOf(ec2, spec)))];
  if (types.length === 0) return;
  const api = await ec2.api();
  await ec2.memoryOf(api, types, signal);
  const [instances] = await Promise.all([
    instancesOf(api, ec2.cluster, signal),
    findSubnet(api, settings, signal),
    ...[...new Set(types.map(architectureOf))].map((one) => findImage(api, settings.ami, one, signal)),
  ]);
  const names = new Set(
    instances.flatMap((instance) => (isTerminated(instance) ? [] : (tagOf(instance, tagKeys.machine) ?? []))),
  );
  const isResumable = (spec: MachineSpec) => idOf(spec) !== undefined || launchOf(spec) !== undefined;
  requireNoStrays(specs, names, isResumable, { found: 'EC2 has an instance', driver: 'amazonec2' });
}

export async function plan(
  ec2: Ec2Context,
  specs: readonly MachineSpec[],
  signal: AbortSignal,
): Promise<CreationPlan[]> {
  const api = await ec2.api();
  const types = [...new Set(specs.map((spec) => typeOf(ec2, spec)))];
  const memory = types.length > 0 ? await ec2.memoryOf(api, types, signal) : new Map<string, number>();
  return specs.map((spec) => {
    const type = typeOf(ec2, spec);
    return {
      name: spec.name,
      size: type,
      memory: memory.get(type) ?? 0,
      image: ec2.settings.ami,
      region: api.region,
    };
  });
}

function sizeOf({ settings }: Ec2Context, { size }: MachineSpec): string {
  return size ?? settings.instanceType;
}

function typeOf(ec2: Ec2Context, spec: MachineSpec): string {
  return typeFor(sizeOf(ec2, spec), ec2.settings.architecture);
}

export async function prepare(
  ec2: Ec2Context,
  requests: readonly CreateRequest[],
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<SharedResources> {
  const { settings, cluster } = ec2;
  const api = await ec2.api();
  progress(`checking ${api.region}`);
  const subnet = await findSubnet(api, settings, signal);
  progress('preparing the security group');
  const groupIds = await ensureGroups(api, settings, subnet, cluster, signal);
  progress('preparing the key pair');
  const keyName =
    settings.keypairName ?? (await ensureKeyPair(api, cluster, requests[0]?.ssh.authorizedKey ?? '', signal));
  return { subnet, groupIds, keyName };
}

/** Finds what an earlier create launched by its tags, launches the rest and waits for all. */
export async function* create(
  ec2: Ec2Context,
  requests: readonly CreateRequest[],
  prepared: SharedResources,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const { settings } = ec2;
  const api = await ec2.api();
  const instances = await knownInstances(api, ec2, requests, signal);
  const alive = instances.filter((instance) => !isTerminated(instance));
  const found = requests.flatMap((request) => {
    const instance = findInstance(alive, request);
    return instance ? [{ request, instance }] : [];
  });
  for (const { request, instance } of found) yield idChange(request, instance);
  const missing = requests.filter((request) => !found.some((one) => one.request === request));

  const all: AssignedInstance[] = [...found];
  for await (const event of launchMissing(ec2, api, missing, prepared, usedTokens(instances), signal)) {
    if ('instance' in event) all.push(event);
    else yield event;
  }
  const addressKind = addressKindFor(settings);
  await tagNames(api, all, signal);
  await startStopped(api, found, signal);
  yield* watchInstances(
    api,
    all.map(({ request, instance }) => ({ name: request.name, instance, addressKind })),
    running,
    signal,
  );
}

interface AssignedInstance {
  request: CreateRequest;
  instance: Instance;
}

async function* launchMissing(
  ec2: Ec2Context,
  api: Ec2Api,
  requests: readonly CreateRequest[],
  prepared: SharedResources,
  excluded: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent | AssignedInstance> {
  for (const [size, group] of groupBy(requests, (request) => sizeOf(ec2, request))) {
    const spec = await launchSpec(ec2, api, size, prepared, signal);
    const memory = (await ec2.memoryOf(api, [spec.type], signal)).get(spec.type);
    const change = { ...recordedSettings(ec2, api, spec.image), ...(memory !== undefined && { memory }) };
    for (const { name } of group) yield { type: 'changed', name, change };
    for (const batch of chunks(group, machinesPerCall))
      yield* launchBatch(ec2, api, batch, spec, excluded, signal);
  }
}

/** EC2 may not list yet what an earlier create launched, so a create for other machines polls. */
async function knownInstances(
  api: Ec2Api,
  { cluster }: Ec2Context,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): Promise<Instance[]> {
  const launched = requests.flatMap((request) => {
    const launch = request.id === undefined ? launchOf(request) : undefined;
    return launch ? [{ request, launch }] : [];
  });
  const isOtherCreate = launched.some(({ launch }) => launch.of !== launched.length);
  let instances: Instance[] = [];
  const find = async () => {
    instances = await instancesOf(api, cluster, signal);
    const isComplete = launched.every(({ request }) => findInstance(instances, request));
    return isComplete ? instances : new Pending('EC2 does not list all instances');
  };
  const timeoutMs = isOtherCreate ? staleMs : 0;
  return poll(find, { timeoutMs, intervalMs: pollIntervalMs, signal, onTimeout: () => instances });
}

async function launchSpec(
  { settings, cluster }: Ec2Context,
  api: Ec2Api,
  size: string,
  prepared: SharedResources,
  signal: AbortSignal,
): Promise<LaunchSpec> {
  const type = typeFor(size, settings.architecture);
  const image = await findImage(api, settings.ami, architectureOf(type), signal);
  return { size, type, image, settings, cluster, ...prepared };
}

async function planFor(
  { ownUserData, settings: { engineAtFirstBoot }, templates }: Ec2Context,
  requests: readonly CreateRequest[],
  spec: LaunchSpec,
  excluded: ReadonlySet<string>,
): Promise<LaunchPlan> {
  const userData = await userDataFor(requests, { own: await ownUserData(), engineAtFirstBoot }, templates);
  return planLaunch(requests, userData, spec, excluded);
}

/** Recorded, as later commands may run with other settings. */
function recordedSettings(
  { settings, keyPath }: Ec2Context,
  api: Ec2Api,
  image: MachineImage,
): MachineChange {
  return {
    ssh: {
      user: settings.sshUser ?? image.sshUser,
      port: settings.sshPort,
      ...(keyPath !== undefined && { keyPath }),
    },
    driverData: {
      ...locationData(api),
      image: image.id,
      reach: addressKindFor(settings),
    },
  };
}

/** Records the call before it is made, so that a create that was killed finds its instances. */
async function* launchBatch(
  ec2: Ec2Context,
  api: Ec2Api,
  requests: readonly CreateRequest[],
  spec: LaunchSpec,
  excluded: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent | AssignedInstance> {
  const plan = await planFor(ec2, requests, spec, excluded);
  for (const [index, { name }] of requests.entries()) {
    yield launchChange(name, { token: plan.token, index, of: requests.length });
    yield { type: 'progress', name, text: `launching ${spec.type}` };
  }
  let instances: Instance[] = [];
  let error: unknown;
  try {
    instances = await launch(api, plan, ec2.cluster, signal);
  } catch (thrown) {
    error = thrown;
  }
  if (isTokenUsed(error, plan)) {
    yield* launchBatch(ec2, api, requests, spec, new Set([...excluded, plan.token]), signal);
    return;
  }
  const left: CreateRequest[] = [];
  for (const [index, request] of requests.entries()) {
    const instance = instances.find(({ AmiLaunchIndex }) => AmiLaunchIndex === index);
    if (!instance) left.push(request);
    if (instance) yield idChange(request, instance);
    if (instance) yield { request, instance };
  }
  const onDemand = withoutSpot(spec);
  if (left.length > 0 && onDemand && (error === undefined || isCode(error, ...spotErrorCodes))) {
    yield* launchBatch(ec2, api, left, onDemand, excluded, signal);
    return;
  }
  for (const { name } of left) {
    // Without a response the instances may exist: the next create checks.
    const notCreated = error === undefined || error instanceof Ec2Error;
    if (notCreated) yield launchChange(name, null);
    const reason = error ?? capacityError(instances.length, requests.length, spec, api);
    yield { ...failedEvent({ name }, reason), ...(notCreated && { notCreated }) };
  }
}

function launchChange(name: string, launch: Launch | null): MachineEvent {
  return { type: 'changed', name, change: { driverData: { launch } } };
}

function capacityError(
  launched: number,
  wanted: number,
  { type }: LaunchSpec,
  { region }: Ec2Api,
): ExternalError {
  return new ExternalError(
    `EC2 in ${region} had capacity for ${launched} of ${wanted} machines of type ${type}`,
    { hint: 'rerun the command later, or choose another zone or size for the rest' },
  );
}

function idChange({ name }: CreateRequest, { InstanceId }: Instance): MachineEvent {
  return { type: 'changed', name, change: InstanceId ? { id: InstanceId } : {} };
}

async function tagNames(
  api: Ec2Api,
  assigned: readonly AssignedInstance[],
  signal: AbortSignal,
): Promise<void> {
  const nameless = assigned.filter(({ instance }) => tagOf(instance, tagKeys.machine) === undefined);
  await mapLimited(nameless, concurrency, (one) => tagName(api, one, signal));
}

async function tagName(
  { client }: Ec2Api,
  { request, instance }: AssignedInstance,
  signal: AbortSignal,
): Promise<void> {
  const Tags = ['Name', tagKeys.machine].map((Key) => ({ Key, Value: request.name }));
  const command = new CreateTagsCommand({ Resources: [instance.InstanceId ?? ''], Tags });
  await retry(() => client.send(command, { abortSignal: signal }), {
    isRetryable: (error) => isCode(error, 'InvalidInstanceID.NotFound'),
    timeoutMs: visibleWithinMs,
    intervalMs: pollIntervalMs,
    signal,
  });
}

async function startStopped(
  { client }: Ec2Api,
  found: readonly AssignedInstance[],
  signal: AbortSignal,
): Promise<void> {
  const ids = found.flatMap(({ instance }) =>
    instance.State?.Name === 'stopped' ? (instance.InstanceId ?? []) : [],
  );
  if (ids.length > 0)
    await client.send(new StartInstancesCommand({ InstanceIds: ids }), { abortSignal: signal });
}
