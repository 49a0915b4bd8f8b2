import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { basename } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AbortError, ExternalError, isAbort, messageOf, UserError } from '../../base/errors.js';
import type { PrepareProgress } from '../driver.js';

/** A server that sends nothing for this long has failed. */
const silenceMs = 60_000;

/** @throws ExternalError when it is incomplete; AbortError on `signal` */
export async function download(
  url: string,
  path: string,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<void> {
  const quiet = new AbortController();
  const timer = setTimeout(() => quiet.abort(), silenceMs);
  try {
    const response = await request(url, AbortSignal.any([signal, quiet.signal]));
    if (!response.body) throw new ExternalError('the response is empty');
    const total = Number(response.headers.get('content-length')) || undefined;
    let bytes = 0;
    const count = new Transform({
      transform(chunk: Buffer, _, next) {
        timer.refresh();
        bytes += chunk.length;
        progress(`downloading ${basename(url)} (${megabytes(bytes)})`, total && bytes / total);
        next(null, chunk);
      },
    });
    await pipeline(Readable.fromWeb(response.body as never), count, createWriteStream(path));
    if (total !== undefined && bytes !== total && !response.headers.get('content-encoding'))
      throw new ExternalError(`the connection closed after ${bytes} of ${total} bytes`);
  } catch (error) {
    if (signal.aborted) throw new AbortError();
    const why = isAbort(error) ? `no data for ${silenceMs / 1000} s` : causeOf(error);
    throw new ExternalError(`cannot download ${url}: ${why}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** `sha512:...`, from the first of `files` that exists next to the image. @throws UserError */
export async function publishedChecksum(
  url: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const name = decodeURIComponent(basename(new URL(url).pathname));
  for (const file of files) {
    const sums = await request(new URL(file, url).href, signal).then(
      (response) => response.text(),
      (error: unknown) => {
        if (signal.aborted) throw new AbortError();
        if (error instanceof ResponseError) return undefined;
        throw new ExternalError(`cannot read ${new URL(file, url).href}: ${causeOf(error)}`, {
          cause: error,
        });
      },
    );
    const found = sums === undefined ? undefined : readChecksum(sums, name);
    if (found !== undefined) return `${file.toLowerCase().replace('sums', '')}:${found}`;
  }
  throw new UserError(`no checksum of ${name} found in ${files.join(' or ')}`, {
    hint: 'set it: --virtualbox-image-checksum sha256:...',
  });
}

/** Reads lines of sha512sum: hex digits, two spaces or a space and a star, the name. */
export function readChecksum(sums: string, name: string): string | undefined {
  for (const line of sums.split(/\r?\n/)) {
    const [, hex, file] = /^([0-9a-f]{64,128}) [ *](.+)$/i.exec(line) ?? [];
    if (file?.replace(/^\.\//, '') === name) return hex?.toLowerCase();
  }
  return undefined;
}

export async function verify(path: string, checksum: string, what: string): Promise<void> {
  const [algorithm = '', expected] = checksum.split(':');
  const hash = createHash(algorithm);
  await pipeline(createReadStream(path), hash);
  const actual = hash.digest('hex');
  if (actual === expected) return;
  throw new ExternalError(`checksum mismatch for ${what}: ${algorithm} ${actual}, expected ${expected}`, {
    hint: 'retry later; if it persists, the file may have been tampered with',
  });
}

class ResponseError extends Error {}

async function request(url: string, signal: AbortSignal): Promise<Response> {
  const response = await fetch(url, { signal });
  if (response.ok) return response;
  throw new ResponseError(`the server responded with ${response.status} ${response.statusText}`.trim());
}

/** fetch's own message is only "fetch failed". */
function causeOf(error: unknown): string {
  return error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}
