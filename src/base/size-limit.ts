import { closeSync, constants, createReadStream, openSync, readSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { type Readable, Transform } from 'node:stream';
import { codeOf } from './errno.js';
import { ExternalError } from './errors.js';

export const mebibyte = 1024 * 1024;

/** For settings, keys and records; real ones are a thousand times smaller. */
const maxFileBytes = 16 * mebibyte;

/** @param what is too large: `the response to GET /info` */
export function sizeError(what: string, maxBytes: number): ExternalError {
  return new ExternalError(`${what} is larger than ${maxBytes / mebibyte} MiB`);
}

/** Destroys the stream at the limit. @throws ExternalError at the limit; errors of the stream */
export async function readBounded(stream: Readable, maxBytes: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes) throw sizeError(what, maxBytes);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

/** Reads devices and pipes too. @throws ExternalError at the limit; errors of the file system */
export async function readBoundedFile(path: string, maxBytes = maxFileBytes): Promise<string> {
  const found = await stat(path);
  if (found.isFile() && found.size > maxBytes) throw sizeError(path, maxBytes);
  if (found.isFile()) return decodeText(await readFile(path));
  if (found.isFIFO()) return readPipe(path, maxBytes);
  return decodeText(await readBounded(createReadStream(path), maxBytes, path));
}

/** Does not wait for a writer: nothing could interrupt that. */
async function readPipe(path: string, maxBytes: number): Promise<string> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const start = readNow(fd);
  if (start?.length === 0) {
    closeSync(fd);
    throw new ExternalError(`${path} is a pipe that nothing is written to`);
  }
  const { Socket } = await import('node:net');
  const rest = await readBounded(new Socket({ fd }), maxBytes, path);
  return decodeText(Buffer.concat([...(start ? [start] : []), rest]));
}

/** Empty without a writer; undefined: nothing is written yet. */
function readNow(fd: number): Buffer | undefined {
  const buffer = Buffer.alloc(64 * 1024);
  try {
    return buffer.subarray(0, readSync(fd, buffer));
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return undefined;
    throw error;
  }
}

/** Without the byte order mark that editors of Windows write, in UTF-8 or UTF-16. */
export function decodeText(bytes: Buffer): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return bytes.toString().replace(/^\uFEFF/, '');
}

/** Passes a stream on, and breaks it at the limit with an ExternalError. */
export function limitStream(maxBytes: number, what: string): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes) done(sizeError(what, maxBytes));
      else done(null, chunk);
    },
  });
}
