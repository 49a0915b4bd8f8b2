import { createHmac } from 'node:crypto';
import { stat, writeFile } from 'node:fs/promises';
import { hasCode } from '../base/errno.js';
import { readBoundedFile } from '../base/size-limit.js';
import type { UserHostKeys } from '../machines/model/ssh-host.js';
import { fingerprint, keyBytes, keyType } from './key-pair.js';

interface HostKey {
  /** Wire format. */
  key: Buffer;
  /** Marked `@revoked`. */
  revoked: boolean;
}

/**
 * `pinned`: first use, recorded now; all others but `known` must not be connected to. `path`: the
 * user's own file, where it decided.
 */
type Verdict =
  | { verdict: 'known' | 'pinned' }
  | { verdict: 'revoked'; path?: string }
  | { verdict: 'unknown' | 'uncertified'; path: string }
  | { verdict: 'changed'; known: readonly Buffer[]; path?: string };

/** OpenSSH's format (sshd(8)), by machine name (HostKeyAlias), so that addresses may change. */
export interface KnownHosts {
  readonly path: string;
  /** The name's keys; those in the user's own files where belt has none. */
  lookup(name: string): Promise<HostKey[]>;
  /** The types of the keys to expect, so that a server with several keys presents that one. */
  keyTypes(name: string): Promise<string[]>;
  /** At the first contact with these hosts, the keys in the user's own files count. */
  consult(hosts: readonly UserHostKeys[]): void;
  /** Accepts and records a first key; check and write are one step. */
  check(name: string, key: Buffer): Promise<Verdict>;
  /** Adds a line as in a .pub file, unless it exists. */
  add(name: string, publicKey: string): Promise<void>;
  /** Removes the keys of these names, except those marked `@revoked`. */
  remove(names: readonly string[]): Promise<void>;
}

export interface KnownHostsOptions {
  /** Replaces the file atomically. */
  write?: (path: string, content: string) => Promise<void>;
  /** Runs the work while no other process changes the file. */
  locked?: <T>(work: () => Promise<T>) => Promise<T>;
}

/** A missing file counts as empty. */
export function openKnownHosts(path: string, options: KnownHostsOptions = {}): KnownHosts {
  const { write = writePrivately, locked = (work) => work() } = options;
  const read = cachedReader(path);
  const usersHosts = new Map<string, UserHostKeys>();
  const usersFiles = new Map<string, KnownHosts>();
  let waiting: Change[] = [];
  let writing: Promise<unknown> = Promise.resolve();

  /** Changes that arrive during a write share the next one. */
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

  /** `path`: the first of the user's files that knows the host. */
  async function findUsersKeys(name: string): Promise<{ keys: HostKey[]; path?: string }> {
    const { hostName, paths } = usersHosts.get(name) ?? { hostName: '', paths: [] };
    const found: { keys: HostKey[]; path?: string } = { keys: [] };
    for (const path of paths) {
      const file = usersFiles.get(path) ?? openKnownHosts(path);
      usersFiles.set(path, file);
      const keys = await file.lookup(hostName);
      if (keys.length > 0) found.path ??= path;
      found.keys.push(...keys);
    }
    return found;
  }

  return {
    path,
    consult(hosts) {
      for (const host of hosts) usersHosts.set(host.name, host);
    },
    async lookup(name) {
      const keys = keysOf(await read(), name);
      return keys.length > 0 ? keys : (await findUsersKeys(name)).keys;
    },
    async keyTypes(name) {
      const { authority } = usersHosts.get(name) ?? {};
      const types = (await this.lookup(name)).map(({ key }) => keyType(key));
      return authority?.certified && types.length === 0 ? [authority.certified.type] : types;
    },
    async check(name, key) {
      let verdict = judge(keysOf(await read(), name), key);
      if (verdict.verdict !== 'pinned') return verdict;
      const users = await findUsersKeys(name);
      const theirs = judge(users.keys, key);
      if (theirs.verdict === 'changed' || theirs.verdict === 'revoked')
        return { ...theirs, ...(users.path !== undefined && { path: users.path }) };
      const { authority, strict, paths: [firstPath = ''] = [] } = usersHosts.get(name) ?? {};
      if (theirs.verdict === 'pinned') {
        if (authority && authority.certified?.fingerprint !== fingerprint(key))
          return { verdict: 'uncertified', path: authority.path };
        if (strict && !authority) return { verdict: 'unknown', path: firstPath };
      }
      await change((lines) => {
        verdict = judge(keysOf(lines, name), key);
        return verdict.verdict === 'pinned' ? [...lines, lineFor(name, key)] : lines;
      });
      return verdict;
    },
    add(name, publicKey) {
      const key = keyBytes(publicKey);
      return change((lines) => {
        const exists = keysOf(lines, name).some((entry) => !entry.revoked && entry.key.equals(key));
        return exists ? lines : [...lines, lineFor(name, key)];
      });
    },
    remove(names) {
      return change((lines) => withoutNames(lines, names));
    },
  };
}

/** @returns the first of these files that trusts a certificate authority for the host */
export async function findAuthority(hostName: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const lines = await cachedReader(path)();
    const isTrusted = lines.some(
      ({ entry }) => entry?.marker === '@cert-authority' && matches(entry, hostName),
    );
    if (isTrusted) return path;
  }
  return undefined;
}

interface Change {
  apply: (lines: readonly Line[]) => readonly Line[];
  resolve: () => void;
  reject: (error: unknown) => void;
}

/** A line's text, and its entry if it has one. */
interface Line {
  text: string;
  entry?: Entry;
}

interface Entry {
  marker: string;
  hosts: string;
  /** `hosts` in lower case when it is one plain name: speeds up thousands of comparisons. */
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

/** Without certificate authorities: ssh2 cannot request host certificates. */
function keysOf(lines: readonly Line[], name: string): HostKey[] {
  return lines.flatMap(({ entry }) => {
    if (!entry || entry.marker === '@cert-authority' || !matches(entry, name)) return [];
    return [{ key: entry.key, revoked: entry.marker === '@revoked' }];
  });
}

function withoutNames(lines: readonly Line[], names: readonly string[]): readonly Line[] {
  const removed = new Set(names);
  const remaining = lines.flatMap((line) => {
    const { entry } = line;
    if (entry?.marker !== '') return [line];
    const hosts = entry.hosts.split(',');
    const kept = hosts.filter((host) => !removed.has(host) && !names.some((name) => isHashOf(host, name)));
    if (kept.length === hosts.length) return [line];
    return kept.length === 0 ? [] : [parseLine(line.text.replace(entry.hosts, () => kept.join(',')))];
  });
  return remaining.length === lines.length && remaining.every((line, at) => line === lines[at])
    ? lines
    : remaining;
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

/** A list of patterns: one must match, and none that begins with `!` may. */
function matches({ hosts, plain }: Entry, name: string): boolean {
  if (plain !== undefined) return plain === name.toLowerCase();
  let isMatch = false;
  for (const host of hosts.split(',')) {
    if (host.startsWith('!') && matchesPattern(host.slice(1), name)) return false;
    isMatch ||= matchesPattern(host, name) || isHashOf(host, name);
  }
  return isMatch;
}

function matchesPattern(pattern: string, name: string): boolean {
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

/** Reads the file only after a change: thousands of connections use it. */
function cachedReader(path: string): () => Promise<readonly Line[]> {
  let lastIdentity = '';
  let lines: readonly Line[] = [];
  return async () => {
    const now = await identity(path);
    if (now === lastIdentity) return lines;
    try {
      lines = now === '' ? [] : parse(await readBoundedFile(path));
      lastIdentity = now;
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) throw error;
      lines = [];
      lastIdentity = '';
    }
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
