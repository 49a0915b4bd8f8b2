import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AbortError, ExternalError } from '../../../src/base/errors.js';
import { engineOf, waitForEngine } from '../../../src/engine/connect-engine.js';
import { defaultEngineSettings } from '../../../src/engine/model/engine-settings.js';
import { changeAccess } from '../../../src/engine/provision-machines.js';
import { dockerCommand, runDocker } from '../../../src/engine/remote-docker.js';
import type { Machine } from '../../../src/machines/model/machine.js';
import type { Connection } from '../../../src/ssh/index.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;
let machine: Machine;
let connection: Connection;

beforeEach(async () => {
  bed = await openTestBed();
  [machine] = (await bed.running('node1')) as [Machine];
  connection = await bed.ssh.connect({ name: 'node1', host: '10.0.0.1', port: 22, user: 'root' });
});

afterEach(() => bed.close());

describe('engineOf', () => {
  test('engineOf uses one channel for many requests and closes it', async () => {
    const api = engineOf(connection);
    await api.version();
    await api.info();
    expect(bed.ssh.commands).toEqual(['node1: exec docker system dial-stdio']);
    expect(bed.ssh.channels).toBe(1);
    api.close();
    await expect.poll(() => bed.ssh.channels).toBe(0);
  });

  test('engineOf opens a new channel after the engine hung up', async () => {
    const api = engineOf(connection);
    await api.version();
    (await bed.engine('node1')).hangUp();
    await expect.poll(() => bed.ssh.channels).toBe(0);
    expect(await api.version()).toBe('28.1.0');
    expect(bed.ssh.commands.length).toBe(2);
    api.close();
  });

  test.each([
    ['bash: docker: command not found\n', 'bash: docker: command not found'],
    ['', 'docker system dial-stdio ended with 127'],
  ])('engineOf fails with the error of the docker client: %j', async (stderr, message) => {
    bed.ssh.brokenDocker.set('node1', { code: 127, stderr });
    await expect(engineOf(connection).version()).rejects.toThrow(new ExternalError(message));
  });
});

describe('waitForEngine', () => {
  const { signal } = new AbortController();

  test('waitForEngine returns the version once the engine responds', async () => {
    bed.ssh.brokenDocker.set('node1', { code: 1, stderr: 'Cannot connect to the Docker daemon' });
    const waiting = waitForEngine(connection, { timeoutMs: 60_000, signal });
    await expect.poll(() => bed.ssh.commands.length).toBeGreaterThan(0);
    bed.ssh.brokenDocker.clear();
    expect(await waiting).toBe('28.1.0');
  });

  test('waitForEngine reports the last error and the journal on a timeout', async () => {
    bed.ssh.brokenDocker.set('node1', { code: 1, stderr: 'Cannot connect to the Docker daemon\n' });
    bed.ssh.journal = async () => 'failed to load listeners: no sockets found\n';
    await expect(waitForEngine(connection, { timeoutMs: 0, signal })).rejects.toThrow(
      new ExternalError(
        'the engine on node1 does not respond: Cannot connect to the Docker daemon\nfailed to load listeners: no sockets found',
      ),
    );
    expect(bed.ssh.commands.at(-1)).toBe('node1: journalctl -u docker -n 5 --no-pager -o cat');
  });

  test('waitForEngine reports the last error when the journal cannot be read', async () => {
    bed.ssh.brokenDocker.set('node1', { code: 1, stderr: 'Cannot connect to the Docker daemon\n' });
    bed.ssh.journal = () => Promise.reject(new ExternalError('node1: the command did not finish within 5 s'));
    await expect(waitForEngine(connection, { timeoutMs: 0, signal })).rejects.toThrow(
      new ExternalError('the engine on node1 does not respond: Cannot connect to the Docker daemon'),
    );
  });

  test('waitForEngine stops on an interruption', async () => {
    const interrupted = AbortSignal.abort(new AbortError());
    await expect(waitForEngine(connection, { timeoutMs: 60_000, signal: interrupted })).rejects.toThrow(
      AbortError,
    );
    expect(bed.ssh.commands).toEqual([]);
  });
});

describe('docker on a machine', () => {
  test.each([
    [[], 'exec docker'],
    [['version'], 'exec docker version'],
    [['run', '-e', 'A=b c', "it's", ''], `exec docker run -e 'A=b c' 'it'\\''s' ''`],
    [['swarm', 'init'], 'exec docker swarm init --advertise-addr 192.168.0.1'],
  ])('dockerCommand quotes %j for the shell', (args, command) => {
    expect(dockerCommand(args, machine)).toBe(command);
  });

  test('dockerCommand adds no address for a machine without one', () => {
    expect(dockerCommand(['swarm', 'init'], { ...machine, addresses: {} })).toBe('exec docker swarm init');
  });

  test('runDocker connects the streams and returns the exit code', async () => {
    bed.ssh.command = async (_name, _command, { stdout, stderr }) => {
      stdout.write('out');
      stderr.write('err');
      return 125;
    };
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    expect(await runDocker(['ps', '-a'], machine, { stdout, stderr }, bed.context)).toBe(125);
    expect(bed.ssh.commands).toEqual(['node1: exec docker ps -a']);
    expect([await text(stdout.end()), await text(stderr.end())]).toEqual(['out', 'err']);
  });
});

describe('changeAccess', () => {
  test.each([
    [2376, [0, 2376, 2375, 2376]],
    [12376, [12376, 12376, 12376, 12376]],
  ])('changeAccess keeps a custom port and changes a default one, from port %i', async (port, ports) => {
    // An engine behind a jump host is not queried over TCP.
    const jump = { user: 'root', host: '192.0.2.1', port: 22 };
    await bed.cluster.save({
      ...machine,
      ssh: { ...machine.ssh, jump },
      engine: { ...defaultEngineSettings, port },
    });
    const seen: (number | undefined)[] = [];
    for (const access of ['local', 'secure', 'insecure', 'secure'] as const) {
      const [outcome] = await changeAccess(
        access,
        [await bed.onDisk('node1')],
        { force: false },
        await bed.nextRun(),
      );
      expect(outcome).toMatchObject({ status: 'ok' });
      seen.push((await bed.onDisk('node1')).engine?.port);
    }
    expect(seen).toEqual(ports);
  });
});
