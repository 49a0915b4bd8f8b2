import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import ssh2, { type ParsedKey } from 'ssh2';
import { hasCode } from '../base/errno.js';
import { messageOf } from '../base/errors.js';
import { decodeText } from '../base/size-limit.js';
import { fromEd25519Seed, keyBytes } from './key-pair.js';

export type LoadedKey =
  | { key: ParsedKey }
  /** `publicKey`: an agent may have the private one. */
  | { problem: string; missing: boolean; publicKey?: Buffer };

/** OpenSSH, PEM (PKCS #1, SEC 1, PKCS #8) and PuTTY formats. */
export async function loadPrivateKey(path: string): Promise<LoadedKey> {
  let text: Buffer;
  try {
    text = Buffer.from(decodeText(await readFile(path)));
  } catch (error) {
    return { problem: readProblem(error), missing: hasCode(error, 'ENOENT') };
  }
  const parsed = parse(text);
  if (parsed instanceof Error) {
    const publicKey = await readPublicKey(`${path}.pub`);
    return { problem: parseProblem(parsed, text), missing: false, ...(publicKey && { publicKey }) };
  }
  if (!parsed.isPrivateKey())
    return {
      problem: 'is a public key; the private key is required',
      missing: false,
      publicKey: parsed.getPublicSSH(),
    };
  return { key: parsed };
}

/** @returns the key in wire format of a file such as `id.pub` or `id-cert.pub`, if there is one */
export async function readPublicKey(path: string): Promise<Buffer | undefined> {
  const text = await readFile(path).catch(() => Buffer.alloc(0));
  const bytes = keyBytes(decodeText(text));
  return bytes.length > 0 ? bytes : undefined;
}

function parse(text: Buffer): ParsedKey | Error {
  const parsed = ssh2.utils.parseKey(text);
  // Some formats hold several keys; the first is the private one.
  const [key] = [parsed].flat();
  if (key === undefined) return new Error('holds no key');
  if (!(key instanceof Error) || !/BEGIN (EC )?(PRIVATE KEY|PARAMETERS)/.test(text.toString('latin1')))
    return key;
  try {
    return parsePkcs8(text);
  } catch {
    return key;
  }
}

/** Converts to a format that ssh2 reads. */
function parsePkcs8(text: Buffer): ParsedKey | Error {
  const key = createPrivateKey(text);
  if (key.asymmetricKeyType === 'ed25519') {
    const seed = key.export({ type: 'pkcs8', format: 'der' }).subarray(-32);
    return ssh2.utils.parseKey(fromEd25519Seed(seed, '').privateKey) as ParsedKey | Error;
  }
  const type = key.asymmetricKeyType === 'ec' ? 'sec1' : 'pkcs1';
  return ssh2.utils.parseKey(key.export({ type, format: 'pem' })) as ParsedKey | Error;
}

function readProblem(error: unknown): string {
  if (hasCode(error, 'ENOENT')) return 'does not exist';
  if (hasCode(error, 'EACCES')) return 'is not readable by this user';
  if (hasCode(error, 'EISDIR')) return 'is a folder';
  return `cannot be read (${messageOf(error)})`;
}

function parseProblem(error: Error, text: Buffer): string {
  const isEncrypted = text.includes('BEGIN ENCRYPTED PRIVATE KEY');
  if (isEncrypted || /passphrase|encrypted/i.test(error.message))
    return 'is protected by a passphrase; add it with ssh-add';
  const [, type] = /key type: ?(\S+)/.exec(error.message) ?? [];
  if (type !== undefined) return `has the type ${type}, which belt cannot use`;
  return 'is not a private key in a supported format (OpenSSH, PEM, PPK)';
}
