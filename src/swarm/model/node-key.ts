import { createPrivateKey, X509Certificate } from 'node:crypto';
import nacl from 'tweetnacl';
import { UserError } from '../../base/errors.js';
import { bytesIn, numberIn, readMessage, writeMessage } from './protobuf.js';

/**
 * What a node of a swarm is, by the files in /var/lib/docker/swarm/certificates
 * (https://github.com/moby/swarmkit, ca/certificates.go and ca/keyreadwriter.go).
 */

export interface NodeIdentity {
  swarmId: string;
  nodeId: string;
  manager: boolean;
}

/** Reads `swarm-node.crt`. @returns undefined for what is no certificate of a swarm's node */
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

/** Whether an unlock key is needed for `swarm-node.key`: the swarm locks its managers (autolock). */
export function isLocked(key: string): boolean {
  return key.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
}

/** https://github.com/moby/swarmkit, manager/encryption/encryption.go (`humanReadablePrefix`) */
const unlockKeyPattern = /^SWMKEY-1-([A-Za-z0-9+/]{43})$/;

/**
 * `swarm-node.key` as it is where managers are not locked. Its headers hold the key of the raft log, encrypted with the unlock key as the
 * private key is. With `kek-version` 0 the manager encrypts both again as soon as it leads: the swarm itself knows the unlock key.
 *
 * The engine has no other way in: what unlocks it waits for a leader, and keeps it from making the manager one meanwhile (moby,
 * daemon/cluster/swarm.go: `UnlockSwarm` and `Init` hold the same lock).
 * @throws UserError when it is not this swarm's unlock key
 */
export function unlockNodeKey(key: string, unlockKey: string): string {
  const [, encoded] = unlockKeyPattern.exec(unlockKey.trim()) ?? [];
  if (encoded === undefined)
    throw new UserError('this is no unlock key of a swarm', { hint: 'they begin with SWMKEY-1-' });
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
  return new UserError('the unlock key is not the one of this swarm', {
    hint: 'it is what "docker swarm unlock-key" told; a rotated key opens backups from after the rotation only',
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

/** `api.MaybeEncryptedRecord`, fields algorithm, data and nonce; 1 is NaCl's secret box. @returns the record with its data in the clear */
function decryptRecord(record: Buffer, secret: Buffer): Buffer | undefined {
  const message = readMessage(record);
  const nonce = bytesIn(message, 3);
  if (numberIn(message, 1) !== 1 || nonce.length !== nacl.secretbox.nonceLength) return undefined;
  const opened = nacl.secretbox.open(bytesIn(message, 2), nonce, secret);
  return opened ? writeMessage(new Map([[2, Buffer.from(opened)]])) : undefined;
}

/** The key of the raft log, from an unlocked `swarm-node.key`. */
export function readRaftKey(key: string): Buffer | undefined {
  const [, encoded = ''] = /^raft-dek: (.*)$/m.exec(key) ?? [];
  const message = readMessage(Buffer.from(encoded, 'base64'));
  const secret = bytesIn(message, 2);
  return numberIn(message, 1) === 0 && secret.length === nacl.secretbox.keyLength ? secret : undefined;
}
