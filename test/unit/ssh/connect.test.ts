import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, test } from 'vitest';
import { AbortError, ExternalError, UserError } from '../../../src/base/errors.js';
import { authentication } from '../../../src/ssh/authenticate.js';
import {
  ConnectError,
  fingerprint,
  generateKeyPair,
  openKnownHosts,
  openSsh,
} from '../../../src/ssh/index.js';
import { finish, freePort, type Peer, type PeerOptions, startPeer, startTcp } from './ssh-peer.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function peerWith(options: PeerOptions = {}): Promise<Peer> {
  const peer = await startPeer(options);
  cleanups.push(peer.close);
  return peer;
}

async function tcpWith(...args: Parameters<typeof startTcp>): Promise<number> {
  const server = await startTcp(...args);
  cleanups.push(server.close);
  return server.port;
}

/** Returns the error of a rejected promise. */
async function failure(work: Promise<unknown>): Promise<Error & { hint?: string }> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

describe('host keys', () => {
  test("the first host key is pinned under the machine's name, and known at any address", async () => {
    const peer = await peerWith();
    await peer.ssh().connect(peer.target());
    const line = `node1 ${peer.hostKey.publicKey.split(' ').slice(0, 2).join(' ')}\n`;
    expect(await readFile(join(peer.folder, 'known_hosts'), 'utf8')).toBe(line);

    const connection = await peer.ssh().connect(peer.target({ host: 'localhost' }));
    expect(await connection.run('true')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await readFile(join(peer.folder, 'known_hosts'), 'utf8')).toBe(line);
  });

  test('a changed host key is refused with both fingerprints before login, and nothing is written', async () => {
    const peer = await peerWith();
    const path = join(peer.folder, 'known_hosts');
    const before = generateKeyPair('before').publicKey;
    await writeFile(path, `node1 ${before}\n`);

    const error = await failure(peer.ssh().waitFor(peer.target(), { timeoutMs: 60_000 }));
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toBe(
      `node1: the host key at 127.0.0.1 port ${peer.port} has changed: expected ${fingerprint(before)}, ` +
        `got ${fingerprint(peer.hostKey.publicKey)}`,
    );
    expect(error.hint).toBe(
      `remove the line for node1 from ${path} if the machine was really recreated; otherwise someone may be intercepting the connection`,
    );
    expect(await readFile(path, 'utf8')).toBe(`node1 ${before}\n`);
  });

  test('a revoked host key is refused', async () => {
    const peer = await peerWith();
    await writeFile(join(peer.folder, 'known_hosts'), `@revoked * ${peer.hostKey.publicKey}\n`);
    const error = await failure(peer.ssh().connect(peer.target()));
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toBe(
      `node1: the host key ${fingerprint(peer.hostKey.publicKey)} at 127.0.0.1 port ${peer.port} is revoked`,
    );
  });

  test('a known_hosts file that cannot be written is reported as the cause', async () => {
    const peer = await peerWith();
    const write = () => Promise.reject(new UserError('cannot write known_hosts'));
    const ssh = openSsh({ knownHosts: openKnownHosts(join(peer.folder, 'known_hosts'), { write }) });
    expect(await failure(ssh.connect(peer.target()))).toEqual(new UserError('cannot write known_hosts'));
  });
});

describe('authentication', () => {
  test('a failed login names the user, the keys that were tried and the methods of the server', async () => {
    const other = generateKeyPair('other').publicKey;
    const peer = await peerWith({ authorized: other });
    const second = generateKeyPair('second');
    await writeFile(join(peer.folder, 'second'), second.privateKey);
    const [key, secondKey, missing] = ['key', 'second', 'missing'].map((name) => join(peer.folder, name));
    const own = fingerprint(await publicHalf(String(key)));

    const ssh = peer.ssh({ defaultKeyPaths: [String(missing), String(secondKey)] });
    const error = await failure(ssh.connect(peer.target({ user: 'admin' })));
    expect(error).toBeInstanceOf(ConnectError);
    expect((error as ConnectError).problem).toBe('authentication');
    expect(error.message).toBe(
      `node1: authentication failed for admin at 127.0.0.1 port ${peer.port}: tried key ${own} (${key}), ` +
        `key ${fingerprint(second.publicKey)} (${secondKey}); the server allows publickey`,
    );
    expect(error.hint).toBe(
      'add one of these public keys to ~admin/.ssh/authorized_keys on the machine, or specify another key or user',
    );
  });

  test('a failed login reports why each key cannot be used', async () => {
    const peer = await peerWith();
    const path = (name: string) => join(peer.folder, name);
    await writeFile(path('text'), 'hello\n');
    await writeFile(path('public'), generateKeyPair('x').publicKey);
    await writeFile(path('locked'), encryptedKey());
    const ssh = peer.ssh({
      agentSocket: path('no-agent'),
      defaultKeyPaths: [path('text'), path('public'), path('locked'), peer.folder],
    });
    const error = await failure(ssh.connect(peer.target({ keyPath: path('nowhere') })));
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toBe(
      [
        'node1: no SSH key to log in as root: no key to try',
        `${path('nowhere')} does not exist`,
        `the agent at ${path('no-agent')} does not respond`,
        `${path('text')} is not a private key in a supported format (OpenSSH, PEM, PPK)`,
        `${path('public')} is a public key; the private key is required`,
        `${path('locked')} is protected by a passphrase; add it with ssh-add`,
        `${peer.folder} is a folder`,
      ].join('; '),
    );
  });
});

describe('shared connections', () => {
  test('concurrent and later callers share a connection', async () => {
    const peer = await peerWith();
    const ssh = peer.ssh();
    const all = await Promise.all(Array.from({ length: 5 }, () => ssh.connect(peer.target())));
    expect(new Set([...all, await ssh.connect(peer.target())]).size).toBe(1);
    expect(peer.counts.connections).toBe(1);
  });

  test('a lost connection is replaced', async () => {
    const peer = await peerWith({ run: (channel, command) => command === 'true' && finish(channel, 0) });
    const ssh = peer.ssh();
    const first = await ssh.connect(peer.target());
    const hanging = failure(first.run('hang'));
    peer.cut();
    await hanging;
    const second = await ssh.connect(peer.target());
    expect((await second.run('true')).code).toBe(0);
    expect(peer.counts.connections).toBe(2);
    expect(await failure(first.run('true'))).toBeInstanceOf(ExternalError);
  });

  test('a failed attempt is not kept', async () => {
    const port = await freePort();
    const hostKey = generateKeyPair('host');
    const first = await peerWith({ hostKey });
    const ssh = first.ssh();
    expect(await failure(ssh.connect(first.target({ port })))).toBeInstanceOf(ConnectError);
    await peerWith({ hostKey, port, authorized: await publicHalf(join(first.folder, 'key')) });
    expect((await (await ssh.connect(first.target({ port }))).run('true')).code).toBe(0);
  });

  test('an aborted caller does not end the attempt of another', async () => {
    const peer = await peerWith();
    const ssh = peer.ssh();
    const giveUp = new AbortController();
    const mine = failure(ssh.connect(peer.target(), { signal: giveUp.signal }));
    const theirs = ssh.connect(peer.target());
    giveUp.abort();
    expect(await mine).toBeInstanceOf(AbortError);
    expect((await (await theirs).run('true')).code).toBe(0);
    expect(peer.counts.connections).toBe(1);
  });

  test('closeAll ends connections and attempts', async () => {
    const peer = await peerWith({ run: () => {} });
    const port = await tcpWith(() => {});
    const ssh = peer.ssh();
    const connection = await ssh.connect(peer.target());
    const command = failure(connection.run('hang'));
    const attempt = failure(ssh.connect(peer.target({ name: 'node2', port })));
    ssh.closeAll();
    expect(await attempt).toBeInstanceOf(AbortError);
    expect((await command).message).toBe('node1: the connection was lost while a command ran');
  });
});

describe('connection problems', () => {
  async function obstacleAt(port: number, change: Parameters<Peer['ssh']>[0] = {}) {
    const peer = await peerWith();
    const error = await failure(peer.ssh(change).connect(peer.target({ port })));
    expect(error).toBeInstanceOf(ConnectError);
    return [(error as ConnectError).problem, error.message];
  }

  test('a refused connection is reported', async () => {
    const port = await freePort();
    expect(await obstacleAt(port)).toEqual(['refused', `node1: refused by 127.0.0.1 port ${port}`]);
  });

  test('a connection that closes before the banner is reported', async () => {
    const port = await tcpWith((socket) => socket.end());
    expect(await obstacleAt(port)).toEqual([
      'closed before banner',
      `node1: closed before banner by 127.0.0.1 port ${port}`,
    ]);
  });

  test('a server that accepts connections but sends nothing is reported', async () => {
    const port = await tcpWith(() => {});
    expect(await obstacleAt(port, { readyTimeoutMs: 200 })).toEqual([
      'no banner',
      `node1: no banner from 127.0.0.1 port ${port} within 0.2 s: it takes connections and says nothing`,
    ]);
  });

  test('a connection that closes during the login is reported', async () => {
    const port = await tcpWith((socket) => socket.end('SSH-2.0-gone\r\n'));
    expect(await obstacleAt(port)).toEqual([
      'closed during login',
      `node1: closed during login by 127.0.0.1 port ${port}`,
    ]);
  });

  test('an unknown host name is reported', async () => {
    const peer = await peerWith();
    const error = await failure(peer.ssh().connect(peer.target({ host: 'unknown.invalid' })));
    expect(error.message).toBe('node1: no such host: unknown.invalid');
  });
});

describe('waitFor', () => {
  test('waitFor retries until the machine is reachable, and reports each problem once', async () => {
    const port = await freePort();
    const hostKey = generateKeyPair('host');
    const first = await peerWith({ hostKey });
    const obstacles: string[] = [];
    const waiting = first.ssh().waitFor(first.target({ port }), {
      timeoutMs: 20_000,
      onProblem: (text) => {
        obstacles.push(text);
        void publicHalf(join(first.folder, 'key')).then((authorized) =>
          peerWith({ hostKey, port, authorized }),
        );
      },
    });
    expect((await (await waiting).run('true')).code).toBe(0);
    expect(obstacles).toEqual([`refused by 127.0.0.1 port ${port}`]);
  });

  test('waitFor fails with the last problem on a timeout', async () => {
    const peer = await peerWith();
    const port = await freePort();
    const error = await failure(peer.ssh().waitFor(peer.target({ port }), { timeoutMs: 400 }));
    expect(error).toBeInstanceOf(ExternalError);
    expect(error.message).toMatch(
      new RegExp(`^node1: no login after 0\\.\\d s, last error: refused by 127\\.0\\.0\\.1 port ${port}$`),
    );
  });

  test("what the server says before a refused login is in the message, and a notice's rulers are not", async () => {
    const banner = '*****\nAuthorized use only\n*****\n\nYour account has expired\n';
    const peer = await peerWith({ authorized: generateKeyPair('other').publicKey, banner });
    const refused = await failure(peer.ssh().connect(peer.target()));
    expect(refused.message).toMatch(/; the server says: Authorized use only \/ Your account has expired$/);
  });

  test.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    ['220 mail.example.org ESMTP\r\n', '220 mail.example.org ESMTP'],
    ['SSH-1.5-OpenSSH_1.2\n', 'SSH-1.5-OpenSSH_1.2'],
  ])('waitFor ends at once at a port that says %j', async (greeting, quoted) => {
    const port = await tcpWith((socket) => socket.write(greeting));
    const peer = await peerWith();
    const error = await failure(
      peer.ssh().waitFor(peer.target({ port }), { timeoutMs: 60_000, bootRetryMs: 0 }),
    );
    // Its time depends on the computer.
    expect(error.message.replace(/[\d.]+ s,/, 'S s,')).toBe(
      `node1: no login after S s, last error: not an SSH server at 127.0.0.1 port ${port}; the server says: ${quoted}`,
    );
  });

  test('waitFor waits for a machine that boots while a proxy answers at its address', async () => {
    const greetings = ['HTTP/1.1 400 Bad Request\r\n\r\n', 'HTTP/1.1 400 Bad Request\r\n\r\n'];
    const peer = await peerWith();
    const port = await tcpWith((socket) => {
      const greeting = greetings.shift();
      if (greeting !== undefined) return socket.end(greeting);
      const server = connect(peer.target().port, '127.0.0.1');
      return socket.pipe(server).pipe(socket);
    });
    const connection = await peer.ssh().waitFor(peer.target({ port }), { timeoutMs: 60_000 });
    expect(greetings).toEqual([]);
    connection.close();
  });

  test('what a server says instead of its version is shown', async () => {
    const port = await tcpWith((socket) => socket.end('Exceeded MaxStartups\r\n'));
    const peer = await peerWith();
    const error = await failure(peer.ssh().connect(peer.target({ port })));
    expect(error.message).toBe(
      `node1: closed before banner by 127.0.0.1 port ${port}; the server says: Exceeded MaxStartups`,
    );
  });

  test.each([
    [false, 'the server allows only keyboard-interactive, and belt logs in with keys'],
    [true, 'the server accepts the key, but also requires keyboard-interactive, which belt cannot provide'],
  ])('a server that wants a second factor is named (key accepted: %s)', async (partial, problem) => {
    const keys = authentication({ name: 'node1', host: '::1', port: 22, user: 'root' }, {});
    expect(await new Promise((resolve) => keys.next(['keyboard-interactive'], partial, resolve))).toBe(false);
    expect(keys.deadEnd?.problem).toBe(problem);
  });

  test('waitFor with bootRetryMs 0 fails at once for a rejected key, and retries other problems', async () => {
    const peer = await peerWith({ authorized: generateKeyPair('other').publicKey });
    const port = await freePort();
    const options = { timeoutMs: 60_000, bootRetryMs: 0 };
    const refused = await failure(peer.ssh().waitFor(peer.target(), options));
    expect(refused.message).toContain('authentication failed for root');
    expect(peer.counts.connections).toBe(1);

    const { hostKey } = peer;
    const waiting = peer.ssh().waitFor(peer.target({ port }), {
      ...options,
      onProblem: () => {
        void publicHalf(join(peer.folder, 'key')).then((authorized) =>
          peerWith({ hostKey, port, authorized }),
        );
      },
    });
    expect((await (await waiting).run('true')).code).toBe(0);
  });

  test('an obstacle that no retry removes ends the wait at once', async () => {
    const peer = await peerWith();
    const options = { timeoutMs: 60_000, bootRetryMs: 0 };
    const unknown = await failure(peer.ssh().waitFor(peer.target({ host: 'unknown.invalid' }), options));
    expect(unknown.message).toContain('no such host: unknown.invalid');
    expect(unknown.hint).toContain('~/.ssh/config');

    const old = await peerWith({ algorithms: { kex: ['diffie-hellman-group1-sha1'] } });
    const algorithms = await failure(old.ssh().waitFor(old.target(), options));
    expect(algorithms.message).toContain(`no common algorithm with 127.0.0.1 port ${old.port}`);
  });

  test('an attempt that the deadline cut off does not hide the obstacle before it', async () => {
    const peer = await peerWith();
    let attempts = 0;
    const port = await tcpWith((socket) => {
      if (attempts++ === 0) socket.end();
    });
    const error = await failure(peer.ssh().waitFor(peer.target({ port }), { timeoutMs: 1_000 }));
    expect(error.message).toContain('last error: closed before banner by');
  });

  test('waitFor never exceeds its timeout, even with a server that sends nothing', async () => {
    const peer = await peerWith();
    const port = await tcpWith(() => {});
    const error = await failure(peer.ssh().waitFor(peer.target({ port }), { timeoutMs: 300 }));
    expect(error.message).toContain('last error: no banner from');
  });

  test('waitFor ends at once on an interruption', async () => {
    const peer = await peerWith();
    const stop = new AbortController();
    const waiting = peer.ssh().waitFor(peer.target({ port: await freePort() }), {
      timeoutMs: 60_000,
      signal: stop.signal,
      onProblem: () => stop.abort(),
    });
    expect(await failure(waiting)).toBeInstanceOf(AbortError);
  });
});

async function publicHalf(path: string): Promise<string> {
  const key = ssh2.utils.parseKey(await readFile(path));
  if (key instanceof Error) throw key;
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

function encryptedKey(): string {
  const options = { passphrase: 'secret', cipher: 'aes256-ctr', rounds: 1 };
  return ssh2.utils.generateKeyPairSync('ed25519', options).private;
}
