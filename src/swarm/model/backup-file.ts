import { Readable, Transform, type TransformCallback } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { extract, type Header, pack } from 'tar-stream';
import * as z from 'zod/mini';
import { ExternalError, messageOf, UserError } from '../../base/errors.js';
import { limitStream, mebibyte, readBounded } from '../../base/size-limit.js';
import { isLocked, type NodeIdentity, readIdentity } from './node-key.js';
import { createAddressChange } from './raft-address-change.js';
import { LogReader } from './raft-log.js';

/** `belt-backup.json`, next to the swarm folder in a backup; holds no secrets. */
const manifestSchema = z.object({
  version: z.number(),
  belt: z.string(),
  engine: z.string(),
  swarmId: z.string(),
  nodeId: z.string(),
  machine: z.string(),
  address: z.string(),
  /** `host:port` */
  managers: z.array(z.string()),
  /** The backup needs the unlock key and does not contain it. */
  autolock: z.boolean(),
  /** ISO 8601, UTC. */
  createdAt: z.string(),
});
export type BackupManifest = z.infer<typeof manifestSchema>;

const manifestName = 'belt-backup.json';
/** A manager keeps a few log segments of 64 MiB. */
export const maxBackupBytes = 1024 * mebibyte;
/** Of the manifest, the key or the certificate. */
const maxTextBytes = mebibyte;
const maxMembers = 10_000;

/** The parts that are readable without the unlock key. */
export interface Backup {
  /** Undefined for a backup made by hand (docker's admin guide, "Back up the swarm"). */
  manifest?: BackupManifest;
  identity: NodeIdentity;
  locked: boolean;
  /** `swarm-node.key`. */
  key: string;
  /** The last segment of the Raft log. */
  log: { path: string; reader: LogReader };
  /** Path of the swarm folder in the archive: `var/lib/docker/swarm/`. */
  prefix: string;
}

/** Each call reads from the start. */
type ArchiveSource = () => Readable;

const certificateName = 'certificates/swarm-node.crt';
const keyName = 'certificates/swarm-node.key';

/**
 * Reads belt's own backup or any tar of a manager's swarm folder, gzipped or not.
 * @param name of the file, for messages
 * @throws UserError when it is not a complete backup; errors of `source`
 */
export async function inspectBackup(source: ArchiveSource, name: string): Promise<Backup> {
  const texts = new Map<string, string>();
  const logs = new Map<string, LogReader>();
  const unsafe: string[] = [];
  await forEachEntry(source, name, async (header, content) => {
    const path = pathOf(header);
    if (path.split('/').includes('..')) unsafe.push(path);
    if (/(^|\/)raft\/wal[^/]*\/[^/]+\.wal$/.test(path)) logs.set(path, await readLog(content));
    if (path === manifestName || isFileNamed(path, certificateName) || isFileNamed(path, keyName))
      texts.set(path, String(await readBounded(content, maxTextBytes, `${path} in ${name}`)));
  });
  const [certificatePath] = [...texts.keys()]
    .filter((path) => path.endsWith(certificateName))
    .sort(compareLengths);
  if (certificatePath === undefined) throw invalidBackup(name, `it contains no ${certificateName}`);
  const prefix = certificatePath.slice(0, -certificateName.length);
  const identity = readIdentity(texts.get(certificatePath) ?? '');
  const key = texts.get(`${prefix}${keyName}`);
  if (!identity || key === undefined) throw invalidBackup(name, 'its node certificate cannot be read');
  // The engine writes to the segment with the highest number.
  const logPath = [...logs.keys()]
    .filter((path) => path.startsWith(`${prefix}raft/`))
    .sort()
    .at(-1);
  const reader = logs.get(logPath ?? '');
  if (!identity.manager || logPath === undefined || !reader)
    throw invalidBackup(name, 'it is from a worker, and only managers store the state of a swarm');
  if (unsafe.length > 0) throw invalidBackup(name, `it contains the unsafe path "${unsafe[0]}"`);
  const manifest = readManifest(texts.get(manifestName), name);
  return {
    ...(manifest && { manifest }),
    identity,
    locked: isLocked(key),
    key,
    log: { path: logPath, reader },
    prefix,
  };
}

async function readLog(content: Readable): Promise<LogReader> {
  const reader = new LogReader();
  for await (const chunk of content) reader.push(chunk as Buffer);
  return reader;
}

function readManifest(text: string | undefined, name: string): BackupManifest | undefined {
  if (text === undefined) return undefined;
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    throw invalidBackup(name, `its ${manifestName} cannot be read`);
  }
}

function isFileNamed(path: string, name: string): boolean {
  return path === name || path.endsWith(`/${name}`);
}

function compareLengths(one: string, other: string): number {
  return one.length - other.length;
}

/** The last entry, which shows that the archive arrived completely. */
const completionMarker = 'swarm.end';

/** These describe the machine of the backup: its address and the managers it knew. */
const excludedFiles = ['docker-state.json', 'state.json', keyName];

interface RepackOptions {
  /** Unlocked. */
  key: string;
  /** `host:port` */
  address: string;
}

/**
 * Omits `docker-state.json`: the engine must not join on its own.
 * @throws UserError for a bad log
 */
export function repackBackup(
  source: ArchiveSource,
  backup: Backup,
  { key, address }: RepackOptions,
): Readable {
  const { prefix, log } = backup;
  const change = createAddressChange(log.reader, key, address);
  if (!change) throw invalidBackup('the file', 'its Raft log cannot be decrypted with its key');
  const archive = pack();
  const put = async (header: Header, content: Readable): Promise<void> => {
    const path = pathOf(header);
    const inner = path.slice(prefix.length);
    if (!path.startsWith(prefix) || excludedFiles.includes(inner)) return;
    const { mode } = header;
    const name = `swarm/${inner}`;
    if (header.type === 'directory') archive.entry({ name, mode, type: 'directory' });
    if (header.type !== 'file') return;
    const extended =
      path === log.path ? appendToSegment(content, log.reader.end, change, header.size ?? 0) : undefined;
    const size = extended?.size ?? header.size;
    await pipeline(
      extended?.content ?? content,
      archive.entry({ name, mode, ...(size !== undefined && { size }) }),
    );
  };
  const fill = async (): Promise<void> => {
    await forEachEntry(source, 'the backup', put);
    archive.entry({ name: `swarm/${keyName}`, mode: 0o600 }, key);
    archive.entry({ name: completionMarker }, '');
    archive.finalize();
  };
  const gzip = createGzip({ level: 1 });
  fill().catch((error) => archive.destroy(error));
  // Errors end the returned stream.
  pipeline(archive, gzip).catch(() => {});
  return gzip;
}

/** Pads the segment with zeros to its previous length. */
function appendToSegment(
  content: Readable,
  end: number,
  more: Buffer,
  size: number,
): { content: Readable; size: number } {
  const length = Math.max(size, end + more.length);
  const extended = async function* (): AsyncGenerator<Buffer> {
    let at = 0;
    for await (const chunk of content) {
      if (at < end) yield (chunk as Buffer).subarray(0, end - at);
      at += (chunk as Buffer).length;
    }
    yield more;
    const zeros = Buffer.alloc(64 * 1024);
    for (let left = length - end - more.length; left > 0; left -= zeros.length)
      yield zeros.subarray(0, Math.min(left, zeros.length));
  };
  return { content: Readable.from(extended()), size: length };
}

/** Without a leading `./` or `/`. */
function pathOf({ name }: Header): string {
  return name.replace(/^(\.?\/)+/, '');
}

async function forEachEntry(
  source: ArchiveSource,
  name: string,
  visit: (header: Header, content: Readable) => Promise<void>,
): Promise<void> {
  const members = extract();
  const end = new EndCheck();
  const limit = limitStream(maxBackupBytes, `the content of ${name}`);
  const unpacked = (await isGzipped(source)) ? [createGunzip(), limit] : [limit];
  const streams = [source(), ...unpacked, end, members];
  let count = 0;
  // Errors end `members` too.
  pipeline(streams).catch(() => {});
  try {
    for await (const member of members) {
      count += 1;
      if (count > maxMembers) throw invalidBackup(name, `it has more than ${maxMembers} members`);
      await visit(member.header, member as unknown as Readable);
      member.resume();
    }
  } catch (error) {
    if (error instanceof UserError || error instanceof ExternalError || isFileSystemError(error)) throw error;
    throw invalidBackup(name, zlibReasons[codeOf(error)] ?? `it is not a tar archive: ${messageOf(error)}`);
  }
  if (!end.isComplete) throw invalidBackup(name, truncated);
}

const truncated = 'it is truncated';

/** zlib's error codes (https://nodejs.org/api/zlib.html). */
const zlibReasons: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: truncated,
  Z_DATA_ERROR: 'it is corrupt: its checksum does not match',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isFileSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}

async function isGzipped(source: ArchiveSource): Promise<boolean> {
  const stream = source();
  for await (const chunk of stream) return (chunk as Buffer)[0] === 0x1f && (chunk as Buffer)[1] === 0x8b;
  return false;
}

/** An archive ends with 1024 zeros (POSIX.1-2024, pax). */
class EndCheck extends Transform {
  private tail = Buffer.alloc(0);

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.tail = Buffer.concat([this.tail, chunk.subarray(-1024)]).subarray(-1024);
    done(null, chunk);
  }

  get isComplete(): boolean {
    return this.tail.length === 1024 && this.tail.every((byte) => byte === 0);
  }
}

function invalidBackup(name: string, reason: string): UserError {
  return new UserError(`${name} is not a swarm backup: ${reason}`, {
    hint: 'use a file from "belt swarm backup", or a tar of /var/lib/docker/swarm of a manager',
  });
}
