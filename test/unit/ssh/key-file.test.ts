import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { generateKeyPair } from '../../../src/ssh/index.js';
import { loadPrivateKey, readPublicKey } from '../../../src/ssh/key-file.js';
import { keyBytes } from '../../../src/ssh/key-pair.js';

test.each([
  ['as it was written', (text: string) => Buffer.from(text)],
  ['with CRLF', (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'))],
  ['with a byte order mark', (text: string) => Buffer.from(`\uFEFF${text}`)],
  ['in UTF-16', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
])('a key pair %s is read', async (_, write) => {
  const folder = await mkdtemp(join(tmpdir(), 'belt-keys-'));
  const path = join(folder, 'id');
  const { privateKey, publicKey } = generateKeyPair('me');
  try {
    await writeFile(path, write(privateKey));
    await writeFile(`${path}.pub`, write(publicKey));
    expect(await loadPrivateKey(path)).toMatchObject({ key: { type: 'ssh-ed25519' } });
    expect(await readPublicKey(`${path}.pub`)).toEqual(keyBytes(publicKey));
  } finally {
    await rm(folder, { recursive: true });
  }
});
