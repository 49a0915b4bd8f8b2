import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGunzip, createGzip } from 'node:zlib';
import fc from 'fast-check';
import { extract, pack } from 'tar-stream';
import nacl from 'tweetnacl';
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../../src/base/errors.js';
import { type BackupManifest, inspectBackup, repackBackup } from '../../../../src/swarm/model/backup-file.js';
import { isLocked, readIdentity, readRaftKey, unlockNodeKey } from '../../../../src/swarm/model/node-key.js';
import { bytesIn, readMessage } from '../../../../src/swarm/model/protobuf.js';
import { LogReader } from '../../../../src/swarm/model/raft-log.js';
import { recordFault } from '../../../lab/record-fault.js';
import {
  folderMembers,
  logKey,
  type Members,
  managerCertificate,
  nodeKey,
  privateKeyIn,
  raftId,
  segment,
  tarOf,
  unlockKey,
} from '../../support/swarm-folder.js';

const source = (bytes: Buffer) => () => Readable.from([bytes.subarray(0, 100), bytes.subarray(100)]);
const log = segment({ term: 3, index: 9, commit: 8 });
const manifest: BackupManifest = {
  version: 1,
  belt: '0.1.0',
  engine: '26.1.5',
  swarmId: 'kie0q18lyqg8ad4q6dteie2fy',
  nodeId: 'lshtftxahgq3fregmo9hpkg3z',
  machine: 'mg2',
  address: '10.0.0.1',
  managers: ['10.0.0.1:2377'],
  autolock: false,
  createdAt: '2026-01-02T03:04:05.000Z',
};

function members(prefix = 'swarm/', key = nodeKey({ locked: false })): Members {
  return { 'belt-backup.json': JSON.stringify(manifest), ...folderMembers(prefix, key, log) };
}

describe('inspectBackup', () => {
  test('a backup by belt is recognized by its manifest', async () => {
    const backup = await inspectBackup(source(await tarOf(members(), { gzip: true })), 'b.tar.gz');
    expect(backup).toMatchObject({
      manifest,
      identity: { swarmId: manifest.swarmId, nodeId: manifest.nodeId, manager: true },
      locked: false,
      prefix: 'swarm/',
    });
  });

  test.each(['/var/lib/docker/swarm/', 'var/lib/docker/swarm/', './', 'swarm/'])(
    'a backup by hand with the swarm folder at %s is read',
    async (prefix) => {
      for (const gzip of [true, false]) {
        const bytes = await tarOf(folderMembers(prefix, nodeKey({ locked: true }), log), { gzip });
        const backup = await inspectBackup(source(bytes), 'by-hand.tar');
        expect(backup.locked).toBe(true);
        expect(backup.log.reader.position).toEqual({ commit: 8, term: 3, index: 9 });
      }
    },
  );

  test('property: a truncated or corrupt backup is refused, or read without loss', async () => {
    let tried = 0;
    const gzipped = await tarOf(members(), { gzip: true });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: gzipped.length - 1 }), async (at) => {
        tried++;
        await expect(inspectBackup(source(gzipped.subarray(0, at)), 'cut')).rejects.toBeInstanceOf(UserError);
      }),
    );
    // After the header of ten bytes, some of which are ignored.
    const damage = fc.tuple(
      fc.integer({ min: 10, max: gzipped.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
    );
    const whole = await inspectBackup(source(gzipped), 'whole');
    await fc.assert(
      fc.asyncProperty(damage, async ([at, change]) => {
        tried++;
        const bytes = Buffer.from(gzipped);
        bytes.writeUInt8(bytes.readUInt8(at) ^ change, at);
        const read = await inspectBackup(source(bytes), 'damaged').catch((error: unknown) => error);
        // A wrong reference to other zeros unpacks to the same bytes.
        if (!(read instanceof UserError)) expect(read).toEqual(whole);
      }),
      { examples: [[[368, 2]], [[1285, 4]]] },
    );
    recordFault({ kind: 'Disks and files', fault: 'a backup is truncated or a byte of it changes', tried });
  });

  test('a truncated uncompressed backup is refused', async () => {
    let tried = 0;
    const plain = await tarOf(members(), { gzip: false });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: plain.length - 1025 }), async (at) => {
        tried++;
        await expect(inspectBackup(source(plain.subarray(0, at)), 'cut')).rejects.toBeInstanceOf(UserError);
      }),
    );
    recordFault({ kind: 'Disks and files', fault: 'an uncompressed backup is truncated', tried });
  });

  test.each<[string, (all: Members) => Members, RegExp]>([
    [
      'a tar without a swarm folder',
      () => ({ 'etc/passwd': 'root' }),
      /it contains no certificates\/swarm-node\.crt/,
    ],
    [
      'a backup of a worker',
      (all) => Object.fromEntries(Object.entries(all).filter(([name]) => !name.includes('raft'))),
      /it is from a worker/,
    ],
    ['a backup with an unsafe path', (all) => ({ ...all, 'swarm/../../etc/passwd': '' }), /unsafe path/],
    ['a backup with a broken manifest', (all) => ({ ...all, 'belt-backup.json': '{' }), /cannot be read/],
  ])('%s is refused', async (_, change, message) => {
    const bytes = await tarOf(change(members()), { gzip: true });
    await expect(inspectBackup(source(bytes), 'b.tar')).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(message),
    });
  });
});

describe('archives that grow when they are unpacked', () => {
  const zeros = Buffer.alloc(1024 * 1024);
  /** A small archive with one member of many MiB. */
  const bomb = (name: string, mebibytes: number): Promise<Buffer> => {
    const archive = pack();
    const content = Readable.from(Array.from({ length: mebibytes }, () => zeros));
    const entry = archive.entry({ name, size: mebibytes * zeros.length }, () => archive.finalize());
    content.pipe(entry);
    return buffer(archive.pipe(createGzip({ level: 1 })));
  };

  test.each([
    [
      'swarm/certificates/swarm-node.key',
      2,
      'swarm/certificates/swarm-node.key in b.tar is larger than 1 MiB',
    ],
    ['belt-backup.json', 2, 'belt-backup.json in b.tar is larger than 1 MiB'],
    ['swarm/raft/snap/1.snap', 1025, 'the content of b.tar is larger than 1024 MiB'],
  ])('an archive with a too large %s is refused', async (name, mebibytes, message) => {
    const bytes = await bomb(name, mebibytes);
    await expect(inspectBackup(source(bytes), 'b.tar')).rejects.toThrow(message);
    recordFault({ kind: 'Untrusted input', fault: 'an archive grows beyond its limit when it is unpacked' });
  });

  test('an archive with too many members is refused', async () => {
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, index) => [`swarm/${index}`, '']));
    const bytes = await tarOf(many, { gzip: true });
    await expect(inspectBackup(source(bytes), 'b.tar')).rejects.toThrow('it has more than 10000 members');
    recordFault({ kind: 'Untrusted input', fault: 'an archive has too many members' });
  });
});

describe('repackBackup', () => {
  const found: Members = {};
  const key = nodeKey({ locked: false });

  beforeAll(async () => {
    const open = source(await tarOf(members('/var/lib/docker/swarm/', key), { gzip: false }));
    const backup = await inspectBackup(open, 'b.tar');
    const reader = extract();
    repackBackup(open, backup, { key, address: '10.0.0.9:2377' }).pipe(createGunzip()).pipe(reader);
    for await (const member of reader)
      found[member.header.name] = await buffer(member as unknown as Readable);
  });

  test('the repacked backup holds only the swarm folder, without files about the old machine', () => {
    const wal = 'swarm/raft/wal-v3-encrypted/0000000000000000-0000000000000000.wal';
    const names = [
      'swarm/certificates/swarm-node.crt',
      wal,
      'swarm/certificates/swarm-node.key',
      'swarm.end',
    ];
    expect(Object.keys(found)).toEqual(names);
    expect(String(found['swarm/certificates/swarm-node.key'])).toBe(key);
  });

  test('the repacked log ends with a committed entry that sets the new address', () => {
    const wal = Object.entries(found).find(([name]) => name.endsWith('.wal'))?.[1] as Buffer;
    const reader = new LogReader();
    reader.push(wal);
    // Entry 9 is not committed, so the new entry replaces it.
    expect(reader.position).toEqual({ commit: 9, term: 3, index: 9 });
    expect(wal.length).toBe(log.length);
    const old = new LogReader();
    old.push(log);
    const entry = readMessage(
      bytesIn(readMessage(wal.subarray(old.end + 8, old.end + 8 + wal.readUIntLE(old.end, 6))), 3),
    );
    const record = readMessage(bytesIn(entry, 4));
    const change = nacl.secretbox.open(bytesIn(record, 2), bytesIn(record, 3), logKey);
    const configuration = readMessage(Buffer.from(change ?? []));
    expect(configuration?.get(3)).toBe(raftId);
    const member = readMessage(bytesIn(configuration, 4));
    expect([member?.get(1), String(member?.get(2)), String(member?.get(3))]).toEqual([
      raftId,
      'lshtftxahgq3fregmo9hpkg3z',
      '10.0.0.9:2377',
    ]);
  });
});

describe('node keys', () => {
  test('readIdentity reads swarm and node from a certificate', () => {
    expect(readIdentity(managerCertificate)).toEqual({
      swarmId: 'kie0q18lyqg8ad4q6dteie2fy',
      nodeId: 'lshtftxahgq3fregmo9hpkg3z',
      manager: true,
    });
    expect(readIdentity('nothing')).toBeUndefined();
  });

  test('unlockNodeKey decrypts a locked key, which the leader encrypts again', () => {
    const locked = nodeKey({ locked: true });
    const open = unlockNodeKey(locked, `${unlockKey}\n`);
    expect([isLocked(locked), isLocked(open)]).toEqual([true, false]);
    expect(privateKeyIn(open).asymmetricKeyType).toBe('ec');
    expect(readRaftKey(open)).toEqual(logKey);
    expect(open).toContain('\nkek-version: 0\n');
    expect(readRaftKey(locked)).toBeUndefined();
  });

  test('unlockNodeKey refuses a wrong unlock key without repeating it', () => {
    const wrong = `SWMKEY-1-${'A'.repeat(43)}`;
    expect(() => unlockNodeKey(nodeKey({ locked: true }), wrong)).toThrow(
      'swarm could not be unlocked: invalid key provided',
    );
    expect(() => unlockNodeKey(nodeKey({ locked: true }), 'sesame')).toThrow(/^not a swarm unlock key$/);
  });
});
