import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** Wrong input prints one clear line with a hint, and changes nothing. */
describe.skipIf(!canCreateMachines())('bad input', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
  });
  afterAll(() => belt.dispose());

  test.each([
    { args: ['create', '512mb', 'node[4:1]'], code: 2, says: 'node[4:1]' },
    { args: ['create', '512mb', 'node[1:'], code: 2, says: 'node[1:' },
    { args: ['create', '512mb', 'node[a:b]'], code: 2, says: 'node[a:b]' },
    { args: ['create', '512mb', 'node[1:10001]'], code: 2, says: 'more than 10000 names' },
    { args: ['create', '512mb', 'no_de'], code: 2, says: 'no_de' },
    { args: ['create', '512mb', 'node1', '-d', 'nspwan'], code: 1, says: '"nspwan"' },
    { args: ['--cluster', 'typo', 'env', 'node1'], code: 1, says: 'no cluster is called "typo"' },
    { args: ['create', '9000gb', 'node1'], code: 1, says: '9000gb' },
    { args: ['create'], code: 2, says: 'no machine specified' },
    { args: ['create', '512mb', 'node1', '--nspawn-image', 'debian-99'], code: 1, says: 'debian-99' },
    { args: ['ip', 'ghost'], code: 1, says: 'Docker machine "ghost" does not exist' },
    { args: ['start', 'ghost'], code: 1, says: 'Docker machine "ghost" does not exist' },
    { args: ['active', 'ghost'], code: 1, says: 'Docker machine "ghost" does not exist' },
    { args: ['--host', 'ghost', 'docker', 'info'], code: 1, says: 'Docker machine "ghost" does not exist' },
    { args: ['swarm', 'join', 'ghost', 'node1'], code: 1, says: 'Docker machine "ghost" does not exist' },
    { args: ['swarm', 'join', 'node1'], code: 2, says: 'no machine specified' },
    { args: ['exec', 'node1'], code: 2, says: 'no command specified' },
    { args: ['status', '--wait', 'activ=3'], code: 2, says: '"activ=3"' },
    { args: ['use', 'nothere'], code: 1, says: 'nothere' },
    { args: ['doctor', '-d', 'nspwan'], code: 1, says: 'unknown driver "nspwan"' },
    { args: ['ls', '--bogus'], code: 2, says: '--bogus' },
    { args: ['certs', 'rotate'], code: 1, says: 'there are no certificates to rotate yet' },
    {
      args: ['swarm', 'backup'],
      code: 2,
      says: 'error: missing argument: FILE (Output file; - for stdout)\n',
    },
    { args: ['completion', 'tcsh'], code: 2, says: '"tcsh" is not one of bash, zsh, fish' },
    {
      args: ['crate', 'node1'],
      code: 2,
      says: 'error: "crate" is not a belt command\nTry: belt create node1\n',
    },
    { args: ['create', '-d', 'none', '--bogus'], code: 2, says: 'Try: belt create -d none --help' },
    { args: ['--debug'], code: 2, says: 'no command specified' },
    { args: ['rm', '-y', 'zz*'], code: 1, says: 'no machine matches "zz*"' },
    { args: ['help', 'crate'], code: 2, says: '"crate" is not a belt command' },
    { args: ['ls', 'node1'], code: 1, says: 'Docker machine "node1" does not exist' },
    { args: ['active', 'node1', 'node2'], code: 2, says: 'unexpected argument: node2' },
    { args: ['active', '--timeout', 'soon'], code: 2, says: 'soon' },
    { args: ['create', '--swarm', 'node1'], code: 2, says: 'belt swarm init' },
    {
      args: ['create', '--swarm-discovery', 'token://1', 'node1'],
      code: 2,
      says: '--swarm-discovery is not supported',
    },
    { args: ['docker', 'ps'], code: 1, says: 'No active host found' },
  ])('belt $args', async ({ args, code, says }) => {
    const result = await belt.run(args);
    expect(result.stderr).toContain(says);
    expect(result.stderr).not.toMatch(/^\s+at /m);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(await readdir(belt.folder)).toEqual([]);
  });

  test('--json prints an error as a document', async () => {
    const { code, stdout } = await belt.run(['ip', 'ghost', '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      { error: { code: 'machine-not-found', message: expect.stringContaining('"ghost" does not exist') } },
    ]);
  });

  test('create refuses more machines than there are addresses', async () => {
    const env = {
      NSPAWN_DATA: join(belt.folder, 'data'),
      NSPAWN_BRIDGE: 'belttest',
      NSPAWN_NETWORK: '10.254.77.0/30',
    };
    const { code, stdout, stderr } = await belt.run(['create', '512mb', 'node[1:4]'], { env });
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('10.254.77.0/30')]);
    expect(await readdir(belt.folder)).toEqual([]);
  });

  test('ssh refuses a changed host key', async () => {
    await belt.ok(['create', '512mb', 'keyed']);
    const path = join(belt.folder, '.belt', 'default', 'ssh', 'known_hosts');
    const before = await readFile(path, 'utf8');
    const other = 'AAAAC3NzaC1lZDI1NTE5AAAAIJ5kBIZ8dzVt813HAwwCMqDxaEHEg8rVkmEMCgrYslNL';
    await writeFile(path, before.replace(/^(keyed ssh-ed25519) \S+/m, `$1 ${other}`));
    const { code, stderr } = await belt.run(['ssh', 'keyed', 'true']);
    expect(code).toBe(1);
    expect(stderr.match(/SHA256:[\w+/]{43}/g)).toHaveLength(2);
    expect(stderr).toContain(path);
    await belt.ok(['rm', '-y', 'keyed']);
    recordFault({ kind: 'Untrusted input', fault: 'a machine shows another host key' });
  });

  test('create refuses the name of an existing machine, even a stopped one', async () => {
    await belt.ok(['create', '512mb', 'node1']);
    const running = await belt.run(['create', '512mb', 'node[1:2]']);
    expect([running.code, running.stderr]).toEqual([
      1,
      expect.stringContaining('Docker machine "node1" already exists (running)'),
    ]);
    await belt.ok(['stop', 'node1']);
    const stopped = await belt.run(['create', '512mb', 'node1']);
    expect([stopped.code, stopped.stderr]).toEqual([1, expect.stringContaining('belt start node1')]);
    expect(await belt.ok(['ls', '-q'])).toBe('node1\n');
    const off = await belt.run(['--host', 'node1', 'docker', 'info']);
    expect([off.code, off.stderr]).toEqual([1, expect.stringContaining('node1 is stopped')]);
  });

  test('belt names a damaged state file and leaves it unchanged', async () => {
    const path = join(belt.folder, '.belt', 'default', 'machines', 'broken', 'config.json');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, '{"Name": ');
    const inspected = await belt.run(['inspect', 'broken']);
    expect([inspected.code, inspected.stderr]).toEqual([1, expect.stringContaining(path)]);
    const listed = await belt.run(['ls']);
    expect(listed.stdout).toContain('node1');
    expect(listed.stdout).toContain(path);
    recordFault({ kind: 'Disks and files', fault: 'the record of a machine is torn' });
  });
});

describe('output that cannot be written', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '-d', 'none', '--url', 'tcp://10.0.0.9:2376', 'node1']);
  });
  afterAll(() => belt.dispose());

  /** One for each way that a command line runs, and an error document. */
  const lines = [
    ['--help'],
    ['--version'],
    ['swarm', '--help'],
    ['ls', '-q'],
    ['ls', '-o', 'json'],
    ['ip', 'ghost', '-o', 'json'],
    ['env', 'node1'],
    ['__complete', '1', 'belt', ''],
    ['-o', 'json', 'docker', 'ps'],
  ].map((args) => ({ args }));

  test.each(lines)(
    'belt $args ends with 141 and prints nothing when its reader has gone',
    async ({ args }) => {
      const child = belt.spawn(args);
      child.stdout.destroy();
      const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
      expect([code, stderr]).toEqual([141, '']);
      recordFault({
        kind: 'Disks and files',
        fault: 'the reader of stdout closes the pipe',
        lost: 'that output',
      });
    },
  );

  test.each(lines)('belt $args reports a full disk in one line', async ({ args }) => {
    await using full = await open('/dev/full', 'w');
    const child = spawn(process.execPath, [resolve('bin/run.js'), ...args], {
      cwd: belt.folder,
      env: belt.env,
      stdio: ['ignore', full.fd, 'pipe'],
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr as Readable), once(child, 'close')]);
    expect([code, stderr]).toEqual([1, 'error: cannot write to stdout: no space left on device\n']);
    recordFault({ kind: 'Disks and files', fault: 'stdout is a full disk', lost: 'that output' });
  });
});
