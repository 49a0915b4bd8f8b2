/** By field number; supports only numbers and bytes (protobuf.dev/programming-guides/encoding). */
type Message = ReadonlyMap<number, bigint | Buffer>;

/** @returns undefined for anything else */
export function readMessage(bytes: Buffer): Message | undefined {
  const message = new Map<number, bigint | Buffer>();
  let at = 0;
  const readNumber = (): bigint => {
    let value = 0n;
    for (let shift = 0n; at < bytes.length; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return BigInt.asUintN(64, value);
  };
  while (at < bytes.length) {
    const tag = Number(readNumber());
    const field = Math.floor(tag / 8);
    // Fields start at 1; zeros mark a truncated message.
    if (field === 0) return undefined;
    if (tag % 8 === 0) message.set(field, readNumber());
    else if (tag % 8 === 2) {
      const length = Number(readNumber());
      if (at + length > bytes.length) return undefined;
      message.set(field, bytes.subarray(at, at + length));
      at += length;
    } else return undefined;
  }
  return message;
}

export function writeMessage(message: Message): Buffer {
  const parts: Buffer[] = [];
  for (const [field, value] of message) {
    if (typeof value === 'bigint') parts.push(writeNumber(BigInt(field * 8)), writeNumber(value));
    else parts.push(writeNumber(BigInt(field * 8 + 2)), writeNumber(BigInt(value.length)), value);
  }
  return Buffer.concat(parts);
}

function writeNumber(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

/** 0 when the field is missing. */
export function numberIn(message: Message | undefined, field: number): number {
  const value = message?.get(field);
  return typeof value === 'bigint' ? Number(value) : 0;
}

/** Empty when the field is missing. */
export function bytesIn(message: Message | undefined, field: number): Buffer {
  const value = message?.get(field);
  return value instanceof Buffer ? value : Buffer.alloc(0);
}
