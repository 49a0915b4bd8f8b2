import { readFile } from 'node:fs/promises';
import ssh2, { type ParsedKey } from 'ssh2';
import { hasCode } from '../base/errno.js';
import { messageOf } from '../base/errors.js';

/** A private key that can be used, or why it cannot be. */
export type LoadedKey = { key: ParsedKey } | { problem: string; missing: boolean };

export async function loadPrivateKey(path: string): Promise<LoadedKey> {
  let text: Buffer;
  try {
    text = await readFile(path);
  } catch (error) {
    return { problem: readProblem(error), missing: hasCode(error, 'ENOENT') };
  }
  const parsed = ssh2.utils.parseKey(text);
  // Some formats hold several keys; the first is the private one.
  const key = Array.isArray(parsed) ? (parsed as ParsedKey[])[0] : parsed;
  if (key === undefined) return { problem: 'holds no key', missing: false };
  if (key instanceof Error) return { problem: parseProblem(key), missing: false };
  if (!key.isPrivateKey()) return { problem: 'is a public key, the private one is needed', missing: false };
  return { key };
}

function readProblem(error: unknown): string {
  if (hasCode(error, 'ENOENT')) return 'does not exist';
  if (hasCode(error, 'EACCES')) return 'is not readable by this user';
  if (hasCode(error, 'EISDIR')) return 'is a folder';
  return `cannot be read (${messageOf(error)})`;
}

function parseProblem(error: Error): string {
  if (/passphrase|encrypted/i.test(error.message)) return 'is protected by a passphrase; add it with ssh-add';
  return 'is not a private key in a supported format (OpenSSH, PEM, PPK)';
}
