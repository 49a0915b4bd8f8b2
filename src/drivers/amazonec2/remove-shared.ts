import {
  DeleteKeyPairCommand,
  DeleteSecurityGroupCommand,
  DescribeKeyPairsCommand,
  DescribeSecurityGroupsCommand,
} from '@aws-sdk/client-ec2';
import { type Api, looks } from './ec2-api.js';
import { isCode } from './ec2-errors.js';
import { type Cluster, instancesOf, tagKeys } from './instances.js';

/** How long a group may stay in use by instances that are on their way out. */
const inUseMs = 120_000;

/**
 * Removes the key pair and the security group that belt made for the cluster, unless it has machines yet. What cannot be removed now
 * costs nothing and does no harm: the cluster's next create uses it, and the next removal tries again.
 */
export async function removeShared(api: Api, cluster: Cluster, signal: AbortSignal): Promise<void> {
  const left = await instancesOf(api, cluster, signal);
  if (left.some(({ State }) => !['shutting-down', 'terminated'].includes(State?.Name ?? ''))) return;
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
    for await (const _ of looks({ timeoutMs: inUseMs, signal })) {
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
