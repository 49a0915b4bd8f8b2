import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { importWebImage } from '../lab/containers.js';
import { canCreateMachines } from '../lab/machines.js';
import { runInTerminal } from '../lab/terminal.js';

/** `belt docker` is the remote docker: arguments, streams, terminal, signals and exit code. */
describe.skipIf(!canCreateMachines())('belt docker', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '1gb', 'node1']);
    await belt.ok(['active', 'node1']);
    await importWebImage(belt, 'node1');
    await belt.ok(['docker', 'run', '-d', '--name', 'idle', 'web:1', 'sleep', '100000']);
  });
  afterAll(() => belt.dispose());

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

  test('belt docker streams 1 GB both ways in constant memory', async () => {
    const size = 1024 ** 3;
    const sender = belt.spawn(['docker', 'exec', '-i', 'idle', 'wc', '-c']);
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

    const receiver = belt.spawn(['docker', 'exec', 'idle', 'head', '-c', String(size), '/dev/zero']);
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
