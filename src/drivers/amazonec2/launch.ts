import { createHash } from 'node:crypto';
import {
  type Instance,
  type _InstanceType as InstanceType,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  type Tag,
  type TagSpecification,
} from '@aws-sdk/client-ec2';
import type { CreateRequest } from '../driver.js';
import { type Api, looks } from './ec2-api.js';
import { Ec2Error, isCode } from './ec2-errors.js';
import type { Ec2Settings } from './ec2-settings.js';
import type { MachineImage } from './find-image.js';
import { type Cluster, clusterTags, instancesOf, isGone, tagKeys, tagOf } from './instances.js';
import type { Place } from './vpc-network.js';

/** What the machines of a call share. */
export interface Shape {
  /** As the person wrote it. */
  size: string;
  type: string;
  image: MachineImage;
  place: Place;
  groupIds: readonly string[];
  keyName: string;
  settings: Ec2Settings;
  cluster: Cluster;
}

/** One call of RunInstances; the machine at place i is the instance with launch index i. */
export interface LaunchPlan {
  /** EC2 answers a second call with the same token with the first one's instances. */
  token: string;
  /** How many tokens of the same call are used up. */
  attempt: number;
  requests: readonly CreateRequest[];
  input: RunInstancesCommandInput;
}

/**
 * The token is made of all that the call says, the machines' new host keys and the tags included: the same create, run again after a
 * kill, is the same call to EC2. A token whose instances are terminated is used up, and the next one is taken.
 */
export function planLaunch(
  requests: readonly CreateRequest[],
  userData: Buffer,
  shape: Shape,
  usedUp: ReadonlySet<string>,
): LaunchPlan {
  const inputWith = (token: string) => inputFor(requests.length, userData, shape, token);
  const said = inputWith('');
  const tokenOf = (attempt: number) =>
    createHash('sha256')
      .update(JSON.stringify([attempt, said]))
      .digest('hex')
      .slice(0, 32);
  let attempt = 0;
  while (usedUp.has(tokenOf(attempt))) attempt += 1;
  const token = tokenOf(attempt);
  return { token, attempt, requests, input: inputWith(token) };
}

/** Client tokens of calls whose instances are gone. */
export function usedTokens(instances: readonly Instance[]): Set<string> {
  return new Set(instances.filter(isGone).flatMap((instance) => tagOf(instance, tagKeys.launch) ?? []));
}

function inputFor(count: number, userData: Buffer, shape: Shape, token: string): RunInstancesCommandInput {
  const { settings, image, place, groupIds, keyName, type } = shape;
  return {
    ImageId: image.id,
    InstanceType: type as InstanceType,
    // What there is room for is taken; the rest is told of.
    MinCount: 1,
    MaxCount: count,
    KeyName: settings.keypairName ?? keyName,
    UserData: userData.toString('base64'),
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId: place.subnetId,
        Groups: [...groupIds],
        AssociatePublicIpAddress: !settings.privateAddressOnly,
        DeleteOnTermination: true,
      },
    ],
    BlockDeviceMappings: [
      {
        DeviceName: settings.deviceName ?? image.deviceName,
        Ebs: {
          VolumeSize: settings.rootSize,
          VolumeType: settings.volumeType as 'gp3',
          DeleteOnTermination: true,
        },
      },
    ],
    // One hop: containers do not reach it, and the host keys in the user data with it.
    MetadataOptions: { HttpTokens: 'required', HttpEndpoint: 'enabled', HttpPutResponseHopLimit: 1 },
    Placement: {
      Tenancy: settings.tenancy,
      ...(settings.placementGroup !== undefined && { GroupName: settings.placementGroup }),
    },
    Monitoring: { Enabled: settings.monitoring },
    ...(settings.useEbsOptimizedInstance && { EbsOptimized: true }),
    ...(settings.iamInstanceProfile !== undefined && {
      IamInstanceProfile: { Name: settings.iamInstanceProfile },
    }),
    ...(settings.spot && {
      InstanceMarketOptions: {
        MarketType: 'spot',
        SpotOptions: {
          SpotInstanceType: 'one-time',
          ...(settings.spot.price !== undefined && { MaxPrice: settings.spot.price }),
        },
      },
    }),
    ClientToken: token,
    TagSpecifications: tagsFor(token, shape),
  };
}

function tagsFor(token: string, { cluster, settings, size }: Shape): TagSpecification[] {
  const own = Object.entries(settings.tags).map(([Key, Value]) => ({ Key, Value }));
  const tags: Tag[] = [...clusterTags(cluster), { Key: tagKeys.launch, Value: token }, ...own];
  return [
    { ResourceType: 'instance', Tags: [...tags, { Key: tagKeys.size, Value: size }] },
    { ResourceType: 'volume', Tags: tags },
  ];
}

/** Most tokens that are tried for a call. */
const mostAttempts = 20;

/**
 * Whether EC2 has the plan's token down for another call, or for instances that are terminated: hours after its lists have stopped
 * telling of them.
 */
export function isTokenUsed(error: unknown, { attempt }: LaunchPlan): boolean {
  return (
    attempt < mostAttempts && isCode(error, 'IdempotentInstanceTerminated', 'IdempotentParameterMismatch')
  );
}

/** How long an answer that was lost may take to show in EC2's lists. */
const lostAnswerMs = 10_000;

/** Launches as many as there is room for. */
export async function launch(
  api: Api,
  { token, input }: LaunchPlan,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<Instance[]> {
  try {
    const { Instances = [] } = await api.client.send(new RunInstancesCommand(input), { abortSignal: signal });
    return Instances;
  } catch (error) {
    if (error instanceof Ec2Error || signal.aborted) throw error;
    const made = await lookForAnswer(api, cluster, token, signal);
    if (made.length > 0) return made;
    throw error;
  }
}

/** The same with on-demand instances, where the person wants those rather than none. */
export function withoutSpot(shape: Shape): Shape | undefined {
  const { settings } = shape;
  return settings.spot?.fallback ? { ...shape, settings: { ...settings, spot: undefined } } : undefined;
}

/** No answer came, however often it was asked: whether the call was done, its tag tells. */
async function lookForAnswer(
  api: Api,
  cluster: Cluster,
  token: string,
  signal: AbortSignal,
): Promise<Instance[]> {
  for await (const _ of looks({ timeoutMs: lostAnswerMs, signal })) {
    const instances = await instancesOf(api, cluster, signal).catch(() => []);
    const made = instances.filter((one) => !isGone(one) && tagOf(one, tagKeys.launch) === token);
    if (made.length > 0) return made;
  }
  return [];
}
