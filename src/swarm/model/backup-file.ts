import { Readable, Transform, type TransformCallback } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { extract, type Header, pack } from 'tar-stream';
import * as z from 'zod/mini';
import { messageOf, UserError } from '../../base/errors.js';
import { isLocked, type NodeIdentity, readIdentity } from './node-key.js';
import { createAddressChange } from './raft-address-change.js';
import { LogReader } from './raft-log.js';

/** What belt puts beside the swarm's folder in a backup, as `belt-backup.json`. Nothing of it is secret. */
const manifestSchema = z.object({
  version: z.number(),
  belt: z.string(),
  engine: z.string(),
  swarmId: z.string(),
  nodeId: z.string(),
  machine: z.string(),
  address: z.string(),
  /** `host:port` of the swarm's managers. */
  managers: z.array(z.string()),
  /** Managers are locked: nothing can be had of the backup without the unlock key, which is not in it. */
  autolock: z.boolean(),
  /** ISO 8601, UTC. */
  createdAt: z.string(),
});
export type BackupManifest = z.infer<typeof manifestSchema>;

const manifestName = 'belt-backup.json';

/** What a backup holds, as far as it can be told without the unlock key. */
export interface Backup {
  /** Absent in what people made by hand, as in https://docs.docker.com/engine/swarm/admin_guide/#back-up-the-swarm. */
  manifest?: BackupManifest;
  identity: NodeIdentity;
  locked: boolean;
  /** `swarm-node.key`. */
  key: string;
  /** The end of the raft log. */
  log: { path: string; reader: LogReader };
  /** Where the swarm's folder is in the archive, as in `var/lib/docker/swarm/`. */
  prefix: string;
}

/** Reads an archive from its beginning, each time that it is called. */
export type ArchiveSource = () => Readable;

const certificateName = 'certificates/swarm-node.crt';
const keyName = 'certificates/swarm-node.key';

/**
 * Reads a backup to its end: belt's own, or any tar of a manager's swarm folder, gzipped or not.
 * @param name of the file, for messages
 * @throws UserError when it is none, or not whole; what `source` throws
 */
export async function inspectBackup(source: ArchiveSource, name: string): Promise<Backup> {
  const texts = new Map<string, string>();
  const logs = new Map<string, LogReader>();
  const unsafe: string[] = [];
  await forEachEntry(source, name, async (header, content) => {
    const path = pathOf(header);
    if (path.split('/').includes('..')) unsafe.push(path);
    if (/(^|\/)raft\/wal[^/]*\/[^/]+\.wal$/.test(path)) logs.set(path, await readLog(content));
    if (path === manifestName || isIn(path, certificateName) || isIn(path, keyName))
      texts.set(path, String(await buffer(content)));
  });
  const [certificatePath] = [...texts.keys()].filter((path) => path.endsWith(certificateName)).sort(byLength);
  if (certificatePath === undefined)
    throw invalidBackup(name, `it holds no ${certificateName}, which every swarm folder does`);
  const prefix = certificatePath.slice(0, -certificateName.length);
  const identity = readIdentity(texts.get(certificatePath) ?? '');
  const key = texts.get(`${prefix}${keyName}`);
  if (!identity || key === undefined)
    throw invalidBackup(name, 'the certificate of the node in it cannot be read');
  // Segments are numbered: the last one is the one that is written to.
  const logPath = [...logs.keys()]
    .filter((path) => path.startsWith(`${prefix}raft/`))
    .sort()
    .at(-1);
  const reader = logs.get(logPath ?? '');
  if (!identity.manager || logPath === undefined || !reader)
    throw invalidBackup(name, 'it is the folder of a worker, and only managers hold the state of the swarm');
  if (unsafe.length > 0) throw invalidBackup(name, `"${unsafe[0]}" in it leads elsewhere`);
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
    throw invalidBackup(name, `${manifestName} in it cannot be read`);
  }
}

/** In whatever folder. */
function isIn(path: string, name: string): boolean {
  return path === name || path.endsWith(`/${name}`);
}

function byLength(one: string, other: string): number {
  return one.length - other.length;
}

/** What a backup is turned into on its way to a machine: `swarm/` alone, and `swarm.end` when all of it has come. */
const completionMarker = 'swarm.end';

/** What of the folder is about the machine that it comes from: its own address, and the managers that it knew. */
const excludedFiles = ['docker-state.json', 'state.json', keyName];

export interface RepackOptions {
  /** `swarm-node.key`, unlocked. */
  key: string;
  /** `host:port` of the machine that it goes to. */
  address: string;
}

/**
 * The swarm's folder of a backup, as it is to be on another machine. Without `docker-state.json` the engine waits to be told to be in the
 * swarm.
 * @throws UserError when the log in it cannot be written to
 */
export function repackBackup(
  source: ArchiveSource,
  backup: Backup,
  { key, address }: RepackOptions,
): Readable {
  const { prefix, log } = backup;
  const change = createAddressChange(log.reader, key, address);
  if (!change) throw invalidBackup('the file', 'its raft log cannot be read with the key in it');
  const archive = pack();
  const put = async (header: Header, content: Readable): Promise<void> => {
    const path = pathOf(header);
    const inner = path.slice(prefix.length);
    if (!path.startsWith(prefix) || excludedFiles.includes(inner)) return;
    const { mode } = header;
    const name = `swarm/${inner}`;
    if (header.type === 'directory') archive.entry({ name, mode, type: 'directory' });
    if (header.type !== 'file') return;
    const grown =
      path === log.path ? appendToSegment(content, log.reader.end, change, header.size ?? 0) : undefined;
    const size = grown?.size ?? header.size;
    await pipeline(
      grown?.content ?? content,
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
  // What goes wrong ends the stream that is handed out.
  pipeline(archive, gzip).catch(() => {});
  return gzip;
}

/** A segment with more records behind those that it has; zeros fill it up to its length. */
function appendToSegment(
  content: Readable,
  end: number,
  more: Buffer,
  size: number,
): { content: Readable; size: number } {
  const length = Math.max(size, end + more.length);
  const grown = async function* (): AsyncGenerator<Buffer> {
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
  return { content: Readable.from(grown()), size: length };
}

/** `./swarm/raft` and `/var/lib/docker/swarm/raft` as `tar` may have them. */
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
  const streams = (await isGzipped(source))
    ? [source(), createGunzip(), end, members]
    : [source(), end, members];
  // What goes wrong ends `members` too.
  pipeline(streams).catch(() => {});
  try {
    for await (const member of members) {
      await visit(member.header, member as unknown as Readable);
      member.resume();
    }
  } catch (error) {
    if (error instanceof UserError || isFileSystemError(error)) throw error;
    throw invalidBackup(name, zlibReasons[codeOf(error)] ?? `it is no tar archive: ${messageOf(error)}`);
  }
  if (!end.isComplete) throw invalidBackup(name, cutShort);
}

const cutShort = 'it is not whole: its end is missing';

/** https://nodejs.org/api/zlib.html; zlib tells what is wrong by these. */
const zlibReasons: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: cutShort,
  Z_DATA_ERROR: 'it is damaged: its checksum is wrong',
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
  return new UserError(`${name} is no backup of a swarm: ${reason}`, {
    hint: 'it should be made by "belt swarm backup", or be a tar of /var/lib/docker/swarm of a manager',
  });
}
