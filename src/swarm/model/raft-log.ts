import { bytesIn, numberIn, readMessage, writeMessage } from './protobuf.js';

/**
 * How far a manager's Raft log goes.
 *
 * swarmkit stores the log in etcd's format (`/var/lib/docker/swarm/raft/wal-v3-encrypted`) and
 * encrypts the entries' data, not their terms and indexes (https://github.com/moby/swarmkit,
 * manager/state/raft/storage/walwrap.go), so the position can be read without key or engine.
 * Format: https://github.com/etcd-io/etcd, server/storage/wal (decoder.go, encoder.go,
 * walpb/record.proto), and raftpb/raft.proto.
 */
export interface LogPosition {
  /** Index of the last entry known to be committed. */
  commit: number;
  /** Of the last entry, committed or not. */
  term: number;
  index: number;
}

/**
 * Less than 0 when `one` is behind `other`. `--force-new-cluster` keeps the committed entries only
 * (swarmkit, manager/state/raft/storage.go), which are the same in all logs: the log with the most
 * loses the least. Ties follow Raft's election rule (https://raft.github.io/raft.pdf, 5.4.1).
 */
export function compareLogs(one: LogPosition, other: LogPosition): number {
  return one.commit - other.commit || one.term - other.term || one.index - other.index;
}

/** `walpb.Record.type` */
export const recordTypes = { metadata: 1, entry: 2, state: 3, checksum: 4, snapshot: 5 } as const;

const knownTypes: ReadonlySet<number> = new Set(Object.values(recordTypes));

const frameBytes = 8;

/** Reads a log segment as a stream: segments have 64 MB, mostly zeros. */
export class LogReader {
  /** Of the last entry, or the snapshot that replaces the entries up to it. */
  last: { term: number; index: number } | undefined;
  commit = 0;
  /** Raft's `HardState`: the current term and vote. */
  state = Buffer.alloc(0);
  /** The manager's own `RaftMember` (swarmkit). */
  member = Buffer.alloc(0);
  /** Length of the complete records, bytes. */
  end = 0;
  /** Of the complete records. */
  checksum = 0;
  private rest = Buffer.alloc(0);
  private ended = false;

  /** Undefined: no entries yet. A segment starts with the final state of the previous one. */
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

  /** Checksums are chained; a wrong one marks a record that a crash cut short, and ends the log. */
  private readRecord(bytes: Buffer): void {
    const record = readMessage(bytes);
    const type = numberIn(record, 1);
    const expected = numberIn(record, 2);
    const data = bytesIn(record, 3);
    // A segment starts with the final checksum of the previous one.
    const begins = type === recordTypes.checksum && this.end === 0;
    const checksum = begins ? expected : crc32c(data, this.checksum);
    // Zeros parse as a record of type 0.
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

  /**
   * A manager that is far behind receives a snapshot in place of entries; its own snapshots cover
   * entries that it has.
   */
  private applySnapshot(snapshot: { term: number; index: number }): void {
    this.commit = Math.max(this.commit, snapshot.index);
    if (snapshot.index > (this.last?.index ?? 0)) this.last = snapshot;
  }
}

/**
 * Little-endian: 56 bits of length; in the last byte, the top bit marks padding and the low 3 bits
 * its length.
 */
function readFrame(bytes: Buffer, at: number): { length: number; padding: number } {
  const last = bytes.readUInt8(at + 7);
  return { length: bytes.readUIntLE(at, 6), padding: last >= 0x80 ? last & 0x07 : 0 };
}

/** @param checksum of the log that the records are appended to */
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

/** CRC-32C (Castagnoli; RFC 3720, appendix B.4). @param before the checksum to continue */
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
