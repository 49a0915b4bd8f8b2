import { createHash } from 'node:crypto';
import { DescribeKeyPairsCommand, ImportKeyPairCommand } from '@aws-sdk/client-ec2';
import { ensureShared } from '../kit/ensure-shared.js';
import type { Api } from './ec2-api.js';
import { isCode } from './ec2-errors.js';
import { type Cluster, clusterTags } from './instances.js';

/** The name contains a hash of the key, so a new key gets a new key pair. */
function keyPairName({ name }: Cluster, publicKey: string): string {
  const [, blob = ''] = publicKey.split(' ');
  return `belt-${name}-${createHash('sha256').update(blob).digest('hex').slice(0, 12)}`;
}

/**
 * Imports the cluster's key once. User data contains it too; the key pair is for images without
 * user data, and shows in the AWS console.
 * @returns the name of the key pair
 */
export async function ensureKeyPair(
  { client }: Api,
  cluster: Cluster,
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
