import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAuthority } from '../../../src/certs/model/issue.js';
import type { LocalName } from '../../../src/cli/command-line.js';
import { runLocal } from '../../../src/cli/fast-path/index.js';

let store: string;

beforeEach(async () => {
  store = await mkdtemp(join(tmpdir(), 'belt-local-'));
  vi.stubEnv('HOME', store);
  vi.stubEnv('SHELL', '/bin/bash');
  vi.stubEnv('MACHINE_STORAGE_PATH', store);
  await record(store, 'open', '203.0.113.1');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(store, { recursive: true });
});

/** A machine whose engine needs no TLS. */
async function record(folder: string, name: string, address: string): Promise<void> {
  await mkdir(join(folder, 'machines', name), { recursive: true });
  const document = {
    ConfigVersion: 3,
    Name: name,
    DriverName: 'generic',
    Driver: { IPAddress: address, SSHUser: 'root', SSHPort: 22 },
    HostOptions: {},
    Belt: {
      Version: 1,
      Phase: 'ready',
      Addresses: { Public: address },
      Engine: { Access: 'insecure', Port: 2375, TuneSwarm: false },
      CreatedAt: '2026-01-02T03:04:05.000Z',
    },
  };
  await writeFile(join(folder, 'machines', name, 'config.json'), JSON.stringify(document));
}

/** Returns the command's output and exit code. */
async function run(
  command: LocalName,
  ...argv: string[]
): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const keep = (stream: keyof typeof written) => (text: unknown) => {
    written[stream] += text;
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep('err')),
  ];
  try {
    return { code: await runLocal(command, argv), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

describe('env, config and url', () => {
  test("env, config and url accept flags in Go's forms", async () => {
    const fish = await run('env', '-shell', 'fish', '-no-proxy=false', '-debug=false', '-s=.', 'open');
    expect(fish.err).toContain(`"open" does not exist`);
    vi.stubEnv('MACHINE_STORAGE_PATH', '/nowhere');
    const { code, out } = await run('env', '-shell', 'fish', '--no-proxy=0', '-storage-path', store, 'open');
    expect(code).toBe(0);
    expect(out).toContain('set -gx DOCKER_HOST "tcp://203.0.113.1:2375";\n');
    expect(out).not.toContain('NO_PROXY');
    expect(await run('url', '--json=true', `-s=${store}`, 'open')).toMatchObject({
      out: expect.stringContaining('"url": "tcp://203.0.113.1:2375"'),
    });
    expect((await run('url', '--json=false', `-s=${store}`, 'open')).out).toBe('tcp://203.0.113.1:2375\n');
  });

  test('env, config and url accept the global flags', async () => {
    const flags = ['--bugsnag-api-token=no-report', '--github-api-token', 'x', '--tls-ca-cert=ca.pem'];
    const further = ['--tls-ca-key=k', '--tls-client-cert=c', '--tls-client-key', 'k'];
    expect(await run('url', ...flags, 'open', ...further)).toMatchObject({
      code: 0,
      out: 'tcp://203.0.113.1:2375\n',
    });
  });

  test('--cluster takes precedence over MACHINE_STORAGE_PATH for url', async () => {
    vi.stubEnv('BELT_HOME', join(store, '.belt'));
    await record(join(store, '.belt', 'prod'), 'open', '203.0.113.2');
    expect((await run('url', '--cluster', 'prod', 'open')).out).toBe('tcp://203.0.113.2:2375\n');
    expect((await run('url', 'open')).out).toBe('tcp://203.0.113.1:2375\n');
    expect((await run('url', '--cluster', 'prod', '-s', store, 'open')).code).toBe(2);
  });

  test('url warns on stderr about certificates that expire soon', async () => {
    expect((await run('url', 'open')).err).toBe('');
    const { certificate } = await createAuthority({ commonName: 'x', keyType: 'ecdsa-p256', days: 12 });
    await mkdir(join(store, 'certs'));
    await writeFile(join(store, 'certs', 'ca.pem'), certificate);
    const expected = {
      code: 0,
      err: expect.stringMatching(
        /^warning: the certificate of .* expires in 11 days .*: belt certs rotate\n$/,
      ),
    };
    expect(await run('url', 'open')).toMatchObject({ ...expected, out: 'tcp://203.0.113.1:2375\n' });
    expect(await run('env', 'open')).toMatchObject(expected);
    expect(await run('config', '--json', 'open')).toMatchObject(expected);
  });

  test('config rejects a switch that is neither true nor false', async () => {
    expect(await run('config', '--swarm=maybe', 'open')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--swarm must be true or false, not "maybe"'),
    });
  });
});

describe('--output', () => {
  test('url --output prints the document in each format', async () => {
    const url = 'tcp://203.0.113.1:2375';
    expect((await run('url', '-o', 'json', 'open')).out).toBe(`{\n  "name": "open",\n  "url": "${url}"\n}\n`);
    expect((await run('url', '-o', 'yaml', 'open')).out).toBe(`name: open\nurl: ${url}\n`);
    expect((await run('url', '-o', 'name', 'open')).out).toBe('open\n');
    expect((await run('url', '-o', 'wide', 'open')).out).toBe(`${url}\n`);
    expect((await run('url', '-o', 'go-template={{.url}}', 'open')).out).toBe(`${url}\n`);
  });

  test('url --output with an unknown format is a usage error', async () => {
    const { code, err } = await run('url', '-o', 'xml', 'open');
    expect(code).toBe(2);
    expect(err).toMatch(/^error: unknown output format "xml": use table, .*\n$/);
  });

  test('url prints errors as documents with a code', async () => {
    const { code, out } = await run('url', '-o', 'yaml', '--nope');
    expect(code).toBe(2);
    expect(out).toBe('error:\n  code: usage\n  message: "unknown flag: --nope"\n  hint: belt url --help\n');
  });
});
