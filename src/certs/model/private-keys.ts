import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { KeyType } from './certificate-terms.js';

interface GeneratedKeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const generate = promisify(generateKeyPair);

/** An RSA key takes about 100 ms of CPU time, off the main thread. */
export async function generateKey(type: KeyType): Promise<GeneratedKeyPair> {
  if (type === 'ecdsa-p256') return generate('ec', { namedCurve: 'P-256' });
  return generate('rsa', { modulusLength: type === 'rsa4096' ? 4096 : 2048 });
}

/** PKCS#1 for RSA, as docker-machine wrote; Docker's client and engine read both. */
export function pemOfKey(key: KeyObject): string {
  const type = key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'pkcs8';
  return String(key.export({ type, format: 'pem' }));
}

/** The closest type, so that a CA issues certificates with keys like its own. */
export function keyTypeOf(certificate: string): KeyType {
  const { asymmetricKeyType, asymmetricKeyDetails } = createPublicKey(certificate);
  if (asymmetricKeyType !== 'rsa') return 'ecdsa-p256';
  return (asymmetricKeyDetails?.modulusLength ?? 0) >= 4096 ? 'rsa4096' : 'rsa2048';
}
