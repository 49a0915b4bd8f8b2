import { bytesIn, numberIn, readMessage, writeMessage } from './protobuf.js';

/**
 * How far a Raft log goes. swarmkit stores it in etcd's format (etcd-io/etcd, server/storage/wal
 * and raftpb/raft.proto) and encrypts only the data of entries (swarmkit,
 * manager/state/raft/storage/walwrap.go), so this needs neither key nor engine.
 */
export interface LogPosition {
  /** The last entry known to be committed. */
  commit: number;
  term: number;
  index: number;
}

/**
 * Negative when `one` is behind. `--force-new-cluster` keeps only committed entries (swarmkit,
 * manager/state/raft/storage.go); ties follow Raft's election rule (raft.pdf, 5.4.1).
 */
export function compareLogs(one: LogPosition, other: LogPosition): number {
  return one.commit - other.commit || one.term - other.term || one.index - other.index;
}

/** `walpb.Record.type` */
export const recordTypes = { metadata: 1, entry: 2, state: 3, checksum: 4, snapshot: 5 } as const;

const knownTypes: ReadonlySet<number> = new Set(Object.values(recordTypes));

const frameBytes = 8;

/** Reads a segment as a stream: 64 MB, mostly zeros. */
/** swarmkit's largest transaction takes 1.5 MB. */
const maxRecordBytes = 16 * 1024 * 1024;

export class LogReader {
  /** The last entry, or a snapshot that replaces it. */
  last: { term: number; index: number } | undefined;
  commit = 0;
  /** Raft's `HardState`. */
  state = Buffer.alloc(0);
  /** swarmkit's `RaftMember`. */
  member = Buffer.alloc(0);
  /** Length of the complete records, in bytes. */
  end = 0;
  checksum = 0;
  private rest = Buffer.alloc(0);
  private ended = false;

  /** Undefined without entries. A segment starts with the previous one's final state. */
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
      if (length === 0 || length > maxRecordBytes) this.ended = true;
      if (this.ended || next > bytes.length) break;
      this.readRecord(bytes.subarray(at + frameBytes, at + frameBytes + length));
      if (this.ended) break;
      this.end += next - at;
      at = next;
    }
    this.rest = this.ended ? Buffer.alloc(0) : Buffer.from(bytes.subarray(at));
  }

  /** A wrong checksum marks a record that a crash cut short. */
  private readRecord(bytes: Buffer): void {
    const record = readMessage(bytes);
    const type = numberIn(record, 1);
    const expected = numberIn(record, 2);
    const data = bytesIn(record, 3);
    // A segment starts with the previous one's final checksum.
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

  /** A manager that is far behind receives a snapshot instead of entries. */
  private applySnapshot(snapshot: { term: number; index: number }): void {
    this.commit = Math.max(this.commit, snapshot.index);
    if (snapshot.index > (this.last?.index ?? 0)) this.last = snapshot;
  }
}

/** Little-endian, 56 bits of length; the last byte has a padding flag and 3 bits of length. */
function readFrame(bytes: Buffer, at: number): { length: number; padding: number } {
  const last = bytes.readUInt8(at + 7);
  return { length: bytes.readUIntLE(at, 6), padding: last >= 0x80 ? last & 0x07 : 0 };
}

/** @param checksum of the log to append to */
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
