import { createHash } from 'node:crypto';
import {
  type Instance,
  type _InstanceType as InstanceType,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  type Tag,
  type TagSpecification,
} from '@aws-sdk/client-ec2';
import { Pending, poll } from '../../base/poll.js';
import type { ClusterRef, CreateRequest } from '../driver.js';
import { type Ec2Api, pollIntervalMs } from './ec2-api.js';
import { Ec2Error, isCode } from './ec2-errors.js';
import type { Ec2Settings } from './ec2-settings.js';
import type { MachineImage } from './find-image.js';
import { clusterTags, instancesOf, isTerminated, tagKeys, tagOf } from './instances.js';
import type { SubnetRef } from './vpc-network.js';

export interface LaunchSpec {
  /** As the user wrote it. */
  size: string;
  type: string;
  image: MachineImage;
  subnet: SubnetRef;
  groupIds: readonly string[];
  keyName: string;
  settings: Ec2Settings;
  cluster: ClusterRef;
}

/** A call of RunInstances; the launch index of an instance is the index of its machine. */
export interface LaunchPlan {
  /** A second call with the same token returns the instances of the first one. */
  token: string;
  /** Number of used tokens for the same call. */
  attempt: number;
  requests: readonly CreateRequest[];
  input: RunInstancesCommandInput;
}

/**
 * The token is a hash of the whole call, including host keys and tags: rerunning a create that was
 * killed is the same call to EC2. A token of terminated instances is replaced by the next one.
 */
export function planLaunch(
  requests: readonly CreateRequest[],
  userData: Buffer,
  spec: LaunchSpec,
  excluded: ReadonlySet<string>,
): LaunchPlan {
  const inputWith = (token: string) => inputFor(requests.length, userData, spec, token);
  const input = inputWith('');
  const tokenOf = (attempt: number) =>
    createHash('sha256')
      .update(JSON.stringify([attempt, input]))
      .digest('hex')
      .slice(0, 32);
  let attempt = 0;
  while (excluded.has(tokenOf(attempt))) attempt += 1;
  const token = tokenOf(attempt);
  return { token, attempt, requests, input: inputWith(token) };
}

export function usedTokens(instances: readonly Instance[]): Set<string> {
  return new Set(instances.filter(isTerminated).flatMap((instance) => tagOf(instance, tagKeys.launch) ?? []));
}

function inputFor(
  count: number,
  userData: Buffer,
  spec: LaunchSpec,
  token: string,
): RunInstancesCommandInput {
  const { settings, image, subnet, groupIds, keyName, type } = spec;
  return {
    ImageId: image.id,
    InstanceType: type as InstanceType,
    // Launches as many as there is capacity for; the others fail.
    MinCount: 1,
    MaxCount: count,
    KeyName: settings.keypairName ?? keyName,
    UserData: userData.toString('base64'),
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId: subnet.subnetId,
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
    ...optionsOf(settings),
    ClientToken: token,
    TagSpecifications: tagsFor(token, spec),
  };
}

function optionsOf(settings: Ec2Settings): Partial<RunInstancesCommandInput> {
  return {
    // One hop keeps containers from reading the host keys in the user data.
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
  };
}

function tagsFor(token: string, { cluster, settings, size }: LaunchSpec): TagSpecification[] {
  const own = Object.entries(settings.tags).map(([Key, Value]) => ({ Key, Value }));
  const tags: Tag[] = [...clusterTags(cluster), { Key: tagKeys.launch, Value: token }, ...own];
  return [
    { ResourceType: 'instance', Tags: [...tags, { Key: tagKeys.size, Value: size }] },
    { ResourceType: 'volume', Tags: tags },
  ];
}

const maxAttempts = 20;

/** Whether EC2 knows the token from another call, or from instances that it no longer lists. */
export function isTokenUsed(error: unknown, { attempt }: LaunchPlan): boolean {
  return (
    attempt < maxAttempts && isCode(error, 'IdempotentInstanceTerminated', 'IdempotentParameterMismatch')
  );
}

/** How long EC2 may take to list the instances of a call whose response was lost. */
const lostResponseMs = 10_000;

export async function launch(
  api: Ec2Api,
  { token, input }: LaunchPlan,
  cluster: ClusterRef,
  signal: AbortSignal,
): Promise<Instance[]> {
  try {
    const { Instances = [] } = await api.client.send(new RunInstancesCommand(input), { abortSignal: signal });
    return Instances;
  } catch (error) {
    if (error instanceof Ec2Error || signal.aborted) throw error;
    const launched = await findLaunched(api, cluster, token, signal);
    if (launched.length > 0) return launched;
    throw error;
  }
}

export function withoutSpot(spec: LaunchSpec): LaunchSpec | undefined {
  const { settings } = spec;
  return settings.spot?.fallback ? { ...spec, settings: { ...settings, spot: undefined } } : undefined;
}

async function findLaunched(
  api: Ec2Api,
  cluster: ClusterRef,
  token: string,
  signal: AbortSignal,
): Promise<Instance[]> {
  const find = async () => {
    const instances = await instancesOf(api, cluster, signal).catch(() => []);
    const launched = instances.filter((one) => !isTerminated(one) && tagOf(one, tagKeys.launch) === token);
    return launched.length > 0 ? launched : new Pending('EC2 lists no instance of the call');
  };
  const options = { timeoutMs: lostResponseMs, intervalMs: pollIntervalMs, signal };
  return poll(find, { ...options, onTimeout: () => [] });
}
