import { createHash } from 'node:crypto';
import { DescribeKeyPairsCommand, ImportKeyPairCommand } from '@aws-sdk/client-ec2';
import { ensureShared } from '../kit/ensure-shared.js';
import type { Api } from './ec2-api.js';
import { isCode } from './ec2-errors.js';
import { type Cluster, clusterTags } from './instances.js';

/** The name holds a part of the key's hash: a key that was made anew is another key pair. */
function keyPairName({ name }: Cluster, publicKey: string): string {
  const [, blob = ''] = publicKey.split(' ');
  return `belt-${name}-${createHash('sha256').update(blob).digest('hex').slice(0, 12)}`;
}

/**
 * Imports the cluster's key where it is not there yet. Machines know it from their user data too; through the key pair it also
 * reaches images that take no user data, and the console shows which key is whose.
 * @returns the key pair's name
 */
export async function ensureKeyPair(
  { client }: Api,
  cluster: Cluster,
  publicKey: string,
  signal: AbortSignal,
): Promise<string> {
  const name = keyPairName(cluster, publicKey);
  const look = new DescribeKeyPairsCommand({ Filters: [{ Name: 'key-name', Values: [name] }] });
  const add = new ImportKeyPairCommand({
    KeyName: name,
    PublicKeyMaterial: Buffer.from(publicKey),
    TagSpecifications: [{ ResourceType: 'key-pair', Tags: clusterTags(cluster) }],
  });
  return ensureShared(
    async () => (await client.send(look, { abortSignal: signal })).KeyPairs?.[0] && name,
    async () => {
      await client.send(add, { abortSignal: signal });
      return name;
    },
    async (error) => (isCode(error, 'InvalidKeyPair.Duplicate') ? name : undefined),
  );
}
