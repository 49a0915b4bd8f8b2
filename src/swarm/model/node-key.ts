import { createPrivateKey, X509Certificate } from 'node:crypto';
import nacl from 'tweetnacl';
import { UserError } from '../../base/errors.js';
import { bytesIn, numberIn, readMessage, writeMessage } from './protobuf.js';

/** From /var/lib/docker/swarm/certificates (swarmkit, ca/certificates.go, ca/keyreadwriter.go). */
export interface NodeIdentity {
  swarmId: string;
  nodeId: string;
  manager: boolean;
}

/** @returns undefined when it is not a swarm node's certificate */
export function readIdentity(certificate: string): NodeIdentity | undefined {
  const subject = subjectOf(certificate);
  const { O: swarmId, OU: role, CN: nodeId } = subject;
  if (!swarmId || !nodeId || !role) return undefined;
  return { swarmId, nodeId, manager: role === 'swarm-manager' };
}

function subjectOf(certificate: string): Record<string, string> {
  try {
    const { subject } = new X509Certificate(certificate);
    return Object.fromEntries(subject.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
  } catch {
    return {};
  }
}

/** Whether the key is encrypted with the unlock key (autolock). */
export function isLocked(key: string): boolean {
  return key.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
}

/** swarmkit, manager/encryption/encryption.go (`humanReadablePrefix`) */
const unlockKeyPattern = /^SWMKEY-1-([A-Za-z0-9+/]{43})$/;

/**
 * Decrypts `swarm-node.key` and the Raft log key in its headers. With `kek-version` 0 the manager
 * encrypts both again once it leads. Unlocking through the engine would wait for a leader and block
 * the manager from becoming one (moby, daemon/cluster/swarm.go: `UnlockSwarm` and `Init`).
 * @throws UserError for a wrong unlock key
 */
export function unlockNodeKey(key: string, unlockKey: string): string {
  const [, encoded] = unlockKeyPattern.exec(unlockKey.trim()) ?? [];
  if (encoded === undefined)
    throw new UserError('not a swarm unlock key', { hint: 'enter the key that begins with SWMKEY-1-' });
  const secret = Buffer.from(encoded, 'base64');
  const headers = new Map(
    [...key.matchAll(/^([\w-]+): (.*)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  const privateKey = decryptPrivateKey(key, secret);
  const logKey = decryptRecord(Buffer.from(headers.get('raft-dek') ?? '', 'base64'), secret);
  if (privateKey === undefined || logKey === undefined) throw wrongUnlockKey();
  headers.set('kek-version', '0');
  headers.set('raft-dek', logKey.toString('base64'));
  const lines = [...headers].map(([name, value]) => `${name}: ${value}\n`).join('');
  return privateKey.replace('\n', `\n${lines}\n`);
}

function wrongUnlockKey(): UserError {
  return new UserError('swarm could not be unlocked: invalid key provided', {
    hint: 'use the key from "docker swarm unlock-key"; a rotated key opens only backups taken after the rotation',
  });
}

function decryptPrivateKey(key: string, passphrase: Buffer): string | undefined {
  const bare = key.replaceAll(/^[\w-]+: .*\n+/gm, '');
  try {
    return createPrivateKey({ key: bare, format: 'pem', passphrase }).export({
      type: 'pkcs8',
      format: 'pem',
    }) as string;
  } catch {
    return undefined;
  }
}

/** `api.MaybeEncryptedRecord`: algorithm (1: NaCl's secret box), data, nonce. */
function decryptRecord(record: Buffer, secret: Buffer): Buffer | undefined {
  const message = readMessage(record);
  const nonce = bytesIn(message, 3);
  if (numberIn(message, 1) !== 1 || nonce.length !== nacl.secretbox.nonceLength) return undefined;
  const opened = nacl.secretbox.open(bytesIn(message, 2), nonce, secret);
  return opened ? writeMessage(new Map([[2, Buffer.from(opened)]])) : undefined;
}

/** @param key an unlocked `swarm-node.key` */
export function readRaftKey(key: string): Buffer | undefined {
  const [, encoded = ''] = /^raft-dek: (.*)$/m.exec(key) ?? [];
  const message = readMessage(Buffer.from(encoded, 'base64'));
  const secret = bytesIn(message, 2);
  return numberIn(message, 1) === 0 && secret.length === nacl.secretbox.keyLength ? secret : undefined;
}
