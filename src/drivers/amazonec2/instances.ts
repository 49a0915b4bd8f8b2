import { type Instance, paginateDescribeInstances, type Tag } from '@aws-sdk/client-ec2';
import { chunks } from '../../base/chunks.js';
import type { Addresses, Machine, MachineState, ObservedMachine } from '../../machines/model/machine.js';
import type { ClusterRef, MachineSpec } from '../driver.js';
import { type Ec2Api, type Ec2Location, valuesPerFilter } from './ec2-api.js';
import { type Ec2Settings, withScheme } from './ec2-settings.js';

/** `launch` is the client token of the call that created an instance; `sshUser` is for images. */
export const tagKeys = {
  belt: 'belt',
  cluster: 'belt:cluster',
  clusterId: 'belt:cluster-id',
  launch: 'belt:launch',
  machine: 'belt:machine',
  size: 'belt:size',
  sshUser: 'belt:ssh-user',
} as const;

export function clusterOf(instance: Instance): ClusterRef | undefined {
  const [id, name] = [tagOf(instance, tagKeys.clusterId), tagOf(instance, tagKeys.cluster)];
  return id && name ? { id, name } : undefined;
}

export function clusterTags({ id, name }: ClusterRef): Tag[] {
  return [
    { Key: tagKeys.belt, Value: 'true' },
    { Key: tagKeys.cluster, Value: name },
    { Key: tagKeys.clusterId, Value: id },
  ];
}

/** All instances of the cluster, including terminated ones that EC2 still lists. */
export function instancesOf(api: Ec2Api, cluster: ClusterRef, signal: AbortSignal): Promise<Instance[]> {
  return describe(api, { Name: `tag:${tagKeys.clusterId}`, Values: [cluster.id] }, signal);
}

export async function beltInstances(api: Ec2Api, signal: AbortSignal): Promise<Instance[]> {
  const instances = await describe(api, { Name: `tag:${tagKeys.belt}`, Values: ['true'] }, signal);
  return instances.filter((instance) => !isTerminated(instance));
}

/** Uses a filter, as a request by ids fails as a whole if EC2 does not know one of them (yet). */
export async function instancesById(
  api: Ec2Api,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<Instance[]> {
  const parts = chunks(ids, valuesPerFilter).map((Values) =>
    describe(api, { Name: 'instance-id', Values }, signal),
  );
  return (await Promise.all(parts)).flat();
}

async function describe(
  { client }: Ec2Api,
  filter: { Name: string; Values: string[] },
  signal: AbortSignal,
): Promise<Instance[]> {
  const instances: Instance[] = [];
  const pages = paginateDescribeInstances(
    { client, pageSize: 1000 },
    { Filters: [filter] },
    { abortSignal: signal },
  );
  for await (const { Reservations = [] } of pages) {
    for (const reservation of Reservations) instances.push(...(reservation.Instances ?? []));
  }
  return instances;
}

/** EC2 lists terminated instances for about an hour. */
export function isTerminated({ State }: Instance): boolean {
  return State?.Name === 'terminated' || State?.Name === 'shutting-down';
}

export function tagOf({ Tags = [] }: Instance, key: string): string | undefined {
  return Tags.find((tag) => tag.Key === key)?.Value;
}

/** Recorded before the call: its token, the machine's index in it, and its number of machines. */
export interface Launch {
  token: string;
  index: number;
  of: number;
}

export function launchOf({ driverData }: Pick<MachineSpec, 'driverData'>): Launch | undefined {
  const launch = driverData?.['launch'] as Partial<Launch> | undefined;
  const { token, index, of } = launch ?? {};
  return typeof token === 'string' && typeof index === 'number' && typeof of === 'number'
    ? { token, index, of }
    : undefined;
}

/** By the recorded id, by the name tag, or, before it was tagged, by its index in the call. */
export function findInstance(
  instances: readonly Instance[],
  machine: Pick<MachineSpec, 'name' | 'id' | 'driverData'>,
): Instance | undefined {
  const id = idOf(machine);
  const launch = launchOf(machine);
  return (
    instances.find(({ InstanceId }) => id !== undefined && InstanceId === id) ??
    instances.find(
      (instance) => !isTerminated(instance) && tagOf(instance, tagKeys.machine) === machine.name,
    ) ??
    instances.find(
      (instance) =>
        launch !== undefined &&
        !isTerminated(instance) &&
        tagOf(instance, tagKeys.machine) === undefined &&
        tagOf(instance, tagKeys.launch) === launch.token &&
        instance.AmiLaunchIndex === launch.index,
    )
  );
}

/** docker-machine's records have the id in their own field. */
export function idOf({ id, driverData }: Pick<MachineSpec, 'id' | 'driverData'>): string | undefined {
  return id ?? textIn(driverData, 'InstanceId');
}

function textIn(data: Readonly<Record<string, unknown>> | undefined, key: string): string | undefined {
  const value = data?.[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const states: Readonly<Record<string, MachineState>> = {
  pending: 'starting',
  running: 'running',
  stopping: 'stopping',
  stopped: 'stopped',
  'shutting-down': 'missing',
  terminated: 'missing',
};

export function stateOf({ State }: Instance): MachineState {
  return states[State?.Name ?? ''] ?? 'error';
}

/** Which address belt connects to: recorded in driverData when a machine is created. */
export type AddressKind = 'public' | 'private';

export function addressKindFor({
  privateAddressOnly,
  usePrivateAddress,
}: Pick<Ec2Settings, 'privateAddressOnly' | 'usePrivateAddress'>): AddressKind {
  return privateAddressOnly || usePrivateAddress ? 'private' : 'public';
}

/** Undefined: not assigned (yet), like the public address of a stopped instance. */
export function addressesOf(
  { PublicIpAddress, PrivateIpAddress }: Instance,
  kind: AddressKind,
): Addresses | undefined {
  if (!PrivateIpAddress) return undefined;
  if (kind === 'private') return { private: PrivateIpAddress };
  return PublicIpAddress ? { public: PublicIpAddress, private: PrivateIpAddress } : undefined;
}

/** docker-machine records two flags. */
export function addressKindOf({ driverData = {} }: Pick<MachineSpec, 'driverData'>): AddressKind {
  const { reach, PrivateIPOnly, UsePrivateIP } = driverData;
  if (reach !== undefined) return reach === 'private' ? 'private' : 'public';
  return PrivateIPOnly === true || UsePrivateIP === true ? 'private' : 'public';
}

export function locationData({
  region,
  endpoint,
}: Pick<Ec2Api, 'region' | 'endpoint'>): Record<string, string> {
  return { region, ...(endpoint !== undefined && { endpoint }) };
}

export function locationOf({ driverData }: Pick<Machine, 'driverData'>): Ec2Location {
  const region = textIn(driverData, 'region') ?? textIn(driverData, 'Region');
  const endpoint = textIn(driverData, 'endpoint') ?? dockerMachineEndpoint(driverData);
  return { ...(region !== undefined && { region }), ...(endpoint !== undefined && { endpoint }) };
}

function dockerMachineEndpoint(data: Machine['driverData']): string | undefined {
  const endpoint = textIn(data, 'Endpoint');
  return endpoint && withScheme(endpoint, { insecure: data['DisableSSL'] === true });
}

export function observe(instance: Instance, name: string, kind: AddressKind): ObservedMachine {
  const { InstanceId } = instance;
  const addresses = addressesOf(instance, kind);
  const size = tagOf(instance, tagKeys.size);
  return {
    name,
    state: stateOf(instance),
    ...(InstanceId && { id: InstanceId }),
    ...(addresses && { addresses }),
    ...(size && { size }),
  };
}
