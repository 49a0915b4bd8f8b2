import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { importWebImage } from '../lab/containers.js';
import { clientPath, pluginsPath } from '../lab/docker-client.js';
import { type ImageRegistry, registryLogin, startRegistry } from '../lab/image-registry.js';
import { canCreateMachines } from '../lab/machines.js';
import { runInTerminal } from '../lab/terminal.js';

/** `belt docker` is docker: arguments, streams, terminal, signals and exit code. */
describe.skipIf(!canCreateMachines())('belt docker', () => {
  let belt: Belt;
  let config: string;

  beforeAll(async () => {
    config = await mkdtemp(join(tmpdir(), 'belt-docker-config-'));
    await writeFile(join(config, 'config.json'), JSON.stringify({ cliPluginsExtraDirs: [pluginsPath] }));
    belt = await newBelt({
      PATH: `${clientPath}${delimiter}${process.env['PATH']}`,
      DOCKER_CONFIG: config,
      DOCKER_HOST: 'tcp://127.0.0.1:9',
      DOCKER_CONTEXT: 'other',
      // Empty variables count as unset.
      BELT_DOCKER_CLIENT: '',
    });
    await belt.ok(['create', '1gb', 'node[1:2]']);
    await belt.ok(['active', 'node1']);
    await importWebImage(belt, 'node1');
    await belt.ok(['docker', 'run', '-d', '--name', 'idle', 'web:1', 'sleep', '100000']);
  });
  afterAll(async () => {
    await belt.dispose();
    await rm(config, { recursive: true });
  });

  test('docker receives its arguments unchanged', async () => {
    const script = 'echo "$HOME a  b"';
    expect(await belt.ok(['docker', 'run', '--rm', '-e', 'HOME=/there', 'web:1', 'sh', '-c', script])).toBe(
      '/there a  b\n',
    );
    const odd = [
      '',
      ' ',
      "it's",
      '"',
      '$(id)',
      '`id`',
      '*',
      '\\',
      'a\nb',
      '--help',
      '--json',
      '-h',
      'é€😀',
      ';',
      '|',
      '&',
    ];
    const printed = await belt.ok([
      'docker',
      'exec',
      'idle',
      'sh',
      '-c',
      'for word; do echo "<$word>"; done',
      'sh',
      ...odd,
    ]);
    expect(printed).toBe(odd.map((word) => `<${word}>\n`).join(''));
  });

  test('belt docker passes the flags of docker unchanged', async () => {
    expect(await belt.ok(['docker', 'service', 'ls', '--help'])).toContain('Usage:  docker service ls');
    expect(
      await belt.ok(['docker', 'ps', '--filter', 'name=idle', '--format', '{{.Names}} {{.Image}}']),
    ).toBe('idle web:1\n');
    expect(await belt.ok(['docker', '--help'])).toContain('belt docker [--host NODES] ARGS...');
  });

  test('belt docker keeps stdin, stdout and stderr separate and complete', async () => {
    expect(await belt.ok(['docker', 'exec', '-i', 'idle', 'cat'], { input: 'x\n' })).toBe('x\n');
    const both = await belt.run(['docker', 'exec', 'idle', 'sh', '-c', 'echo out; echo err >&2']);
    expect(both).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
  });

  test('belt docker returns the exit code of docker', async () => {
    expect((await belt.run(['docker', 'exec', 'idle', 'sh', '-c', 'exit 7'])).code).toBe(7);
    expect((await belt.run(['docker', 'no-such-command'])).code).toBe(1);
    expect((await belt.run(['docker', 'run', '--rm', 'web:1', 'no-such-program'])).code).toBe(127);
  });

  test('exec -it opens a terminal whose size follows the window', async () => {
    const terminal = runInTerminal(belt, ['docker', 'exec', '-it', 'idle', 'sh'], { columns: 100, rows: 30 });
    await terminal.until(/[$#]$/m);
    terminal.type('stty size\r');
    await terminal.until(/^30 100$/m);
    terminal.resize(70, 20);
    // docker forwards keys and sizes in parallel: the next command may still see the old size.
    terminal.type('until [ "$(stty size)" = "20 70" ]; do sleep 0.1; done; exit 5\r');
    expect(await terminal.ended).toBe(5);
  });

  test('Ctrl-C in a terminal reaches the remote process', async () => {
    const terminal = runInTerminal(belt, [
      'docker',
      'exec',
      '-it',
      'idle',
      'sh',
      '-c',
      'trap "echo caught; exit 9" INT; echo up; while :; do sleep 1; done',
    ]);
    await terminal.until(/^up$/m);
    terminal.type('\u0003');
    await terminal.until(/caught/);
    expect(await terminal.ended).toBe(9);
  });

  test('without a terminal, SIGINT reaches the remote process', async () => {
    const script = 'trap "echo caught; exit 9" INT; echo up; while :; do sleep 1; done';
    const child = belt.spawn(['docker', 'run', '--rm', '--name', 'trapped', 'web:1', 'sh', '-c', script]);
    let stdout = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      if (stdout === 'up\n') child.kill('SIGINT');
    });
    const code = await new Promise((done) => child.on('close', done));
    expect({ stdout, code }).toEqual({ stdout: 'up\ncaught\n', code: 9 });
  });

  const onMachine = { env: { BELT_DOCKER_CLIENT: 'remote' } };

  test('belt docker streams 1 GB both ways in constant memory', async () => {
    const size = 1024 ** 3;
    const sender = belt.spawn(['docker', 'exec', '-i', 'idle', 'wc', '-c'], onMachine);
    let counted = '';
    sender.stdout.on('data', (chunk) => {
      counted += chunk;
    });
    const block = Buffer.alloc(1024 ** 2, 'belt');
    const sentPeak = peakMemory(sender.pid as number);
    for (let sent = 0; sent < size; sent += block.length) {
      if (!sender.stdin.write(block)) await new Promise((drained) => sender.stdin.once('drain', drained));
    }
    sender.stdin.end();
    await new Promise((done) => sender.on('close', done));
    expect(Number(counted)).toBe(size);
    expect(await sentPeak()).toBeLessThan(250);

    const receiver = belt.spawn(
      ['docker', 'exec', 'idle', 'head', '-c', String(size), '/dev/zero'],
      onMachine,
    );
    const receivedPeak = peakMemory(receiver.pid as number);
    let received = 0;
    for await (const chunk of receiver.stdout) received += (chunk as Buffer).length;
    expect(received).toBe(size);
    expect(await receivedPeak()).toBeLessThan(250);
  });

  test('save and load move an image between machines through a pipe', async () => {
    const saved = belt.spawn(['docker', 'save', 'web:1']);
    const loaded = belt.spawn(['docker', 'load']);
    saved.stdout.pipe(loaded.stdin);
    let answer = '';
    loaded.stdout.on('data', (chunk) => {
      answer += chunk;
    });
    expect(await new Promise((done) => loaded.on('close', done))).toBe(0);
    expect(answer).toBe('Loaded image: web:1\n');
  });

  test('push copies an image to machines without it, and skips those that have it', async () => {
    const push = async (...words: string[]): Promise<unknown> => {
      const { ok } = JSON.parse(await belt.ok(['push', ...words, '--json'])) as {
        ok: { name: string; images: { status: string }[] }[];
      };
      return ok.map(({ name, images }) => `${name} ${images.map(({ status }) => status)}`);
    };
    expect(await push('--from', 'node1', 'web:1', 'node[1:2]')).toEqual(['node1 present', 'node2 loaded']);
    const idOn = (node: string) => belt.ok(['--host', node, 'docker', 'images', '-q', '--no-trunc', 'web:1']);
    expect(await idOn('node2')).toBe(await idOn('node1'));
    const archive = join(belt.folder, 'web.tar');
    await belt.ok(['docker', 'save', '-o', archive, 'web:1']);
    await belt.ok(['--host', 'node2', 'docker', 'rmi', 'web:1']);
    expect(await push(archive, 'node2')).toEqual(['node2 loaded']);
  });

  test('without an open port, docker connects through SSH, and leaves nothing behind', async () => {
    await belt.ok(['engine', 'local', 'node2']);
    const docker = (...args: string[]) => ['--host', 'node2', 'docker', ...args];
    const { stderr, stdout } = await belt.run(['--debug', ...docker('version', '-f', '{{.Client.Version}}')]);
    expect(stderr).toContain(`docker client: ${clientPath}/docker (docker_client: auto), over SSH`);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+/);
    expect(
      await belt.run(docker('run', '-i', '--rm', 'web:1', 'wc', '-c'), { input: 'x'.repeat(3e6) }),
    ).toEqual({ code: 0, stdout: '3000000\n', stderr: '' });
    const child = belt.spawn(
      docker('run', '--rm', 'web:1', 'sh', '-c', 'trap "exit 9" TERM; echo up; while :; do sleep 1; done'),
    );
    child.stdout.once('data', () => child.kill('SIGTERM'));
    expect(await new Promise((done) => child.on('close', done))).toBe(9);
    expect((await readdir(tmpdir())).filter((name) => /^belt-docker-(?!config-)/.test(name))).toEqual([]);
  });

  describe('files and logins of this computer', () => {
    let registry: ImageRegistry;
    let folder: string;
    const inFolder = (name: string, text: string) => writeFile(join(folder, name), text);

    beforeAll(async () => {
      folder = join(belt.folder, 'files');
      await mkdir(folder);
      const route = await belt.ok(['exec', 'node1', '--', 'ip -4 route show default']);
      registry = await startRegistry(folder, /via (\S+)/.exec(route)?.[1] ?? '');
      const certs = `/etc/docker/certs.d/${registry.address}`;
      await inFolder('ca.crt', registry.authority);
      await belt.ok(['exec', 'node[1:2]', '--', `mkdir -p ${certs}`]);
      for (const node of ['node1', 'node2'])
        await belt.ok(['scp', join(folder, 'ca.crt'), `${node}:${certs}/ca.crt`]);
      await inFolder('page.txt', 'from here');
      await inFolder('Dockerfile', 'FROM web:1\nCOPY page.txt /page.txt\nCMD ["sleep", "100000"]\n');
      const stack = { services: { web: { image: `${registry.address}/web:2` } } };
      await inFolder('stack.yml', JSON.stringify({ version: '3.8', ...stack }));
      const service = { image: 'page:1', env_file: ['web.env'], network_mode: 'none' };
      await inFolder('compose.yml', JSON.stringify({ services: { web: service } }));
      await inFolder('web.env', 'WORD=compose\n');
      await belt.ok(['docker', 'swarm', 'init']);
      await belt.ok(['swarm', 'join', 'node1', 'node2']);
    });
    afterAll(() => registry?.stop());

    test.each(['0', '1'])('docker build reads the context here, with DOCKER_BUILDKIT=%s', async (kit) => {
      const env = { DOCKER_BUILDKIT: kit };
      await belt.ok(['docker', 'build', '--tag', 'page:1', '.'], { cwd: folder, env });
      expect(await belt.ok(['docker', 'run', '--rm', 'page:1', 'cat', '/page.txt'])).toBe('from here');
    });

    test('config create, --env-file and cp use files of this computer', async () => {
      const here = { cwd: folder };
      await belt.ok(['docker', 'config', 'create', 'page', 'page.txt'], here);
      expect(await belt.ok(['docker', 'config', 'inspect', '--pretty', 'page'])).toContain('from here');
      const run = ['docker', 'run', '--rm', '--env-file', 'web.env', 'web:1', 'sh', '-c', 'echo $WORD'];
      expect(await belt.ok(run, here)).toBe('compose\n');
      await belt.ok(['docker', 'cp', 'page.txt', 'idle:/tmp/copy'], here);
      expect(await belt.ok(['docker', 'exec', 'idle', 'cat', '/tmp/copy'])).toBe('from here');
    });

    test('compose up starts the services of a file of this computer', async () => {
      await belt.ok(['compose', 'up', '--detach'], { cwd: folder });
      expect(await belt.ok(['compose', 'exec', '-T', 'web', 'sh', '-c', 'echo $WORD'], { cwd: folder })).toBe(
        'compose\n',
      );
      await belt.ok(['compose', 'down', '--timeout', '0'], { cwd: folder });
    });

    test('a login here is enough for push, pull and services of a stack, from a worker too', async () => {
      const image = `${registry.address}/web:2`;
      await belt.ok(['docker', 'tag', 'web:1', image]);
      expect((await belt.run(['docker', 'push', image])).stderr).toMatch(
        /no basic auth|denied|unauthorized/i,
      );
      const login = ['docker', 'login', '-u', registryLogin.user, '--password-stdin', registry.address];
      await belt.ok(login, { input: registryLogin.password });
      await belt.ok(['docker', 'push', image]);
      await belt.ok(['--host', 'node2', 'docker', 'pull', image]);
      await belt.ok(['docker', 'rmi', image]);
      await belt.ok(['--host', 'node2', 'docker', 'rmi', image]);
      await belt.ok(['active', 'node2']);
      const deploy = ['stack', 'deploy', '-c', 'stack.yml', '--with-registry-auth', 'app'];
      await belt.ok(deploy, { cwd: folder });
      expect(await belt.ok(['stack', 'services', 'app', '--format', '{{.Image}}'])).toBe(`${image}\n`);
      const refused = await belt.run(['docker', 'service', 'ls']);
      expect(refused.stderr).toContain('node2 is a worker. Try: belt --host node1 docker service ls');
      const create = [
        'service',
        'create',
        '--with-registry-auth',
        '--name',
        'named',
        image,
        'sleep',
        '100000',
      ];
      await belt.ok(['--host', 'manager', 'docker', ...create]);
      await belt.ok(['active', 'node1']);
    });

    test('without a client here, docker runs on the machine, and a hint names the file', async () => {
      const { code, stderr } = await belt.run(['docker', 'config', 'create', 'other', 'page.txt'], {
        cwd: folder,
        env: { BELT_DOCKER_CLIENT: 'remote' },
      });
      expect(code).toBe(1);
      expect(stderr).toContain('docker ran on the machine, but "page.txt" is on this computer');
    });
  });
});

/** Samples a process's resident memory. @returns stops, and returns the maximum in MiB */
function peakMemory(pid: number): () => Promise<number> {
  let peak = 0;
  const sample = async (): Promise<void> => {
    const { readFile } = await import('node:fs/promises');
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  };
  const timer = setInterval(sample, 50);
  return async () => {
    clearInterval(timer);
    return peak;
  };
}
