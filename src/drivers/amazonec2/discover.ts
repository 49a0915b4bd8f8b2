import type { Instance } from '@aws-sdk/client-ec2';
import type { FoundMachine } from '../../machines/model/machine.js';
import type { Api } from './ec2-api.js';
import type { Ec2 } from './ec2-client.js';
import { usersOfImages } from './find-image.js';
import {
  clusterOf,
  instancesOfBelt,
  observe,
  placeData,
  type Reach,
  reachFor,
  stateOf,
  tagKeys,
  tagOf,
} from './instances.js';

/** Of Debian's images, which are belt's default: for one whose image is no longer there. */
const usualUser = 'admin';

/** Instances of all belt's clusters in the region that is set. One that was never named is nobody's machine yet: `belt gc` finds it. */
export async function discover(ec2: Ec2, signal: AbortSignal): Promise<FoundMachine[]> {
  const api = await ec2.api();
  const instances = (await instancesOfBelt(api, signal)).filter(
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
    const user = ec2.settings.sshUser ?? users.get(instance.ImageId ?? '') ?? usualUser;
    return foundMachine(ec2, api, instance, { user, memory: memory.get(typeOf(instance)) });
  });
}

function foundMachine(
  { settings, keyPath }: Ec2,
  api: Api,
  instance: Instance,
  { user, memory }: { user: string; memory: number | undefined },
): FoundMachine[] {
  const cluster = clusterOf(instance);
  const name = tagOf(instance, tagKeys.machine);
  if (!cluster || !name) return [];
  const { ImageId: image, LaunchTime: launched = new Date() } = instance;
  const isPrivate = stateOf(instance) === 'running' && !instance.PublicIpAddress;
  const reach: Reach = isPrivate ? 'private' : reachFor(settings);
  return [
    {
      ...observe(instance, name, reach),
      ...(memory !== undefined && { memory }),
      cluster,
      ssh: { user, port: settings.sshPort, ...(keyPath !== undefined && { keyPath }) },
      driverData: { ...placeData(api), reach, ...(image && { image }) },
      createdAt: launched.toISOString(),
    },
  ];
}

function typeOf({ InstanceType: type }: Instance): string {
  return type ?? '';
}
