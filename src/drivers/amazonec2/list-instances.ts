import type { Instance } from '@aws-sdk/client-ec2';
import type { FoundMachine, Machine, ObservedMachine } from '../../machines/model/machine.js';
import { listMachines } from '../kit/provider-objects.js';
import type { Ec2Api } from './ec2-api.js';
import type { Ec2Context } from './ec2-context.js';
import { usersOfImages } from './find-image.js';
import { findInstances } from './instance-lifecycle.js';
import {
  type AddressKind,
  addressKindFor,
  addressKindOf,
  beltInstances,
  clusterOf,
  findInstance,
  locationData,
  observe,
  stateOf,
  tagKeys,
  tagOf,
} from './instances.js';

export async function list(
  ec2: Ec2Context,
  known: readonly Machine[],
  signal: AbortSignal,
): Promise<ObservedMachine[]> {
  const locations = await ec2.byLocation(known);
  if (locations.length === 0) locations.push([await ec2.api(), []]);
  const lists = await Promise.all(
    locations.map(async ([api, machines]) =>
      observed(api, await findInstances(api, ec2, machines, signal), machines, known),
    ),
  );
  return lists.flat();
}

function observed(
  api: Ec2Api,
  instances: readonly Instance[],
  machines: readonly Machine[],
  known: readonly Machine[],
): Promise<ObservedMachine[]> {
  const names = new Set(known.map(({ name }) => name));
  return listMachines(machines, {
    objects: instances,
    find: (machine) => findInstance(instances, machine),
    observe: (instance, machine) =>
      machine
        ? observe(instance, machine.name, addressKindOf(machine))
        : { ...observe(instance, strayName(instance, names), 'public'), driverData: locationData(api) },
  });
}

/** The id, for instances without a name tag and for duplicates of a known name. */
function strayName(instance: Instance, known: ReadonlySet<string>): string {
  const name = tagOf(instance, tagKeys.machine);
  return name === undefined || known.has(name) ? (instance.InstanceId ?? '') : name;
}

/** The user of Debian's images, belt's default, for instances whose image no longer exists. */
const defaultUser = 'admin';

/** Instances of all clusters in the configured region. Unnamed ones are left to `belt gc`. */
export async function discover(ec2: Ec2Context, signal: AbortSignal): Promise<FoundMachine[]> {
  const api = await ec2.api();
  const instances = (await beltInstances(api, signal)).filter(
    (instance) => clusterOf(instance) && tagOf(instance, tagKeys.machine),
  );
  if (instances.length === 0) return [];
  const memory = await ec2.memoryOf(api, [...new Set(instances.map(typeOf))], signal);
  const users = await usersOfImages(
    api,
    instances.map(({ ImageId = '' }) => ImageId),
    signal,
  );
  return instances.flatMap((instance) => {
    const user = ec2.settings.sshUser ?? users.get(instance.ImageId ?? '') ?? defaultUser;
    return foundMachine(ec2, api, instance, { user, memory: memory.get(typeOf(instance)) });
  });
}

function foundMachine(
  { settings, keyPath }: Ec2Context,
  api: Ec2Api,
  instance: Instance,
  { user, memory }: { user: string; memory: number | undefined },
): FoundMachine[] {
  const cluster = clusterOf(instance);
  const name = tagOf(instance, tagKeys.machine);
  if (!cluster || !name) return [];
  const { ImageId: image, LaunchTime: launched = new Date() } = instance;
  const isPrivate = stateOf(instance) === 'running' && !instance.PublicIpAddress;
  const addressKind: AddressKind = isPrivate ? 'private' : addressKindFor(settings);
  return [
    {
      ...observe(instance, name, addressKind),
      ...(memory !== undefined && { memory }),
      cluster,
      ssh: { user, port: settings.sshPort, ...(keyPath !== undefined && { keyPath }) },
      driverData: { ...locationData(api), reach: addressKind, ...(image && { image }) },
      createdAt: launched.toISOString(),
    },
  ];
}

function typeOf({ InstanceType: type }: Instance): string {
  return type ?? '';
}
