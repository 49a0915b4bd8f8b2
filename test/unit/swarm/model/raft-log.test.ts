import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readMessage, writeMessage } from '../../../../src/swarm/model/protobuf.js';
import { compareLogs, crc32c, LogReader } from '../../../../src/swarm/model/raft-log.js';
import { recordFault } from '../../../lab/record-fault.js';
import { raftId, segment } from '../../support/swarm-folder.js';

/** Log of a real manager (Docker 26.1.5), with most of its padding removed. */
const real = gunzipSync(readFileSync(join(import.meta.dirname, 'raft-segment.wal.gz')));

function read(...chunks: Buffer[]): LogReader {
  const reader = new LogReader();
  for (const chunk of chunks) reader.push(chunk);
  return reader;
}

test('crc32c matches RFC 3720, B.4', () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.from('456789'), crc32c(Buffer.from('123')))).toBe(0xe3069283);
});

describe('LogReader', () => {
  test('a log of a real manager is read to its end', () => {
    const reader = read(real);
    expect(reader.position).toEqual({ commit: 32, term: 2, index: 32 });
    expect(real.subarray(reader.end).every((byte) => byte === 0)).toBe(true);
    expect(String(readMessage(reader.member)?.get(2))).toBe('lshtftxahgq3fregmo9hpkg3z');
  });

  test('property: a log can be read in chunks of any size', () => {
    const whole = read(real);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9_000 }), { maxLength: 20 }), (sizes) => {
        const pieces: Buffer[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(real.subarray(at, at + size));
          at += size;
        }
        const { position, end, checksum } = read(...pieces, real.subarray(at));
        expect({ position, end, checksum }).toEqual({
          position: whole.position,
          end: whole.end,
          checksum: whole.checksum,
        });
      }),
      { numRuns: 50 },
    );
  });

  test('property: a log ends before a truncated record', () => {
    let tried = 0;
    const log = segment({ term: 3, index: 20, commit: 19 });
    const { end } = read(log);
    for (let at = 0; at < end; at++) {
      tried++;
      const cut = Buffer.concat([log.subarray(0, at), Buffer.alloc(log.length - at)]);
      const reader = read(cut);
      expect(reader.end, `cut at ${at}`).toBeLessThanOrEqual(at + 8);
      expect(reader.commit, `cut at ${at}`).toBeLessThanOrEqual(reader.position?.index ?? 0);
    }
    recordFault({ kind: 'Disks and files', fault: 'a Raft log is cut at any byte', tried });
  });

  test('property: a log ends before a corrupt record', () => {
    let tried = 0;
    const log = segment({ term: 3, index: 20, commit: 20 });
    const { end } = read(log);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: end - 1 }), fc.integer({ min: 1, max: 255 }), (at, change) => {
        tried++;
        const damaged = Buffer.from(log);
        damaged.writeUInt8(damaged.readUInt8(at) ^ change, at);
        expect(() => read(damaged)).not.toThrow();
      }),
    );
    recordFault({ kind: 'Disks and files', fault: 'a byte of a Raft log changes', tried });
  });

  test('a log without entries has no position', () => {
    expect(read(Buffer.alloc(4096)).position).toBeUndefined();
    expect(read(segment({ term: 1, index: 0, commit: 0 })).position).toBeUndefined();
  });
});

test('compareLogs ranks by committed entries, then by the Raft election rule', () => {
  const logs = [
    { commit: 7, term: 2, index: 9 },
    { commit: 8, term: 2, index: 8 },
    { commit: 7, term: 3, index: 8 },
    { commit: 7, term: 3, index: 9 },
  ];
  expect(logs.toSorted((one, other) => compareLogs(other, one))).toEqual([
    logs[1],
    logs[3],
    logs[2],
    logs[0],
  ]);
});

test('property: 64-bit numbers survive a round trip', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.uint8Array(), (number, bytes) => {
      const message = new Map<number, bigint | Buffer>([
        [1, number],
        [20, Buffer.from(bytes)],
      ]);
      expect(readMessage(writeMessage(message))).toEqual(message);
    }),
  );
  expect(readMessage(writeMessage(new Map([[1, raftId]])))?.get(1)).toBe(raftId);
});
