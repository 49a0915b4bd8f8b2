import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';

/** `env`, `config` and `url` only read records: these machines do not exist. */
describe('env, config and url', () => {
  let belt: Belt;
  const store = 'odd "store" $(touch pwned) `x`';

  beforeAll(async () => {
    belt = await newBelt({ SHELL: '/bin/bash', MACHINE_STORAGE_PATH: store });
    await record('secure', { Access: 'secure', Port: 12376, TuneSwarm: false }, '203.0.113.1');
    await record('open', { Access: 'insecure', Port: 2375, TuneSwarm: false }, '2001:db8::1');
    await record('local', { Access: 'local', Port: 0, TuneSwarm: false }, '203.0.113.3');
    await record('bare', { Access: 'secure', Port: 2376, TuneSwarm: false }, '203.0.113.4');
    for (const file of ['ca.pem', 'cert.pem', 'key.pem']) await writeFile(join(folderOf('secure'), file), '');
  });
  afterAll(() => belt.dispose());

  const folderOf = (name: string): string => join(belt.folder, store, 'machines', name);

  async function record(name: string, engine: object, address: string): Promise<void> {
    await mkdir(folderOf(name), { recursive: true });
    const document = {
      ConfigVersion: 3,
      Name: name,
      DriverName: 'generic',
      Driver: { IPAddress: address, SSHUser: 'root', SSHPort: 2222 },
      HostOptions: {},
      Belt: {
        Version: 1,
        Phase: 'ready',
        Addresses: { Public: address },
        Engine: engine,
        CreatedAt: '2026-01-02T03:04:05.000Z',
      },
    };
    await writeFile(join(folderOf(name), 'config.json'), JSON.stringify(document));
  }

  test('env quotes a path that a shell would execute', async () => {
    const lines = await belt.ok(['env', 'secure']);
    const seen = execFileSync('sh', ['-c', 'eval "$LINES_"; printf %s "$DOCKER_CERT_PATH"'], {
      encoding: 'utf8',
      env: { LINES_: lines },
    });
    expect(seen).toBe(folderOf('secure'));
  });

  test('env, config and url support an engine without TLS', async () => {
    expect((await belt.ok(['env', 'open'])).split('\n').slice(0, 4)).toEqual([
      'export DOCKER_TLS_VERIFY=""',
      'export DOCKER_HOST="tcp://[2001:db8::1]:2375"',
      'export DOCKER_CERT_PATH=""',
      'export DOCKER_MACHINE_NAME="open"',
    ]);
    expect(await belt.ok(['config', 'open'])).toBe('-H=tcp://[2001:db8::1]:2375\n');
  });

  test('env, config and url support an engine that is only reachable over SSH', async () => {
    expect(await belt.ok(['url', 'local'])).toBe('ssh://root@203.0.113.3:2222\n');
    for (const command of ['env', 'config']) {
      const { code, stdout, stderr } = await belt.run([command, 'local']);
      expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('belt engine secure local')]);
    }
  });

  test('env reports missing certificates', async () => {
    const { code, stdout, stderr } = await belt.run(['env', 'bare']);
    expect([code, stdout, stderr]).toEqual([
      1,
      '',
      expect.stringContaining('there are no client certificates for bare'),
    ]);
  });

  test('env --no-proxy adds the address to NO_PROXY, and with -u removes it', async () => {
    const proxy = async (args: string[], env: Record<string, string>): Promise<string[]> =>
      (await belt.ok(['env', '--no-proxy', ...args], { env }))
        .split('\n')
        .filter((line) => /proxy=/i.test(line));
    expect(await proxy(['secure'], {})).toEqual(['export NO_PROXY="203.0.113.1"']);
    expect(await proxy(['secure'], { no_proxy: '203.0.113.10' })).toEqual([
      'export no_proxy="203.0.113.10,203.0.113.1"',
    ]);
    expect(await proxy(['secure'], { NO_PROXY: 'a,203.0.113.1' })).toEqual([
      'export NO_PROXY="a,203.0.113.1"',
    ]);
    const DOCKER_HOST = 'tcp://203.0.113.1:12376';
    expect(await proxy(['-u'], { DOCKER_HOST, NO_PROXY: 'a,203.0.113.1' })).toEqual(['export NO_PROXY="a";']);
  });

  test('env accepts --json before and after the command', async () => {
    const document = { name: 'open', url: 'tcp://[2001:db8::1]:2375' };
    expect(JSON.parse(await belt.ok(['--json', 'url', 'open']))).toEqual(document);
    expect(JSON.parse(await belt.ok(['config', 'open', '--json']))).toEqual(document);
    const { code, stdout } = await belt.run(['url', 'nope', '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      {
        error: {
          code: 'machine-not-found',
          message: 'Docker machine "nope" does not exist. Use "belt ls" to list machines',
        },
      },
    ]);
  });

  test.each([
    [['env', '--bogus'], 'unknown flag: --bogus'],
    [['url', 'open', 'local'], 'Expected one machine name as an argument'],
    [['url', 'open,local'], 'Expected one machine name as an argument'],
    [['env', '-u', 'open'], 'Expected no machine name when the -u flag is present'],
  ])('env refuses %j', async (args, message) => {
    const { code, stderr } = await belt.run(args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  });
});
