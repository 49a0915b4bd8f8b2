import { createHmac } from 'node:crypto';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { hasCode } from '../base/errno.js';
import { keyBytes } from './key-pair.js';

export interface HostKey {
  /** The key's bytes as they go over the wire. */
  key: Buffer;
  /** Never to be trusted again, as its owner marked it. */
  revoked: boolean;
}

/** `pinned`: nothing was known, the key is written down now. `changed` and `revoked` must not be talked to. */
export type Verdict =
  | { verdict: 'known' | 'pinned' | 'revoked' }
  | { verdict: 'changed'; known: readonly Buffer[] };

/**
 * A known_hosts file in OpenSSH's format (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT). Entries are under the machine's name, so
 * that an address may change; the system's own program reads it with
 * `ssh -o UserKnownHostsFile=FILE -o HostKeyAlias=NAME`.
 */
export interface KnownHosts {
  readonly path: string;
  lookup(name: string): Promise<HostKey[]>;
  /** Accepts `key` when it is known or nothing is (and then writes it down); the look and the writing are one step. */
  check(name: string, key: Buffer): Promise<Verdict>;
  /** Writes down a key, a line as in a .pub file, unless it is there. */
  add(name: string, publicKey: string): Promise<void>;
  /** Forgets the keys of these names; what a person marked `@revoked` stays. */
  remove(names: readonly string[]): Promise<void>;
}

export interface KnownHostsOptions {
  /** Replaces the file, whole and at once. */
  write?: (path: string, content: string) => Promise<void>;
  /** Runs the work while no other process changes the file. */
  locked?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Touches nothing yet; a file that is not there is an empty one. */
export function openKnownHosts(path: string, options: KnownHostsOptions = {}): KnownHosts {
  const { write = writePrivately, locked = (work) => work() } = options;
  const read = cachedReader(path);
  let waiting: Change[] = [];
  let writing: Promise<unknown> = Promise.resolve();

  /** All changes that come while one is being written go into the next write together: a thousand first uses, a few writes. */
  async function change(apply: (lines: readonly Line[]) => readonly Line[]): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting.push({ apply, resolve, reject });
      if (waiting.length === 1) writing = writing.then(writeWaiting);
    });
  }

  async function writeWaiting(): Promise<void> {
    const changes = waiting;
    waiting = [];
    try {
      await locked(async () => {
        const before = await read();
        const after = changes.reduce<readonly Line[]>((lines, { apply }) => apply(lines), before);
        if (after !== before) await write(path, after.map(({ text }) => `${text}\n`).join(''));
      });
      for (const { resolve } of changes) resolve();
    } catch (error) {
      for (const { reject } of changes) reject(error);
    }
  }

  return {
    path,
    async lookup(name) {
      return keysOf(await read(), name);
    },
    async check(name, key) {
      let verdict = judge(keysOf(await read(), name), key);
      if (verdict.verdict !== 'pinned') return verdict;
      await change((lines) => {
        verdict = judge(keysOf(lines, name), key);
        return verdict.verdict === 'pinned' ? [...lines, lineFor(name, key)] : lines;
      });
      return verdict;
    },
    add(name, publicKey) {
      const key = keyBytes(publicKey);
      return change((lines) => {
        const there = keysOf(lines, name).some((entry) => !entry.revoked && entry.key.equals(key));
        return there ? lines : [...lines, lineFor(name, key)];
      });
    },
    remove(names) {
      return change((lines) => withoutNames(lines, names));
    },
  };
}

interface Change {
  apply: (lines: readonly Line[]) => readonly Line[];
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A line of the file: as it stands, and what it says when it says something. */
interface Line {
  text: string;
  entry?: Entry;
}

interface Entry {
  marker: string;
  hosts: string;
  /** `hosts` in lower case when it is one plain name, as nearly all are: thousands of lines are compared for each machine. */
  plain?: string;
  key: Buffer;
}

function judge(known: readonly HostKey[], key: Buffer): Verdict {
  const same = known.filter((entry) => entry.key.equals(key));
  if (same.some((entry) => entry.revoked)) return { verdict: 'revoked' };
  if (same.length > 0) return { verdict: 'known' };
  const trusted = known.filter((entry) => !entry.revoked).map((entry) => entry.key);
  return trusted.length > 0 ? { verdict: 'changed', known: trusted } : { verdict: 'pinned' };
}

/** Lines of certificate authorities are left out: belt cannot check host certificates. */
function keysOf(lines: readonly Line[], name: string): HostKey[] {
  return lines.flatMap(({ entry }) => {
    if (!entry || entry.marker === '@cert-authority' || !matches(entry, name)) return [];
    return [{ key: entry.key, revoked: entry.marker === '@revoked' }];
  });
}

function withoutNames(lines: readonly Line[], names: readonly string[]): readonly Line[] {
  const gone = new Set(names);
  const left = lines.flatMap((line) => {
    const { entry } = line;
    if (entry?.marker !== '') return [line];
    const hosts = entry.hosts.split(',');
    const kept = hosts.filter((host) => !gone.has(host) && !names.some((name) => isHashOf(host, name)));
    if (kept.length === hosts.length) return [line];
    return kept.length === 0 ? [] : [parseLine(line.text.replace(entry.hosts, () => kept.join(',')))];
  });
  return left.length === lines.length && left.every((line, at) => line === lines[at]) ? lines : left;
}

function lineFor(name: string, key: Buffer): Line {
  const type = key.toString('latin1', 4, 4 + key.readUInt32BE(0));
  return parseLine(`${name} ${type} ${key.toString('base64')}`);
}

function parse(content: string): Line[] {
  const lines = content.split('\n').map((text) => text.replace(/\r$/, ''));
  if (lines.at(-1) === '') lines.pop();
  return lines.map(parseLine);
}

function parseLine(text: string): Line {
  const words = text.trim().split(/\s+/);
  const marker = words[0]?.startsWith('@') ? (words.shift() ?? '') : '';
  const [hosts, type, base64] = words;
  if (!hosts || hosts.startsWith('#') || !type || !base64) return { text };
  const entry: Entry = { marker, hosts, key: Buffer.from(base64, 'base64') };
  if (/^[^|!*?,]+$/.test(hosts)) entry.plain = hosts.toLowerCase();
  return { text, entry };
}

/** A list of patterns: one must fit, and none that begins with `!` may. */
function matches({ hosts, plain }: Entry, name: string): boolean {
  if (plain !== undefined) return plain === name.toLowerCase();
  let fits = false;
  for (const host of hosts.split(',')) {
    if (host.startsWith('!') && fitsPattern(host.slice(1), name)) return false;
    fits ||= fitsPattern(host, name) || isHashOf(host, name);
  }
  return fits;
}

function fitsPattern(pattern: string, name: string): boolean {
  if (!/[*?]/.test(pattern)) return pattern.toLowerCase() === name.toLowerCase();
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'i').test(name);
}

/** `|1|salt|hash`: HMAC-SHA1 of the name, as `HashKnownHosts` writes it. */
function isHashOf(host: string, name: string): boolean {
  const [, version, salt, hash] = host.split('|');
  if (version !== '1' || !salt || !hash) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}

/** Reads again only when the file is another one or was changed: thousands of connections look into it. */
function cachedReader(path: string): () => Promise<readonly Line[]> {
  let seen = '';
  let lines: readonly Line[] = [];
  return async () => {
    const now = await identity(path);
    if (now === seen) return lines;
    lines = now === '' ? [] : parse(await readFile(path, 'utf8'));
    seen = now;
    return lines;
  };
}

async function identity(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw error;
  }
}

function writePrivately(path: string, content: string): Promise<void> {
  return writeFile(path, content, { mode: 0o600 });
}
