/** Protocol Buffers, as far as swarmkit's files need them: numbers and bytes (https://protobuf.dev/programming-guides/encoding/). */

/** Values by their field numbers; of a field that comes again, the last. */
export type Message = ReadonlyMap<number, bigint | Buffer>;

/** @returns undefined for what is no such message */
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
    // Fields begin at 1: zeros are where a message was cut short.
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

/** 0 where the field is not there. */
export function numberIn(message: Message | undefined, field: number): number {
  const value = message?.get(field);
  return typeof value === 'bigint' ? Number(value) : 0;
}

/** Empty where the field is not there. */
export function bytesIn(message: Message | undefined, field: number): Buffer {
  const value = message?.get(field);
  return value instanceof Buffer ? value : Buffer.alloc(0);
}
