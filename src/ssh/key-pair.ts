import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';

export interface SshKeyPair {
  /** OpenSSH's own format, with the line end that older versions insist on. */
  privateKey: string;
  /** One line as in authorized_keys, without a line end: `ssh-ed25519 AAAA... comment`. */
  publicKey: string;
}

/**
 * A new ed25519 key pair without a passphrase. Written out here because one in three hundred of those that ssh2 1.17 makes is
 * damaged: it drops zero bytes from the beginning of the keys. Source: PROTOCOL.key of OpenSSH.
 */
export function generateKeyPair(comment: string): SshKeyPair {
  const { seed, publicBytes } = ed25519Pair();
  const publicKey = Buffer.concat([field(type), field(publicBytes)]);
  // Twice the same value: it shows whether a passphrase was right.
  const check = randomBytes(4);
  const secret = Buffer.concat([
    check,
    check,
    publicKey,
    field(Buffer.concat([seed, publicBytes])),
    field(comment),
  ]);
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    field('none'),
    field('none'),
    field(''),
    Buffer.from([0, 0, 0, 1]),
    field(publicKey),
    field(padded(secret)),
  ]);
  const base64 = file.toString('base64').replace(/.{1,70}/g, '$&\n');
  return {
    privateKey: `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}-----END OPENSSH PRIVATE KEY-----\n`,
    publicKey: `${type} ${publicKey.toString('base64')} ${comment}`.trimEnd(),
  };
}

const type = 'ssh-ed25519';

/**
 * Both DER forms end with the 32 bytes themselves (RFC 8410, 4 and 7). Not by way of JWK: in Node 20 that export hangs for
 * good now and then, when the garbage collector comes in between.
 */
function ed25519Pair(): { seed: Buffer; publicBytes: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  return { seed: privateKey.subarray(-32), publicBytes: publicKey.subarray(-32) };
}

/** A string as the protocol has it (RFC 4251, 5): its length in four bytes, then itself. */
function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Filled up with 1, 2, 3... to whole blocks of eight, as the format asks for keys that no cipher covers. */
function padded(secret: Buffer): Buffer {
  const missing = (8 - (secret.length % 8)) % 8;
  return Buffer.concat([secret, Buffer.from(Array.from({ length: missing }, (_, n) => n + 1))]);
}

/** `SHA256:...` as `ssh-keygen -l` prints it, of a line as in authorized_keys or of the key's own bytes. */
export function fingerprint(publicKey: string | Buffer): string {
  const digest = createHash('sha256').update(keyBytes(publicKey)).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** The key's bytes as they go over the wire, from a line `type base64 comment`. */
export function keyBytes(publicKey: string | Buffer): Buffer {
  if (Buffer.isBuffer(publicKey)) return publicKey;
  return Buffer.from(publicKey.trim().split(/\s+/)[1] ?? '', 'base64');
}

/** What the key's own bytes say that it is: `ssh-ed25519`. Source: RFC 4253, 6.6. */
export function keyType(key: Buffer): string {
  const length = key.length < 4 ? 0 : key.readUInt32BE(0);
  return key.toString('latin1', 4, 4 + length);
}
