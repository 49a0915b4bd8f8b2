import type { Writable } from 'node:stream';

type Write = (chunk: Buffer) => void;

/**
 * Passes whole lines to `onLines` instead, with a function that really writes.
 * @returns ends the interception and writes an unfinished line
 */
export function interceptWrites(
  stream: Writable,
  onLines: (lines: Buffer, write: Write) => void,
): () => void {
  const original = stream.write;
  const write: Write = (chunk) => void original.call(stream, chunk, 'utf8');
  let unfinished = Buffer.alloc(0);

  stream.write = (chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
    const text = Buffer.concat([unfinished, bytesOf(chunk, encoding)]);
    const end = text.lastIndexOf('\n') + 1;
    unfinished = text.subarray(end);
    if (end > 0) onLines(text.subarray(0, end), write);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };

  return () => {
    stream.write = original;
    if (unfinished.length > 0) write(unfinished);
  };
}

function bytesOf(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === 'string')
    return Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  return Buffer.from(chunk as Uint8Array);
}
