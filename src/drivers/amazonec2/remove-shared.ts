import {
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
} from '@aws-sdk/client-ec2';
import { type Api, pollTicks } from './ec2-api.js';
import { isCode } from './ec2-errors.js';
import { type Cluster, instancesOf, tagKeys } from './instances.js';

/** How long instances that are shutting down may keep using a group. */
const inUseMs = 120_000;

/**
 * Removes the key pair and the security group that belt created for the cluster, unless it still has
 * machines. Whatever cannot be removed is free of charge; the next create or removal handles it.
 */
export async function removeShared(api: Api, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const remaining = await instancesOf(api, cluster, signal);
  if (remaining.some(({ State }) => !['shutting-down', 'terminated'].includes(State?.Name ?? ''))) return;
  try {
    await removeKeyPairs(api, cluster, signal);
    await removeGroups(api, cluster, signal);
  } catch (error) {
    if (signal.aborted || !isCode(error, 'UnauthorizedOperation', 'DependencyViolation')) throw error;
  }
}

async function removeKeyPairs({ client }: Api, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const { KeyPairs = [] } = await client.send(new DescribeKeyPairsCommand({ Filters: ofCluster(cluster) }), {
    abortSignal: signal,
  });
  for (const { KeyName } of KeyPairs)
    await client.send(new DeleteKeyPairCommand({ KeyName }), { abortSignal: signal });
}

async function removeGroups({ client }: Api, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const { SecurityGroups = [] } = await client.send(
    new DescribeSecurityGroupsCommand({ Filters: ofCluster(cluster) }),
    { abortSignal: signal },
  );
  for (const { GroupId } of SecurityGroups) {
    for await (const _ of pollTicks({ timeoutMs: inUseMs, signal })) {
      try {
        await client.send(new DeleteSecurityGroupCommand({ GroupId }), { abortSignal: signal });
        break;
      } catch (error) {
        if (isCode(error, 'InvalidGroup.NotFound')) break;
        if (!isCode(error, 'DependencyViolation')) throw error;
      }
    }
  }
}

function ofCluster({ id }: Cluster): { Name: string; Values: string[] }[] {
  return [{ Name: `tag:${tagKeys.clusterId}`, Values: [id] }];
}
