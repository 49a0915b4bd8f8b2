import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import nacl from 'tweetnacl';
import { writeMessage } from '../../../src/swarm/model/protobuf.js';
import { recordTypes, writeRecords } from '../../../src/swarm/model/raft-log.js';

/** Parts of a manager's swarm folder, as swarmkit writes them. */

/** From a real manager: swarm kie0q18lyqg8ad4q6dteie2fy, node lshtftxahgq3fregmo9hpkg3z. */
export const managerCertificate = `-----BEGIN CERTIFICATE-----
MIICNjCCAdugAwIBAgIUKBHCsr0Alo95AevPbSZjRHLrNEAwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAxMIc3dhcm0tY2EwHhcNMjYxMTIxMDc1NDAwWhcNMjcwMjE5MDg1
NDAwWjBgMSIwIAYDVQQKExlraWUwcTE4bHlxZzhhZDRxNmR0ZWllMmZ5MRYwFAYD
VQQLEw1zd2FybS1tYW5hZ2VyMSIwIAYDVQQDExlsc2h0ZnR4YWhncTNmcmVnbW85
aHBrZzN6MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE19QSbMXXDZnR4v3HCRoJ
e7hbXajx/puVSOU3V7kSDQm3/R+wfN5m1ZEgBbHDwalTLfVcpJe+DjuA46tsHZu+
nKOBvzCBvDAOBgNVHQ8BAf8EBAMCBaAwHQYDVR0lBBYwFAYIKwYBBQUHAwEGCCsG
AQUFBwMCMAwGA1UdEwEB/wQCMAAwHQYDVR0OBBYEFCnNu6fT5ZiUUQK1HkHmqZeg
fjX0MB8GA1UdIwQYMBaAFNHXPDznjUl5Gh0uUY74nmynnpyqMD0GA1UdEQQ2MDSC
DXN3YXJtLW1hbmFnZXKCGWxzaHRmdHhhaGdxM2ZyZWdtbzlocGtnM3qCCHN3YXJt
LWNhMAoGCCqGSM49BAMCA0kAMEYCIQDPb88lGAVjsJjuinzVO6ZklrWfq2QQdUtz
rfj1GKhVfwIhAO1Nw+Gpc19AO/BfiuqgIjkiu/GuyaCrt9Nv1oeQHwfo
-----END CERTIFICATE-----
`;

export const logKey = Buffer.alloc(32, 7);
export const unlockSecret = Buffer.alloc(32, 9);
export const unlockKey = `SWMKEY-1-${unlockSecret.toString('base64').replace('=', '')}`;

/** `swarm-node.key` */
export function nodeKey({ locked }: { locked: boolean }): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    ...(locked && { cipher: 'aes-256-cbc', passphrase: unlockSecret }),
  }) as string;
  const record = locked ? sealed(logKey) : writeMessage(new Map([[2, logKey]]));
  return pem.replace('\n', `\nkek-version: ${locked ? 59 : 10}\nraft-dek: ${record.toString('base64')}\n\n`);
}

export function privateKeyIn(key: string): KeyObject {
  return createPrivateKey(key.replaceAll(/^[\w-]+: .*\n+/gm, ''));
}

function sealed(data: Buffer): Buffer {
  const nonce = Buffer.alloc(24, 3);
  const box = Buffer.from(nacl.secretbox(data, nonce, unlockSecret));
  return writeMessage(
    new Map<number, bigint | Buffer>([
      [1, 1n],
      [2, box],
      [3, nonce],
    ]),
  );
}

/** Raft ids exceed the safe integers. */
export const raftId = 0xfedc_ba98_7654_3210n;

/** A segment of the Raft log with entries 1 to `index` of a term, committed up to `commit`. */
export function segment(
  { term, index, commit }: { term: number; index: number; commit: number },
  size = 8192,
): Buffer {
  const numbers = (...values: number[]): Buffer =>
    writeMessage(new Map(values.map((value, at) => [at + 1, BigInt(value)])));
  const member = writeMessage(
    new Map<number, bigint | Buffer>([
      [1, raftId],
      [2, Buffer.from('lshtftxahgq3fregmo9hpkg3z')],
      [3, Buffer.from('10.0.0.1:2377')],
    ]),
  );
  const entries = Array.from({ length: index }, (_, at) => ({
    type: recordTypes.entry,
    data: Buffer.concat([numbers(0, term, at + 1), Buffer.from([0x22, 3, 1, 2, 3])]),
  }));
  const records = writeRecords(
    [
      { type: recordTypes.metadata, data: member },
      ...entries,
      { type: recordTypes.state, data: numbers(term, 0, commit) },
    ],
    0,
  );
  return Buffer.concat([records, Buffer.alloc(Math.max(0, size - records.length))]);
}

export type Members = Record<string, string | Buffer>;

/** The contents of a backup of that folder, under a path. */
export function folderMembers(prefix: string, key: string, log: Buffer): Members {
  return {
    [`${prefix}certificates/swarm-node.crt`]: managerCertificate,
    [`${prefix}certificates/swarm-node.key`]: key,
    [`${prefix}docker-state.json`]: '{}',
    [`${prefix}state.json`]: '[]',
    [`${prefix}raft/wal-v3-encrypted/0000000000000000-0000000000000000.wal`]: log,
  };
}

export async function tarOf(members: Members, { gzip }: { gzip: boolean }): Promise<Buffer> {
  const archive = pack();
  for (const [name, content] of Object.entries(members)) archive.entry({ name }, content);
  archive.finalize();
  const bytes = await buffer(archive);
  return gzip ? gzipSync(bytes) : bytes;
}
