import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { httpGet, importWebImage } from '../lab/containers.js';
import { canCreateMachines } from '../lab/machines.js';

/** From machines to a swarm, command by command, checked with docker. */
describe.skipIf(!canCreateMachines())('a swarm from scratch', () => {
  let belt: Belt;
  const names = ['node1', 'node2', 'node3', 'node4'];

  /** Reads from an engine over OpenSSH instead of belt. */
  const engine = async (node: string, format: string): Promise<string> =>
    (await belt.ok(['--host', node, 'docker', 'info', '--format', format])).trim();

  beforeAll(async () => {
    belt = await newBelt();
  });
  afterAll(() => belt.dispose());

  test('create creates four machines and lists them', async () => {
    const { code, stdout, stderr } = await belt.run(['create', '512mb', 'node[1:4]']);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const [header, ...rows] = stdout.trimEnd().split('\n');
    expect(header?.split(/\s+/)).toEqual(['NAME', 'DRIVER', 'STATE', 'IPV4', 'SIZE']);
    expect(rows.map((row) => row.split(/\s+/))).toEqual(
      names.map((name) => [
        name,
        'nspawn',
        'Running',
        expect.stringMatching(/^\d+\.\d+\.\d+\.\d+$/),
        '512mb',
      ]),
    );
  });

  test('piped progress is plain lines on stderr', async () => {
    const { stdout, stderr } = await belt.run(['restart', 'node4']);
    expect(stdout).toBe(
      'Restarting "node4"...\nRestarted machines may have new IP addresses. You may need to re-run the `belt env` command.\n',
    );
    expect(stderr).not.toContain('\u001b');
    expect(stderr).toMatch(/^node4: Restarted/m);
  });

  test('ls lists the machines as a table and as JSON', async () => {
    const table = await belt.ok(['ls']);
    expect(
      table
        .split('\n')
        .slice(1, 5)
        .map((row) => row.split(/\s+/)[0]),
    ).toEqual(names);
    expect(table.split('\n')[0]?.split(/\s+/)).toEqual([
      'NAME',
      'ACTIVE',
      'DRIVER',
      'STATE',
      'URL',
      'SWARM',
      'DOCKER',
      'ERRORS',
    ]);
    const rows = (await belt.list()) as {
      name: string;
      state: string;
      address: string;
    }[];
    expect(rows.map(({ name, state }) => [name, state])).toEqual(names.map((name) => [name, 'running']));
    expect(await belt.ok(['ls', '-q'])).toBe(`${names.join('\n')}\n`);
    const address = rows[1]?.address;
    expect(await belt.ok(['ip', 'node2'])).toBe(`${address}\n`);
  });

  test('status counts states and waits for them', async () => {
    expect((await belt.ok(['status'])).split('\n')[0]?.split(/\s+/)).toEqual(['STATUS', '#NODES', 'NAMES']);
    expect(await belt.ok(['status', '--wait', 'active=4', '--timeout', '10'])).toMatch(/^Running +4 +/m);
    expect(await belt.ok(['status', 'node1'])).toBe('Running\n');
    const late = await belt.run(['status', '--wait', 'active=5', '--timeout', '1']);
    expect([late.code, late.stderr]).toEqual([
      1,
      expect.stringContaining('4 of 5 machines are running after 1 s'),
    ]);
  });

  test('inspect shows the record in docker-machine’s form', async () => {
    const document = JSON.parse(await belt.ok(['inspect', 'node2'])) as {
      Driver: { IPAddress: string };
      Name: string;
    };
    expect(document.Name).toBe('node2');
    expect(`${document.Driver.IPAddress}\n`).toBe(await belt.ok(['ip', 'node2']));
  });

  test('active chooses the machine that belt docker talks to', async () => {
    const before = await belt.run(['docker', 'version']);
    expect([before.code, before.stderr]).toEqual([1, expect.stringContaining('No active host found')]);
    expect(await belt.ok(['active', 'node1'])).toBe('node1\n');
    expect(await belt.ok(['active'])).toBe('node1\n');
    expect(await belt.ok(['docker', 'version'])).toMatch(/^Client:[\s\S]*^Server:/m);
    expect(await engine('node2', '{{.Name}}')).toBe('node2');
  });

  test('docker swarm init and swarm join form the swarm', async () => {
    const initialized = await belt.ok(['docker', 'swarm', 'init']);
    expect(initialized).toMatch(/^Swarm initialized: current node \(\w{25}\) is now a manager\.$/m);
    const joined = await belt.ok(['swarm', 'join', 'node1', 'node[2:4]']);
    expect(joined.trimEnd().split('\n').sort()).toEqual(
      ['node2', 'node3', 'node4'].map((name) => `${name}: This node joined a swarm as a worker.`),
    );
    expect(await engine('node1', '{{.Swarm.Nodes}} {{.Swarm.Managers}}')).toBe('4 1');
    for (const name of ['node2', 'node3', 'node4']) {
      expect(await engine(name, '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}')).toBe(
        'active false',
      );
    }
  });

  test('the engines agree on every node being ready at its own address', async () => {
    const nodes = await belt.ok([
      'docker',
      'node',
      'ls',
      '--format',
      '{{.Hostname}} {{.Status}} {{.ManagerStatus}}',
    ]);
    expect(nodes.split('\n').slice(0, -1).sort()).toEqual([
      'node1 Ready Leader',
      'node2 Ready ',
      'node3 Ready ',
      'node4 Ready ',
    ]);
    const rows = JSON.parse(await belt.ok(['swarm', 'ls', '--json'])) as {
      hostname: string;
      address: string;
      role: string;
    }[];
    for (const { hostname, address } of rows) expect(`${address}\n`).toBe(await belt.ok(['ip', hostname]));
    expect(rows.map(({ role }) => role)).toEqual(['manager', 'worker', 'worker', 'worker']);
  });

  test('joining a swarm twice succeeds and changes nothing', async () => {
    expect(await belt.ok(['swarm', 'join', 'node1', 'node2'])).toBe(
      'node2: This node is already part of the swarm as a worker.\n',
    );
  });

  test('swarm join refuses a worker as manager with one line', async () => {
    const { code, stderr } = await belt.run(['swarm', 'join', 'node2', 'node3']);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('node2 is a worker of its swarm, not a manager'),
    ]);
  });

  test('a service responds on every node and scales', async () => {
    await importWebImage(belt, 'node[1:4]');
    const serve = 'echo "hello from $(hostname)" > /www/index.html; exec httpd -f -p 80 -h /www';
    const publish = 'mode=host,published=8080,target=80';
    await belt.ok([
      'docker',
      'service',
      'create',
      '--name',
      'web',
      '--replicas',
      '4',
      '--no-resolve-image',
      '--publish',
      publish,
      'web:1',
      'sh',
      '-c',
      serve,
    ]);
    for (const name of names) {
      const address = (await belt.ok(['ip', name])).trim();
      expect(await httpGet(`http://${address}:8080/`)).toMatch(/^hello from \w+\n$/);
    }
    await belt.ok([
      'docker',
      'service',
      'create',
      '--name',
      'idle',
      '--no-resolve-image',
      '--detach',
      'web:1',
      'sleep',
      '1000',
    ]);
    await belt.ok(['docker', 'service', 'scale', 'idle=8']);
    expect(
      await belt.ok(['docker', 'service', 'ls', '--filter', 'name=idle', '--format', '{{.Replicas}}']),
    ).toBe('8/8\n');
  });

  test('swarm join --manager adds managers', async () => {
    await belt.ok(['--host', 'node4', 'docker', 'swarm', 'leave']);
    expect(await belt.ok(['swarm', 'join', '--manager', 'node1', 'node4'])).toBe(
      'node4: This node joined a swarm as a manager.\n',
    );
    expect(await engine('node4', '{{.Swarm.ControlAvailable}}')).toBe('true');
    expect(await engine('node1', '{{.Swarm.Managers}}')).toBe('2');
  });

  test('exec prefixes the output of several machines', async () => {
    const { stdout, code } = await belt.run(['exec', 'node[1:3]', '--', 'hostname']);
    expect([code, stdout.trimEnd().split('\n').sort()]).toEqual([
      0,
      ['node1: node1', 'node2: node2', 'node3: node3'],
    ]);
    const failing = await belt.run(['exec', 'node[1:2]', '--', 'test "$(hostname)" = node1']);
    expect([failing.code, failing.stderr]).toEqual([1, expect.stringContaining('node2')]);
  });

  test.each(['node1', 'node[1:2]'])(
    'exec on %s ends when the reader of its output has gone',
    async (nodes) => {
      const child = belt.spawn(['exec', nodes, '--', 'yes']);
      child.stdout.once('data', () => child.stdout.destroy());
      const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')]);
      expect([code, stderr]).toEqual([141, '']);
    },
  );

  test('docker prefixes the output of several machines', async () => {
    const { stdout } = await belt.run(['--host', 'node[1:2]', 'docker', 'info', '--format', '{{.Name}}']);
    expect(stdout.trimEnd().split('\n').sort()).toEqual(['node1: node1', 'node2: node2']);
  });

  test('rm --all leaves no records', async () => {
    const asked = await belt.run(['rm', '--all'], { input: 'n\n' });
    expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining('Are you sure? (y/N) ')]);
    expect(await belt.list()).toHaveLength(4);
    await belt.ok(['rm', '--all', '--yes']);
    expect(await belt.list()).toEqual([]);
  });
});
