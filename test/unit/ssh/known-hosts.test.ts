import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import ssh2 from 'ssh2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fingerprint, generateKeyPair, keyBytes, keyType } from '../../../src/ssh/key-pair.js';
import { findAuthority, openKnownHosts } from '../../../src/ssh/known-hosts.js';
import { recordFault } from '../../lab/record-fault.js';

const [a, b, c] = ['a', 'b', 'c'].map((comment) => generateKeyPair(comment).publicKey) as [
  string,
  string,
  string,
];
const bare = (publicKey: string) => publicKey.split(' ').slice(0, 2).join(' ');

let folder = '';
let path = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'belt-known-hosts-'));
  path = join(folder, 'known_hosts');
});
afterEach(() => rm(folder, { recursive: true }));

describe('lookup', () => {
  test('a missing file contains no keys', async () => {
    expect(await openKnownHosts(path).lookup('node1')).toEqual([]);
  });

  test('lookup supports names, lists, patterns, ports, comments, markers and several keys per name', async () => {
    await writeFile(
      path,
      [
        '# node1 is in the rack',
        '',
        `node1,10.0.0.1 ${a}`,
        `node1 ${bare(b)}`,
        `[node2]:2222 ${a}`,
        `web*,!web9 ${c}\r`,
        `@revoked node3 ${a}`,
        `@cert-authority * ${b}`,
        'damaged',
      ].join('\n'),
    );
    const hosts = openKnownHosts(path);
    const key = (publicKey: string, revoked = false) => ({ key: keyBytes(publicKey), revoked });
    expect(await hosts.lookup('node1')).toEqual([key(a), key(b)]);
    expect(await hosts.lookup('NODE1')).toEqual([key(a), key(b)]);
    expect(await hosts.lookup('10.0.0.1')).toEqual([key(a)]);
    expect(await hosts.lookup('node2')).toEqual([]);
    expect(await hosts.lookup('[node2]:2222')).toEqual([key(a)]);
    expect(await hosts.lookup('web10')).toEqual([key(c)]);
    expect(await hosts.lookup('web9')).toEqual([]);
    expect(await hosts.lookup('node3')).toEqual([key(a, true)]);
    expect(await hosts.lookup('node')).toEqual([]);
  });

  test('lookup supports a line hashed by ssh-keygen -H', async () => {
    // Output of `ssh-keygen -H -f known_hosts` of OpenSSH 9.2 for the name node1.
    await writeFile(path, `|1|ggjzNhHglAWjQ109Ui4U7BJJ0Io=|ZyrCYZ+l/nWrgnMMfk0HEr4Iq4s= ${bare(a)}\n`);
    const hosts = openKnownHosts(path);
    expect(await hosts.lookup('node1')).toEqual([{ key: keyBytes(a), revoked: false }]);
    expect(await hosts.lookup('node2')).toEqual([]);
    await hosts.remove(['node1']);
    expect(await readFile(path, 'utf8')).toBe('');
  });

  test('lookup sees changes by another process', async () => {
    const hosts = openKnownHosts(path);
    await writeFile(path, `node1 ${a}\n`);
    expect(await hosts.lookup('node1')).toHaveLength(1);
    await writeFile(path, `node1 ${a}\nnode1 ${b}\n`);
    expect(await hosts.lookup('node1')).toHaveLength(2);
  });
});

describe('check', () => {
  test('check pins the first key, accepts it again, and refuses another', async () => {
    const hosts = openKnownHosts(path);
    expect(await hosts.check('node1', keyBytes(a))).toEqual({ verdict: 'pinned' });
    expect(await readFile(path, 'utf8')).toBe(`node1 ${bare(a)}\n`);
    expect(await hosts.check('node1', keyBytes(a))).toEqual({ verdict: 'known' });
    expect(await hosts.check('node1', keyBytes(b))).toEqual({ verdict: 'changed', known: [keyBytes(a)] });
    expect(await readFile(path, 'utf8')).toBe(`node1 ${bare(a)}\n`);
  });

  test('of two concurrent first keys one is pinned and the other is refused', async () => {
    const hosts = openKnownHosts(path);
    const verdicts = await Promise.all([a, b].map((key) => hosts.check('node1', keyBytes(key))));
    expect(verdicts.map(({ verdict }) => verdict).sort()).toEqual(['changed', 'pinned']);
    expect(await hosts.lookup('node1')).toHaveLength(1);
  });

  test('a revoked key is refused even if it is also listed as valid', async () => {
    await writeFile(path, `node1 ${a}\n@revoked node1 ${a}\n`);
    expect(await openKnownHosts(path).check('node1', keyBytes(a))).toEqual({ verdict: 'revoked' });
  });
});

describe("the user's own files at the first contact", () => {
  async function withUsersFile(text: string, own = '') {
    const users = join(folder, 'users');
    await writeFile(users, text);
    if (own) await writeFile(path, own);
    const hosts = openKnownHosts(path);
    hosts.consult([{ name: 'node1', hostName: '[web1]:2222', paths: [join(folder, 'none'), users] }]);
    return { hosts, users };
  }

  test("a key in the user's file is accepted and pinned, another one is refused", async () => {
    const { hosts, users } = await withUsersFile(`[web1]:2222 ${a}\nnode1 ${c}\nweb1 ${c}\n`);
    expect(await hosts.lookup('node1')).toEqual([{ key: keyBytes(a), revoked: false }]);
    const changed = { verdict: 'changed', known: [keyBytes(a)], path: users };
    expect(await hosts.check('node1', keyBytes(b))).toEqual(changed);
    expect(await hosts.check('node1', keyBytes(a))).toEqual({ verdict: 'pinned' });
    expect(await readFile(path, 'utf8')).toBe(`node1 ${bare(a)}\n`);
  });

  test('StrictHostKeyChecking refuses a key that no file has', async () => {
    const { hosts, users } = await withUsersFile('', '');
    const host = { name: 'node1', hostName: 'web1', paths: [users], strict: true as const };
    hosts.consult([host]);
    expect(await hosts.check('node1', keyBytes(a))).toEqual({ verdict: 'unknown', path: users });
    await hosts.add('node1', a);
    expect(await hosts.check('node1', keyBytes(a))).toEqual({ verdict: 'known' });
  });

  test('where a certificate authority is trusted, only the key that it certified is pinned', async () => {
    const { hosts, users } = await withUsersFile(`@cert-authority *.example.org ${c}\n`);
    expect(await findAuthority('web1.example.org', [join(folder, 'none'), users])).toBe(users);
    expect(await findAuthority('web1.example.com', [users])).toBeUndefined();
    const host = { name: 'node1', hostName: 'web1.example.org', paths: [users] };
    hosts.consult([{ ...host, authority: { path: users } }]);
    expect(await hosts.check('node1', keyBytes(a))).toEqual({ verdict: 'uncertified', path: users });
    const certified = { type: 'ssh-ed25519', fingerprint: fingerprint(a) };
    hosts.consult([{ ...host, authority: { path: users, certified } }]);
    expect(await hosts.keyTypes('node1')).toEqual(['ssh-ed25519']);
    expect(await hosts.check('node1', keyBytes(b))).toEqual({ verdict: 'uncertified', path: users });
    expect(await hosts.check('node1', keyBytes(a))).toEqual({ verdict: 'pinned' });
  });

  test('a revoked key is refused, and an unknown host is pinned', async () => {
    const { hosts, users } = await withUsersFile(`@revoked * ${a}\n`);
    expect(await hosts.check('node1', keyBytes(a))).toEqual({ verdict: 'revoked', path: users });
    expect(await hosts.check('node1', keyBytes(b))).toEqual({ verdict: 'pinned' });
  });

  test("belt's own pin wins over the user's file", async () => {
    const { hosts } = await withUsersFile(`[web1]:2222 ${a}\n`, `node1 ${b}\n`);
    expect(await hosts.check('node1', keyBytes(b))).toEqual({ verdict: 'known' });
  });

  test('property: lookup finds the lines that ssh-keygen -F finds', async () => {
    const host = fc.constantFrom('web1', 'web2', '10.0.0.1', '[web1]:2222', 'WEB1', 'web10', 'fd00::1');
    const pattern = fc.oneof(host, fc.constantFrom('web?', '*', '!web2', '!web*', '10.0.0.*', '[web1]:*'));
    const line = fc.record({
      marker: fc.constantFrom('', '@revoked '),
      hosts: fc.array(pattern, { minLength: 1, maxLength: 3 }).map((hosts) => hosts.join(',')),
      key: fc.constantFrom(a, b, c),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), host, fc.boolean(), async (lines, name, hashed) => {
        await writeFile(path, lines.map(({ marker, hosts, key }) => `${marker}${hosts} ${key}\n`).join(''));
        if (hashed) spawnSync('ssh-keygen', ['-H', '-f', path]);
        const { stdout } = spawnSync('ssh-keygen', ['-F', name, '-f', path], { encoding: 'utf8' });
        const expected = stdout.split('\n').filter((text) => text !== '' && !text.startsWith('#'));
        const found = await openKnownHosts(path).lookup(name);
        expect(found.map(({ key, revoked }) => `${revoked} ${key.toString('base64')}`)).toEqual(
          expected.map((text) => {
            const [base64] = /AAAA\S+/.exec(text) ?? [];
            return `${text.startsWith('@revoked')} ${base64}`;
          }),
        );
      }),
      { numRuns: 25 },
    );
  });
});

describe('add and remove', () => {
  test('add keeps existing lines and writes nothing twice', async () => {
    await writeFile(path, '# mine\nnode9 ssh-rsa AAAA\n');
    const written: string[] = [];
    const hosts = openKnownHosts(path, { write: noting(written) });
    await hosts.add('node1', a);
    await hosts.add('node1', a);
    expect(await readFile(path, 'utf8')).toBe(`# mine\nnode9 ssh-rsa AAAA\nnode1 ${bare(a)}\n`);
    expect(written).toHaveLength(1);
  });

  test('a thousand concurrent adds are all written, in a few writes', async () => {
    const written: string[] = [];
    const hosts = openKnownHosts(path, { write: noting(written) });
    await Promise.all(Array.from({ length: 1000 }, (_, n) => hosts.add(`node${n}`, a)));
    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
    expect(lines).toEqual(Array.from({ length: 1000 }, (_, n) => `node${n} ${bare(a)}`));
    expect(written.length).toBeLessThan(10);
  });

  test('two writers with a lock lose nothing', async () => {
    let turn: Promise<unknown> = Promise.resolve();
    const locked = <T>(work: () => Promise<T>): Promise<T> => {
      const mine = turn.then(work);
      turn = mine.catch(() => {});
      return mine;
    };
    const writers = [openKnownHosts(path, { locked }), openKnownHosts(path, { locked })];
    await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        await Promise.resolve();
        await writers[n % 2]?.add(`node${n}`, a);
      }),
    );
    expect((await readFile(path, 'utf8')).trimEnd().split('\n')).toHaveLength(40);
    recordFault({ kind: 'Two belts at once', fault: 'two belts pin host keys', tried: 2 });
  });

  test('remove deletes only the given names', async () => {
    await writeFile(
      path,
      `# keep\nnode1 ${a}\nnode1,node2 ${b}\nnode* ${c}\n@revoked node1 ${c}\nnode10 ${a}\n`,
    );
    await openKnownHosts(path).remove(['node1', 'node7']);
    expect(await readFile(path, 'utf8')).toBe(
      `# keep\nnode2 ${b}\nnode* ${c}\n@revoked node1 ${c}\nnode10 ${a}\n`,
    );
  });

  test('a failed write rejects its own changes, and the next write is attempted', async () => {
    let broken = true;
    const write = async (to: string, content: string) => {
      if (broken) throw new Error('disk full');
      await writeFile(to, content);
    };
    const hosts = openKnownHosts(path, { write });
    await expect(hosts.add('node1', a)).rejects.toThrow('disk full');
    broken = false;
    await hosts.add('node2', a);
    expect(await readFile(path, 'utf8')).toBe(`node2 ${bare(a)}\n`);
  });
});

function noting(written: string[]): (path: string, content: string) => Promise<void> {
  return (path, content) => {
    written.push(content);
    return writeFile(path, content);
  };
}

test('keys have a type and a fingerprint', () => {
  // Line and fingerprint are output of OpenSSH 9.2's ssh-keygen.
  const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGktQhWe+kWkKu9Z8Ebz/6qYs5NvPCWkLHmaBK49KdZw example';
  expect(keyType(keyBytes(line))).toBe('ssh-ed25519');
  expect(fingerprint(line)).toBe('SHA256:J84nM6zZ9rJE5f7+bcB99fCNezNcvJJwKW73MwkhX74');
  expect(fingerprint(keyBytes(line))).toBe('SHA256:J84nM6zZ9rJE5f7+bcB99fCNezNcvJJwKW73MwkhX74');
});

test('property: every generated key pair is complete, including leading zero bytes', () => {
  const pairs = Array.from({ length: 1500 }, () => generateKeyPair('me@here'));
  for (const { privateKey, publicKey } of pairs) {
    const parsed = ssh2.utils.parseKey(privateKey);
    if (parsed instanceof Error) throw parsed;
    expect(`${parsed.type} ${parsed.getPublicSSH().toString('base64')} ${parsed.comment}`).toBe(publicKey);
    const data = Buffer.from('data');
    const checked = ssh2.utils.parseKey(publicKey);
    if (checked instanceof Error) throw checked;
    expect(checked.verify(data, parsed.sign(data))).toBe(true);
  }
});
