import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import fc from 'fast-check';
import type { ParsedKey } from 'ssh2';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  type Connection,
  fingerprint,
  generateKeyPair,
  openKnownHosts,
  openSsh,
  quoteArgs,
  type Ssh,
  type SshTarget,
} from '../../src/ssh/index.js';
import { loadPrivateKey } from '../../src/ssh/key-file.js';
import { resolveSshHost } from '../../src/ssh/user-config.js';

/**
 * belt's SSH client against the real OpenSSH: this computer's sshd on a free port of the loopback
 * interface.
 */

const sshd = '/usr/sbin/sshd';
const user = userInfo().username;
let folder = '';
let port = 0;
let server: ChildProcess | undefined;
let client: Ssh;
const key = generateKeyPair('belt test');
const hostKey = generateKeyPair('belt test host');

beforeAll(async () => {
  if (!existsSync(sshd)) throw new Error(`${sshd} is missing: apt-get install -y openssh-server`);
  folder = await mkdtemp(join(tmpdir(), 'belt-sshd-'));
  port = await freePort();
  await writeFile(at('key'), key.privateKey, { mode: 0o600 });
  await writeFile(at('host_key'), hostKey.privateKey, { mode: 0o600 });
  await writeFile(at('authorized_keys'), `${key.publicKey}\n`, { mode: 0o600 });
  run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('ca')]);
  await writeFile(at('host_key.pub'), hostKey.publicKey);
  run('ssh-keygen', ['-q', '-s', at('ca'), '-I', 'host', '-h', '-n', '127.0.0.1', at('host_key.pub')]);
  await writeFile(
    at('sshd_config'),
    [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host_key')}`,
      `HostCertificate ${at('host_key-cert.pub')}`,
      `AuthorizedKeysFile ${at('authorized_keys')}`,
      `TrustedUserCAKeys ${at('ca.pub')}`,
      'StrictModes no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      // Without PAM, sshd refuses accounts with a locked password, which root's often is.
      'UsePAM yes',
      'PermitRootLogin yes',
      'PidFile none',
    ].join('\n'),
  );
  // sshd's privilege separation directory. The service creates it where it runs.
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  server = spawn(sshd, ['-D', '-e', '-f', at('sshd_config')], { stdio: 'ignore' });
  await listening();
});
afterAll(async () => {
  server?.kill();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => client?.closeAll());

function at(name: string): string {
  return join(folder, name);
}

function target(change: Partial<SshTarget> = {}): SshTarget {
  return { name: 'node1', host: '127.0.0.1', port, user, keyPath: at('key'), ...change };
}

function run(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

/** An agent with these keys, and with the certificates beside them. */
async function withAgent(paths: readonly string[], work: (socket: string) => Promise<void>): Promise<void> {
  const socket = at('many-agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  try {
    while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 20));
    const { status } = spawnSync('ssh-add', ['-q', ...paths], {
      env: { ...process.env, SSH_AUTH_SOCK: socket },
    });
    if (status !== 0) throw new Error('ssh-add failed');
    await work(socket);
  } finally {
    agent.kill();
    await rm(socket, { force: true });
  }
}

async function login(): Promise<Connection> {
  client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')) });
  return client.connect(target());
}

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    this.emit('text');
    done();
  }

  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await new Promise((resolve) => this.once('text', resolve));
  }
}

describe('logging in', () => {
  test("login works with a key file, and the system's ssh accepts the known_hosts file", async () => {
    const connection = await login();
    expect(await connection.run('echo out; echo err >&2; exit 3')).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });

    const known = join(folder, 'known_hosts');
    expect(await readFile(known, 'utf8')).toBe(
      `node1 ${hostKey.publicKey.split(' ').slice(0, 2).join(' ')}\n`,
    );
    const options = [
      `UserKnownHostsFile=${known}`,
      'HostKeyAlias=node1',
      'StrictHostKeyChecking=yes',
      'BatchMode=yes',
    ];
    const { status, stdout, stderr } = spawnSync(
      'ssh',
      [
        '-F',
        'none',
        '-p',
        `${port}`,
        '-i',
        at('key'),
        ...options.flatMap((o) => ['-o', o]),
        `${user}@127.0.0.1`,
        'echo yes',
      ],
      { encoding: 'utf8' },
    );
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'yes\n', stderr: '' });
  });

  test('a ProxyCommand carries the connection, and its error is the reason where it fails', async () => {
    const proxyCommand = `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${port}; cat <&3 & cat >&3'`;
    client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')) });
    const { stdout } = await (await client.connect(target({ host: 'nowhere', proxyCommand }))).run(
      'echo yes',
    );
    expect(stdout).toBe('yes\n');
    const failing = target({
      name: 'node2',
      host: 'nowhere',
      proxyCommand: 'sh -c "echo no token >&2; exit 7"',
    });
    await expect(client.connect(failing)).rejects.toThrow(
      'ProxyCommand "sh -c "echo no token >&2; exit 7"" ended with exit code 7: no token',
    );
  });

  test('a host certificate of an authority in known_hosts is verified by OpenSSH at the first contact', async () => {
    const users = at('users_known_hosts');
    const adopt = async (authority: string) => {
      const line = (await readFile(at(`${authority}.pub`), 'utf8')).split(' ').slice(0, 2).join(' ');
      await writeFile(users, `@cert-authority [127.0.0.1]:${port} ${line}\n`);
      const { hostKeys } = await resolveSshHost(
        { host: '127.0.0.1', port },
        { home: folder, program: 'ssh', temporaryFolder: folder },
      );
      const hosts = openKnownHosts(at(`known_by_${authority}`));
      hosts.consult(hostKeys.map((keys) => ({ ...keys, name: 'node1' })));
      client = openSsh({ knownHosts: hosts });
      return client.connect(target());
    };
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at('other_ca')]);
    await mkdir(at('.ssh'));
    await writeFile(at('.ssh/config'), `UserKnownHostsFile ${users}\n`);
    expect((await (await adopt('ca')).run('true')).code).toBe(0);
    client.closeAll();
    await expect(adopt('other_ca')).rejects.toThrow(
      `is not certified by the certificate authority that ${users} trusts for this host`,
    );
  });

  test('login works with an SSH agent', async () => {
    const socket = at('agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 10));
      const { status } = spawnSync('ssh-add', ['-q', at('key')], {
        env: { ...process.env, SSH_AUTH_SOCK: socket },
      });
      expect(status).toBe(0);
      client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')), agentSocket: socket });
      const { keyPath: _, ...withoutKey } = target();
      expect((await (await client.connect(withoutKey)).run('echo agent')).stdout).toBe('agent\n');
      await expect(client.connect({ ...withoutKey, name: 'node2', agentSocket: 'none' })).rejects.toThrow(
        'no SSH key to log in',
      );
    } finally {
      agent.kill();
    }
  });

  test.each([
    ['rsa', ['-t', 'rsa', '-b', '2048']],
    ['ecdsa', ['-t', 'ecdsa', '-b', '384']],
    ['ed25519', ['-t', 'ed25519']],
  ])('a user certificate beside an %s key, or in the agent, logs in', async (type, options) => {
    const path = at(`certified-${type}`);
    run('ssh-keygen', ['-q', ...options, '-N', '', '-f', path]);
    run('ssh-keygen', ['-q', '-s', at('ca'), '-I', 'test', '-n', user, `${path}.pub`]);
    client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')) });
    expect((await (await client.connect(target({ keyPath: path }))).run('true')).code).toBe(0);
    client.closeAll();

    await withAgent([path], async (agentSocket) => {
      client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')), agentSocket });
      const { keyPath: _, ...fromAgent } = target();
      expect((await (await client.connect(fromAgent)).run('true')).code).toBe(0);
    });
  });

  test.each([
    ['RSA', ['RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
    ['EC', ['EC', '-pkeyopt', 'ec_paramgen_curve:P-256']],
    ['Ed25519', ['ED25519']],
  ])('an %s key in PKCS#8, as openssl writes it, logs in', async (name, algorithm) => {
    const path = at(`pkcs8-${name}`);
    run('openssl', ['genpkey', '-algorithm', ...algorithm, '-out', path]);
    const { key: parsed } = (await loadPrivateKey(path)) as { key: ParsedKey };
    const line = `${parsed.type} ${parsed.getPublicSSH().toString('base64')}\n`;
    await writeFile(at('authorized_keys'), `${key.publicKey}\n${line}`);
    client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')) });
    expect((await (await client.connect(target({ keyPath: path }))).run('true')).code).toBe(0);
  });

  test('the named key is the first of many in the agent, and only keys that were tried are listed', async () => {
    const paths = Array.from({ length: 9 }, (_, index) => at(`many${index}`));
    for (const path of paths) run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
    await writeFile(at('named'), key.privateKey, { mode: 0o600 });
    await writeFile(at('named.pub'), `${key.publicKey}\n`);
    await withAgent([...paths, at('named')], async (agentSocket) => {
      client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')), agentSocket });
      expect((await (await client.connect(target({ keyPath: at('named.pub') }))).run('true')).code).toBe(0);
      client.closeAll();

      client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')), agentSocket });
      const { keyPath: _, ...fromAgent } = target();
      const error = await client.connect(fromAgent).catch((reason) => reason);
      expect(error.message).toContain('Too many authentication failures');
      expect(error.message.match(/agent key/g)).toHaveLength(6);
      expect(error.hint).toContain('MaxAuthTries');
    });
  });

  test('a rejected key is reported with the methods that sshd allows', async () => {
    const other = generateKeyPair('other');
    await writeFile(at('other'), other.privateKey, { mode: 0o600 });
    client = openSsh({ knownHosts: openKnownHosts(at('known_hosts')) });
    await expect(client.connect(target({ keyPath: at('other') }))).rejects.toThrow(
      `node1: authentication failed for ${user} at 127.0.0.1 port ${port}: ` +
        `tried key ${fingerprint(other.publicKey)} (${at('other')}); the server allows publickey`,
    );
  });

  test('ssh-keygen accepts generated key pairs', async () => {
    const { stdout } = spawnSync('ssh-keygen', ['-l', '-f', at('key')], { encoding: 'utf8' });
    expect(stdout).toBe(`256 ${fingerprint(key.publicKey)} belt test (ED25519)\n`);
    const derived = spawnSync('ssh-keygen', ['-y', '-f', at('key')], { encoding: 'utf8' });
    expect(derived.stdout.trim()).toBe(key.publicKey);
  });
});

describe('commands', () => {
  test('commands return exit codes and signals', async () => {
    const connection = await login();
    const codes = await Promise.all(
      ['true', 'exit 42', 'kill -9 $$', 'no-such-program'].map((line) => connection.run(line)),
    );
    expect(codes.map(({ code }) => code)).toEqual([0, 42, 137, 127]);
  });

  test('thirty commands share a connection that allows ten channels', async () => {
    const connection = await login();
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, n) => connection.run(`sleep 0.05; echo ${n}`)),
    );
    expect(results.map(({ stdout }) => stdout)).toEqual(Array.from({ length: 30 }, (_, n) => `${n}\n`));
  });

  test('arguments arrive unchanged', async () => {
    const connection = await login();
    const text = fc.string({ unit: 'binary' }).filter((arg) => !arg.includes('\0'));
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 6 }), async (args) => {
        const { stdout } = await connection.run(`printf '%s\\0' ${quoteArgs(args)}`);
        expect(stdout.split('\0').slice(0, -1)).toEqual(args);
      }),
      { numRuns: 10 },
    );
  });

  test('100 MB pass unchanged through a remote cat', async () => {
    const connection = await login();
    const block = Buffer.alloc(1_000_000, 'belt');
    let received = 0;
    const stdout = new Writable({
      write(chunk: Buffer, _encoding, done) {
        received += chunk.length;
        done();
      },
    });
    const stdin = Readable.from(
      (function* () {
        for (let n = 0; n < 100; n++) yield block;
      })(),
    );
    expect(await connection.stream('cat', { stdin, stdout, stderr: new Sink() })).toBe(0);
    expect(received).toBe(100 * block.length);
  });

  test.each([
    ['while its input is open', () => new PassThrough()],
    ['after the end of its input', () => undefined],
  ])('INT reaches the command %s', async (_, input) => {
    const connection = await login();
    const stdout = new Sink();
    let deliver = (_name: string) => {};
    const stdin = input();
    const code = connection.stream('echo ready; sleep 100', {
      stdout,
      stderr: new Sink(),
      ...(stdin && { stdin }),
      onSignal(listener) {
        deliver = listener;
        return () => {};
      },
    });
    await stdout.until(/ready/);
    deliver('INT');
    expect(await code).toBe(130);
  });

  test('a timeout also ends the remote command', async () => {
    const connection = await login();
    const started = connection.run('echo $$ > "$1"; exec sleep 100'.replace('"$1"', quoteArgs([at('pid')])), {
      timeoutMs: 1500,
    });
    await expect(started).rejects.toThrow('node1: the command did not finish within 1.5 s');
    const pid = Number(await readFile(at('pid'), 'utf8'));
    expect(pid).toBeGreaterThan(1);
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test('a terminal has the size of the window and follows its changes', async () => {
    const connection = await login();
    const [stdout, stdin] = [new Sink(), new PassThrough()];
    let resize = (_columns: number, _rows: number) => {};
    const code = connection.stream('stty size; read x; stty size; tty >/dev/null && echo "$TERM"', {
      stdin,
      stdout,
      stderr: new Sink(),
      pty: {
        term: 'xterm-256color',
        columns: 101,
        rows: 33,
        onResize(listener) {
          resize = listener;
          return () => {};
        },
      },
    });
    await stdout.until(/33 101/);
    resize(77, 22);
    stdin.write('\r');
    await stdout.until(/xterm/);
    expect([await code, stdout.text.replace(/\r\n/g, '\n')]).toEqual([
      0,
      '33 101\n\n22 77\nxterm-256color\n',
    ]);
  });

  test('Ctrl-C as a byte interrupts the command of a terminal', async () => {
    const connection = await login();
    const [stdout, stdin] = [new Sink(), new PassThrough()];
    const code = connection.stream('echo ready; exec sleep 100', {
      stdin,
      stdout,
      stderr: new Sink(),
      pty: { term: 'xterm', columns: 80, rows: 24, onResize: () => () => {} },
    });
    await stdout.until(/ready/);
    stdin.write('\x03');
    expect(await code).toBe(130);
  });
});

describe('write', () => {
  test('write stores any bytes at any path with the mode, and replaces an existing file', async () => {
    const connection = await login();
    const path = at(`it's a "$file"`);
    const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 256));
    await connection.write(path, bytes, 0o640);
    expect([await readFile(path), (await stat(path)).mode & 0o7777]).toEqual([bytes, 0o640]);
    await connection.write(path, '', 0o600);
    expect([await readFile(path, 'utf8'), (await stat(path)).mode & 0o7777]).toEqual(['', 0o600]);
    expect((await connection.run(`ls ${quoteArgs([folder])}`)).stdout).not.toContain('.new');
  });

  test('write reports why it failed', async () => {
    const connection = await login();
    await expect(connection.write('/no/such/folder/file', 'x', 0o600)).rejects.toThrow(
      /^node1: cannot write \/no\/such\/folder\/file: .*(nonexistent|No such file)/,
    );
    await expect(connection.write(folder, 'x', 0o600)).rejects.toThrow(
      `node1: cannot write ${folder}: is a folder`,
    );
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address() as AddressInfo;
      probe.close(() => resolve(free));
    });
  });
}

async function listening(): Promise<void> {
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      }).on('error', () => resolve(false));
    });
  while (!(await answers())) {
    if (server?.exitCode !== null) throw new Error(`${sshd} ended with exit code ${server?.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
