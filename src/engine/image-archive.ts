import { once } from 'node:events';
import { PassThrough, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import * as z from 'zod/mini';
import { mebibyte } from '../base/size-limit.js';

/** An image of an archive, or of an engine. */
export interface ImageIdentity {
  /** `web:1`, or its ID. */
  image: string;
  /** Engines with different image stores know the same image by different IDs. */
  ids: readonly string[];
}

const manifestFile = z.array(
  z.object({ Config: z.string(), RepoTags: z.optional(z.nullable(z.array(z.string()))) }),
);
const indexFile = z.object({ manifests: z.optional(z.array(z.object({ digest: z.string() }))) });

const maxFileBytes = 16 * mebibyte;

/**
 * The images of a `docker save` archive, plain or gzip.
 * @returns undefined for another compression, whose contents only an engine can read
 * @throws for what is not an archive of images
 */
export async function readArchive(source: Readable): Promise<ImageIdentity[] | undefined> {
  const bytes = source.pipe(new PassThrough());
  source.once('error', (error) => bytes.destroy(error));
  const first = await firstBytes(bytes);
  const kind = compressionOf(first);
  if (kind === 'other') {
    bytes.resume();
    await once(bytes, 'end');
    return undefined;
  }
  const tar = kind === 'gzip' ? bytes.pipe(createGunzip()) : bytes;
  if (tar !== bytes) bytes.once('error', (error) => tar.destroy(error));
  const files = await readFiles(tar, ['manifest.json', 'index.json']);
  const manifest = files.get('manifest.json');
  if (manifest === undefined) throw new Error('it has no manifest.json, so it is not from "docker save"');
  const index = indexFile.parse(JSON.parse(files.get('index.json') ?? '{}'));
  const digests = index.manifests?.map(({ digest }) => digest) ?? [];
  return manifestFile.parse(JSON.parse(manifest)).flatMap(({ Config, RepoTags }) => {
    const id = `sha256:${/[0-9a-f]{64}/.exec(Config)?.[0]}`;
    const tags = RepoTags?.length ? RepoTags : [id];
    return tags.map((image) => ({ image, ids: [id, ...digests] }));
  });
}

async function firstBytes(stream: PassThrough): Promise<Buffer> {
  if (stream.readableLength === 0) await Promise.race([once(stream, 'readable'), once(stream, 'end')]);
  const chunk = (stream.read() ?? Buffer.alloc(0)) as Buffer;
  if (chunk.length > 0) stream.unshift(chunk);
  return chunk;
}

/** By their magic numbers, as docker detects them: gzip, bzip2, xz and zstd. */
function compressionOf(start: Buffer): 'none' | 'gzip' | 'other' {
  const hex = start.toString('hex', 0, 6);
  if (hex.startsWith('1f8b')) return 'gzip';
  return /^(?:425a68|fd377a585a00|28b52ffd)/.test(hex) ? 'other' : 'none';
}

async function readFiles(tar: Readable, names: readonly string[]): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const entries = tar.pipe(extract());
  tar.once('error', (error) => entries.destroy(error));
  for await (const entry of entries) {
    const { name, size = 0 } = entry.header;
    if (names.includes(name) && size <= maxFileBytes) files.set(name, await text(entry));
    else entry.resume();
  }
  return files;
}
