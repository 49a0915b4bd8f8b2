import { DescribeInstanceTypesCommand } from '@aws-sdk/client-ec2';
import { UserError } from '../../base/errors.js';
import type { Api } from './ec2-api.js';

/**
 * The memory of instance types, in mebibytes.
 * @throws UserError for a type that the region does not have
 */
export async function memoryOfTypes(
  { client, region }: Api,
  types: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, number>> {
  const command = new DescribeInstanceTypesCommand({
    Filters: [{ Name: 'instance-type', Values: [...types] }],
  });
  const { InstanceTypes = [] } = await client.send(command, { abortSignal: signal });
  const memory = new Map(
    InstanceTypes.map(({ InstanceType: type = '', MemoryInfo }) => [
      type as string,
      MemoryInfo?.SizeInMiB ?? 0,
    ]),
  );
  const unknown = types.find((type) => !memory.has(type));
  if (unknown === undefined) return memory;
  throw new UserError(`${region} has no instance type ${unknown}`, {
    hint: `aws ec2 describe-instance-types --region ${region}`,
  });
}
