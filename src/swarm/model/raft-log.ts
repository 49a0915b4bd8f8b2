import { bytesIn, numberIn, readMessage, writeMessage } from './protobuf.js';

/**
 * A manager's raft log, read from its files.
 *
 * swarmkit keeps the log as etcd does (`/var/lib/docker/swarm/raft/wal-v3-encrypted`), and encrypts what the entries say, not their terms
 * and indexes (https://github.com/moby/swarmkit, manager/state/raft/storage/walwrap.go). So to see how far a log goes needs no key and no
 * engine. The format: https://github.com/etcd-io/etcd, server/storage/wal (decoder.go, encoder.go, walpb/record.proto), and raft's
 * raftpb/raft.proto.
 */

/** How far a log goes. */
export interface LogPosition {
  /** The last entry that is known there to be decided. */
  commit: number;
  /** Of the last entry, decided or not. */
  term: number;
  index: number;
}

/**
 * Less than 0 when `one` is behind `other`. What is decided is the same in all logs, and `--force-new-cluster` keeps just that
 * (swarmkit, manager/state/raft/storage.go): the log that knows of the most decisions loses the least. Between equals raft's own rule for
 * who may lead counts (https://raft.github.io/raft.pdf, 5.4.1).
 */
export function compareLogs(one: LogPosition, other: LogPosition): number {
  return one.commit - other.commit || one.term - other.term || one.index - other.index;
}

/** `walpb.Record.type` */
export const recordTypes = { metadata: 1, entry: 2, state: 3, checksum: 4, snapshot: 5 } as const;

const knownTypes: ReadonlySet<number> = new Set(Object.values(recordTypes));

const frameBytes = 8;

/** Reads a segment of the log as it comes, in little memory: segments have 64 MB, most of it zeros that are yet to be written over. */
export class LogReader {
  /** Of the last entry, or the snapshot that stands for all up to it. */
  last: { term: number; index: number } | undefined;
  commit = 0;
  /** The newest term that the manager knows of, and whom it voted for then: raft's `HardState`. */
  state = Buffer.alloc(0);
  /** The manager as a member: swarmkit's `RaftMember`. */
  member = Buffer.alloc(0);
  /** Bytes up to here are whole records. */
  end = 0;
  /** Of these. */
  checksum = 0;
  private rest = Buffer.alloc(0);
  private ended = false;

  /** Absent: no entry has come. A segment begins with the state that the one before ended with. */
  get position(): LogPosition | undefined {
    return this.last && { ...this.last, commit: this.commit };
  }

  push(chunk: Buffer): void {
    if (this.ended) return;
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (!this.ended && bytes.length - at >= frameBytes) {
      const { length, padding } = readFrame(bytes, at);
      const next = at + frameBytes + length + padding;
      if (length === 0) this.ended = true;
      if (this.ended || next > bytes.length) break;
      this.readRecord(bytes.subarray(at + frameBytes, at + frameBytes + length));
      if (this.ended) break;
      this.end += next - at;
      at = next;
    }
    this.rest = this.ended ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }

  /** The checksum of each record goes on from the one before; one that is wrong was cut short by a crash, and ends the log. */
  private readRecord(bytes: Buffer): void {
    const record = readMessage(bytes);
    const type = numberIn(record, 1);
    const expected = numberIn(record, 2);
    const data = bytesIn(record, 3);
    // A segment begins with the checksum that the one before ended with.
    const begins = type === recordTypes.checksum && this.end === 0;
    const checksum = begins ? expected : crc32c(data, this.checksum);
    // Zeros where a record should be are one of type 0.
    this.ended = checksum !== expected || !knownTypes.has(type);
    if (this.ended) return;
    this.checksum = checksum;
    this.apply(type, data);
  }

  private apply(type: number, data: Buffer): void {
    const message = readMessage(data);
    if (type === recordTypes.metadata) this.member = Buffer.from(data);
    if (type === recordTypes.entry) this.last = { term: numberIn(message, 2), index: numberIn(message, 3) };
    if (type === recordTypes.state) {
      this.state = Buffer.from(data);
      this.commit = Math.max(this.commit, numberIn(message, 3));
    }
    if (type === recordTypes.snapshot)
      this.applySnapshot({ term: numberIn(message, 2), index: numberIn(message, 1) });
  }

  /** A manager that was far behind is sent a snapshot instead of entries; one that it made itself is of entries that it has. */
  private applySnapshot(snapshot: { term: number; index: number }): void {
    this.commit = Math.max(this.commit, snapshot.index);
    if (snapshot.index > (this.last?.index ?? 0)) this.last = snapshot;
  }
}

/** Little-endian: 56 bits of length; the highest bit says that the three lowest of the last byte count the zeros that follow. */
function readFrame(bytes: Buffer, at: number): { length: number; padding: number } {
  const last = bytes.readUInt8(at + 7);
  return { length: bytes.readUIntLE(at, 6), padding: last >= 0x80 ? last & 0x07 : 0 };
}

/** Records that go on where a log has ended. @param checksum of the log so far */
export function writeRecords(records: readonly { type: number; data: Buffer }[], checksum: number): Buffer {
  let sum = checksum;
  const frames = records.map(({ type, data }) => {
    sum = crc32c(data, sum);
    const record = writeMessage(
      new Map<number, bigint | Buffer>([
        [1, BigInt(type)],
        [2, BigInt(sum)],
        [3, data],
      ]),
    );
    const padding = (8 - (record.length % 8)) % 8;
    const frame = Buffer.alloc(frameBytes + record.length + padding);
    frame.writeUIntLE(record.length, 0, 6);
    if (padding > 0) frame.writeUInt8(0x80 | padding, 7);
    record.copy(frame, frameBytes);
    return frame;
  });
  return Buffer.concat(frames);
}

/** CRC-32 with Castagnoli's polynomial (RFC 3720, appendix B.4), going on from an earlier one. */
export function crc32c(bytes: Buffer, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) crc = (crcTable[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const crcTable = Int32Array.from({ length: 256 }, (_, index) => {
  let crc = index;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});
