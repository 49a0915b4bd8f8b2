import { createHash } from 'node:crypto';
import {
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
  ImportKeyPairCommand,
} from '@aws-sdk/client-ec2';
import { retry } from '../../base/poll.js';
import type { ClusterRef } from '../driver.js';
import { ensureShared } from '../kit/provider-objects.js';
import { type Ec2Api, pollIntervalMs } from './ec2-api.js';
import { isCode } from './ec2-errors.js';
import { clusterTags, instancesOf, tagKeys } from './instances.js';

/** The name contains a hash of the key, so a new key gets a new key pair. */
function keyPairName({ name }: ClusterRef, publicKey: string): string {
  const [, blob = ''] = publicKey.split(' ');
  return `belt-${name}-${createHash('sha256').update(blob).digest('hex').slice(0, 12)}`;
}

/** User data contains the key too; the pair is for images without, and shows in the AWS console. */
export async function ensureKeyPair(
  { client }: Ec2Api,
  cluster: ClusterRef,
  publicKey: string,
  signal: AbortSignal,
): Promise<string> {
  const name = keyPairName(cluster, publicKey);
  const describe = new DescribeKeyPairsCommand({ Filters: [{ Name: 'key-name', Values: [name] }] });
  const importKey = new ImportKeyPairCommand({
    KeyName: name,
    PublicKeyMaterial: Buffer.from(publicKey),
    TagSpecifications: [{ ResourceType: 'key-pair', Tags: clusterTags(cluster) }],
  });
  return ensureShared(
    async () => (await client.send(describe, { abortSignal: signal })).KeyPairs?.[0] && name,
    async () => {
      await client.send(importKey, { abortSignal: signal });
      return name;
    },
    async (error) => (isCode(error, 'InvalidKeyPair.Duplicate') ? name : undefined),
  );
}

/** How long instances that are shutting down may keep using a group. */
const releaseMs = 120_000;

/** Only without machines left. What cannot be removed is free, and the next removal retries it. */
export async function removeShared(api: Ec2Api, cluster: ClusterRef, signal: AbortSignal): Promise<void> {
  const remaining = await instancesOf(api, cluster, signal);
  if (remaining.some(({ State }) => !['shutting-down', 'terminated'].includes(State?.Name ?? ''))) return;
  try {
    await removeKeyPairs(api, cluster, signal);
    await removeGroups(api, cluster, signal);
  } catch (error) {
    if (signal.aborted || !isCode(error, 'UnauthorizedOperation', 'DependencyViolation')) throw error;
  }
}

async function removeKeyPairs({ client }: Ec2Api, cluster: ClusterRef, signal: AbortSignal): Promise<void> {
  const { KeyPairs = [] } = await client.send(new DescribeKeyPairsCommand({ Filters: filtersOf(cluster) }), {
    abortSignal: signal,
  });
  for (const { KeyName } of KeyPairs)
    await client.send(new DeleteKeyPairCommand({ KeyName }), { abortSignal: signal });
}

async function removeGroups({ client }: Ec2Api, cluster: ClusterRef, signal: AbortSignal): Promise<void> {
  const { SecurityGroups = [] } = await client.send(
    new DescribeSecurityGroupsCommand({ Filters: filtersOf(cluster) }),
    { abortSignal: signal },
  );
  for (const { GroupId } of SecurityGroups) {
    const remove = () => client.send(new DeleteSecurityGroupCommand({ GroupId }), { abortSignal: signal });
    const isRetryable = (error: unknown) => isCode(error, 'DependencyViolation');
    await retry(remove, { isRetryable, timeoutMs: releaseMs, intervalMs: pollIntervalMs, signal }).catch(
      (error) => {
        if (!isCode(error, 'InvalidGroup.NotFound', 'DependencyViolation')) throw error;
      },
    );
  }
}

function filtersOf({ id }: ClusterRef): { Name: string; Values: string[] }[] {
  return [{ Name: `tag:${tagKeys.clusterId}`, Values: [id] }];
}
