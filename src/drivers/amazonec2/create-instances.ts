import { CreateTagsCommand, type Instance, StartInstancesCommand } from '@aws-sdk/client-ec2';
import { chunks } from '../../base/chunks.js';
import { ExternalError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { mapLimited } from '../../base/map-limit.js';
import type { CreateRequest, MachineChange, MachineEvent, MachineWish, PrepareProgress } from '../driver.js';
import { failure } from '../kit/event-stream.js';
import { refuseStrays } from '../kit/strays.js';
import { architectureOf, typeFor } from './choose-type.js';
import { type Api, looks } from './ec2-api.js';
import type { Ec2 } from './ec2-client.js';
import { Ec2Error, isCode, noSpot } from './ec2-errors.js';
import { findImage, type MachineImage, requireImageName } from './find-image.js';
import {
  findInstance,
  idOf,
  instancesOf,
  isGone,
  type Launch,
  launchOf,
  placeData,
  reachFor,
  tagKeys,
  tagOf,
} from './instances.js';
import { ensureKeyPair } from './key-pair.js';
import {
  isTokenUsed,
  type LaunchPlan,
  launch,
  planLaunch,
  type Shape,
  usedTokens,
  withoutSpot,
} from './launch.js';
import { machinesPerCall, userDataFor } from './user-data.js';
import { ensureGroups, findPlace, type Place } from './vpc-network.js';
import { notYetMs, running, watch } from './watch-instances.js';

/** How long EC2's lists may lack what a killed create has made. */
const staleMs = 10_000;
/** Calls at a time where EC2 wants one for each instance. */
const atOnce = 8;

/** Found out once for all machines of a create. */
export interface Prepared {
  place: Place;
  groupIds: readonly string[];
  keyName: string;
}

/** @throws UserError for what cannot be made; makes nothing. */
export async function check(ec2: Ec2, wishes: readonly MachineWish[], signal: AbortSignal): Promise<void> {
  const { settings } = ec2;
  requireImageName(settings.ami);
  const types = [...new Set(wishes.map((wish) => typeOf(ec2, wish)))];
  if (types.length === 0) return;
  const api = await ec2.api();
  await ec2.memoryOf(api, types, signal);
  const [instances] = await Promise.all([
    instancesOf(api, ec2.cluster, signal),
    findPlace(api, settings, signal),
    ...[...new Set(types.map(architectureOf))].map((one) => findImage(api, settings.ami, one, signal)),
  ]);
  const names = new Set(
    instances.flatMap((instance) => (isGone(instance) ? [] : (tagOf(instance, tagKeys.machine) ?? []))),
  );
  const isBegun = (wish: MachineWish) => idOf(wish) !== undefined || launchOf(wish) !== undefined;
  refuseStrays(wishes, names, isBegun, { found: 'EC2 has an instance', driver: 'amazonec2' });
}

function sizeOf({ settings }: Ec2, { size }: MachineWish): string {
  return size ?? settings.instanceType;
}

function typeOf(ec2: Ec2, wish: MachineWish): string {
  return typeFor(sizeOf(ec2, wish), ec2.settings.architecture);
}

/** The key pair and the security group, before the machines. */
export async function prepare(
  ec2: Ec2,
  requests: readonly CreateRequest[],
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<Prepared> {
  const { settings, cluster } = ec2;
  const api = await ec2.api();
  progress(`looking at ${api.region}`);
  const place = await findPlace(api, settings, signal);
  progress('security group');
  const groupIds = await ensureGroups(api, settings, place, cluster, signal);
  progress('key pair');
  const keyName =
    settings.keypairName ?? (await ensureKeyPair(api, cluster, requests[0]?.ssh.authorizedKey ?? '', signal));
  return { place, groupIds, keyName };
}

/** What an earlier try has launched is found by its tags, the rest is launched; then all are waited for together. */
export async function* create(
  ec2: Ec2,
  requests: readonly CreateRequest[],
  prepared: Prepared,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent> {
  const { settings } = ec2;
  const api = await ec2.api();
  const instances = await knownInstances(api, ec2, requests, signal);
  const alive = instances.filter((instance) => !isGone(instance));
  const found = requests.flatMap((request) => {
    const instance = findInstance(alive, request);
    return instance ? [{ request, instance }] : [];
  });
  for (const { request, instance } of found) yield identified(request, instance);
  const missing = requests.filter((request) => !found.some((one) => one.request === request));

  const all: Owned[] = [...found];
  for await (const event of launchMissing(ec2, api, missing, prepared, usedTokens(instances), signal)) {
    if ('instance' in event) all.push(event);
    else yield event;
  }
  const reach = reachFor(settings);
  await nameAll(api, all, signal);
  await startStopped(api, found, signal);
  yield* watch(
    api,
    all.map(({ request, instance }) => ({ name: request.name, instance, reach })),
    running,
    signal,
  );
}

interface Owned {
  request: CreateRequest;
  instance: Instance;
}

/** Size by size, in as few calls as there can be. */
async function* launchMissing(
  ec2: Ec2,
  api: Api,
  requests: readonly CreateRequest[],
  prepared: Prepared,
  usedUp: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent | Owned> {
  for (const [size, mine] of groupBy(requests, (request) => sizeOf(ec2, request))) {
    const shape = await shapeOf(ec2, api, size, prepared, signal);
    const memory = (await ec2.memoryOf(api, [shape.type], signal)).get(shape.type);
    const about = { ...aboutMachine(ec2, api, shape.image), ...(memory !== undefined && { memory }) };
    for (const { name } of mine) yield { type: 'changed', name, change: about };
    for (const some of chunks(mine, machinesPerCall))
      yield* launchSome(ec2, api, some, shape, usedUp, signal);
  }
}

/**
 * Records of an earlier try may name a call that EC2's lists do not show yet. The same call again finds its instances by its token;
 * where this create is another one, a look or two must do.
 */
async function knownInstances(
  api: Api,
  { cluster }: Ec2,
  requests: readonly CreateRequest[],
  signal: AbortSignal,
): Promise<Instance[]> {
  const begun = requests.flatMap((request) => {
    const launch = request.id === undefined ? launchOf(request) : undefined;
    return launch ? [{ request, launch }] : [];
  });
  const another = begun.some(({ launch }) => launch.of !== begun.length);
  let instances: Instance[] = [];
  for await (const _ of looks({ timeoutMs: another ? staleMs : 0, signal })) {
    instances = await instancesOf(api, cluster, signal);
    if (!another || begun.every(({ request }) => findInstance(instances, request))) break;
  }
  return instances;
}

async function shapeOf(
  { settings, cluster }: Ec2,
  api: Api,
  size: string,
  prepared: Prepared,
  signal: AbortSignal,
): Promise<Shape> {
  const type = typeFor(size, settings.architecture);
  const image = await findImage(api, settings.ami, architectureOf(type), signal);
  return { size, type, image, settings, cluster, ...prepared };
}

async function planFor(
  { own, settings: { engineAtFirstBoot }, templates }: Ec2,
  requests: readonly CreateRequest[],
  shape: Shape,
  usedUp: ReadonlySet<string>,
): Promise<LaunchPlan> {
  const userData = await userDataFor(requests, { own: await own(), engineAtFirstBoot }, templates);
  return planLaunch(requests, userData, shape, usedUp);
}

/** What later commands need to know, whatever the settings say by then. */
function aboutMachine({ settings, keyPath }: Ec2, api: Api, image: MachineImage): MachineChange {
  return {
    ssh: {
      user: settings.sshUser ?? image.sshUser,
      port: settings.sshPort,
      ...(keyPath !== undefined && { keyPath }),
    },
    driverData: {
      ...placeData(api),
      image: image.id,
      reach: reachFor(settings),
    },
  };
}

/** Writes down which call and which number in it will be whose, makes the call, and tells whose each instance is. */
async function* launchSome(
  ec2: Ec2,
  api: Api,
  requests: readonly CreateRequest[],
  shape: Shape,
  usedUp: ReadonlySet<string>,
  signal: AbortSignal,
): AsyncGenerator<MachineEvent | Owned> {
  const plan = await planFor(ec2, requests, shape, usedUp);
  for (const [index, { name }] of requests.entries()) {
    yield recorded(name, { token: plan.token, index, of: requests.length });
    yield { type: 'progress', name, text: `launching ${shape.type}` };
  }
  let instances: Instance[] = [];
  let error: unknown;
  try {
    instances = await launch(api, plan, ec2.cluster, signal);
  } catch (thrown) {
    error = thrown;
  }
  if (isTokenUsed(error, plan)) {
    yield* launchSome(ec2, api, requests, shape, new Set([...usedUp, plan.token]), signal);
    return;
  }
  const left: CreateRequest[] = [];
  for (const [index, request] of requests.entries()) {
    const instance = instances.find(({ AmiLaunchIndex }) => AmiLaunchIndex === index);
    if (!instance) left.push(request);
    if (instance) yield identified(request, instance);
    if (instance) yield { request, instance };
  }
  const onDemand = withoutSpot(shape);
  if (left.length > 0 && onDemand && (error === undefined || isCode(error, ...noSpot))) {
    yield* launchSome(ec2, api, left, onDemand, usedUp, signal);
    return;
  }
  for (const { name } of left) {
    // Without an answer the call may have been done: the next try finds out.
    if (error === undefined || error instanceof Ec2Error) yield recorded(name, null);
    yield failure({ name }, error ?? shortfall(instances.length, requests.length, shape, api));
  }
}

function recorded(name: string, launch: Launch | null): MachineEvent {
  return { type: 'changed', name, change: { driverData: { launch } } };
}

function shortfall(made: number, wanted: number, { type }: Shape, { region }: Api): ExternalError {
  return new ExternalError(`EC2 in ${region} had room for ${made} of ${wanted} machines of type ${type}`, {
    hint: 'run the same command again later, or choose another zone or size for the rest',
  });
}

function identified({ name }: CreateRequest, { InstanceId }: Instance): MachineEvent {
  return { type: 'changed', name, change: InstanceId ? { id: InstanceId } : {} };
}

/** Names differ, so each instance needs a call of its own; those that an earlier try has named need none. */
async function nameAll(api: Api, owned: readonly Owned[], signal: AbortSignal): Promise<void> {
  const nameless = owned.filter(({ instance }) => tagOf(instance, tagKeys.machine) === undefined);
  await mapLimited(nameless, atOnce, (one) => nameOne(api, one, signal));
}

async function nameOne({ client }: Api, { request, instance }: Owned, signal: AbortSignal): Promise<void> {
  const Tags = ['Name', tagKeys.machine].map((Key) => ({ Key, Value: request.name }));
  const command = new CreateTagsCommand({ Resources: [instance.InstanceId ?? ''], Tags });
  let unknown: unknown;
  for await (const _ of looks({ timeoutMs: notYetMs, signal })) {
    try {
      await client.send(command, { abortSignal: signal });
      return;
    } catch (error) {
      if (!isCode(error, 'InvalidInstanceID.NotFound')) throw error;
      unknown = error;
    }
  }
  throw unknown;
}

/** Those that somebody switched off between the tries. */
async function startStopped({ client }: Api, found: readonly Owned[], signal: AbortSignal): Promise<void> {
  const ids = found.flatMap(({ instance }) =>
    instance.State?.Name === 'stopped' ? (instance.InstanceId ?? []) : [],
  );
  if (ids.length > 0)
    await client.send(new StartInstancesCommand({ InstanceIds: ids }), { abortSignal: signal });
}
