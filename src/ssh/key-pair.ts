import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';

export interface SshKeyPair {
  /** OpenSSH's format, with the final line break that older versions require. */
  privateKey: string;
  /** One line as in authorized_keys, without a line break: `ssh-ed25519 AAAA... comment`. */
  publicKey: string;
}

/**
 * OpenSSH's PROTOCOL.key. ssh2 1.17 damages one in three hundred key pairs (leading zero bytes).
 */
export function generateKeyPair(comment: string): SshKeyPair {
  return formatPair(ed25519Pair(), comment);
}

/** @param seed the private key's 32 bytes */
export function fromEd25519Seed(seed: Buffer, comment: string): SshKeyPair {
  const header = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = createPrivateKey({ key: Buffer.concat([header, seed]), format: 'der', type: 'pkcs8' });
  const publicBytes = createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
  return formatPair({ seed, publicBytes }, comment);
}

function formatPair(
  { seed, publicBytes }: { seed: Buffer; publicBytes: Buffer },
  comment: string,
): SshKeyPair {
  const publicKey = Buffer.concat([field(type), field(publicBytes)]);
  // Twice the same value, to verify a passphrase.
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

/** Both DER forms end with the key's bytes (RFC 8410). In Node 20 the JWK export may hang. */
function ed25519Pair(): { seed: Buffer; publicBytes: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  return { seed: privateKey.subarray(-32), publicBytes: publicKey.subarray(-32) };
}

/** A protocol string (RFC 4251, 5): four bytes of length, then the content. */
function field(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The format pads keys without a cipher with 1, 2, 3... to blocks of eight bytes. */
function padded(secret: Buffer): Buffer {
  const missing = (8 - (secret.length % 8)) % 8;
  return Buffer.concat([secret, Buffer.from(Array.from({ length: missing }, (_, n) => n + 1))]);
}

/** `SHA256:...` as in `ssh-keygen -l`, of an authorized_keys line or the key's bytes. */
export function fingerprint(publicKey: string | Buffer): string {
  const digest = createHash('sha256').update(keyBytes(publicKey)).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}

/** The wire format of a line `type base64 comment`. */
export function keyBytes(publicKey: string | Buffer): Buffer {
  if (Buffer.isBuffer(publicKey)) return publicKey;
  return Buffer.from(publicKey.trim().split(/\s+/)[1] ?? '', 'base64');
}

/** The type in the key's bytes, such as `ssh-ed25519` (RFC 4253, 6.6). */
export function keyType(key: Buffer): string {
  const length = key.length < 4 ? 0 : key.readUInt32BE(0);
  return key.toString('latin1', 4, 4 + length);
}
