import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { importWebImage } from '../lab/containers.js';
import { canCreateMachines } from '../lab/machines.js';

/** Logs and resource usage of tasks on real nodes, and the nodes' hostnames. */
describe.skipIf(!canCreateMachines())('tasks', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'node[1:2]']);
    await belt.ok(['swarm', 'init', 'node1']);
    await belt.ok(['swarm', 'join', 'node1', 'node2']);
    await importWebImage(belt, 'node[1:2]');
    const script = 'echo "begin $(hostname)"; echo problem >&2; while true; do echo tick; sleep 1; done';
    const service = ['service', 'create', '--name', 'web', '--mode', 'global', '--no-resolve-image'];
    await belt.ok(['docker', ...service, 'web:1', 'sh', '-c', script]);
    const single = ['service', 'create', '--name', 'one', '--no-resolve-image'];
    await belt.ok(['docker', ...single, 'web:1', 'sh', '-c', script]);
  });
  afterAll(() => belt.dispose());

  const containers = async (): Promise<string[]> =>
    (await belt.ok(['--host', 'node[1:2]', 'docker', 'ps', '--no-trunc', '-q', '--filter', 'name=web']))
      .trim()
      .split('\n')
      .map((line) => line.split(': ')[1]?.slice(0, 12) ?? '');

  test('logs prefixes the lines of several tasks, on both streams', async () => {
    const { code, stdout, stderr } = await belt.run(['logs', 'web']);
    expect(code).toBe(0);
    const begun = [...stdout.matchAll(/^web\.\w+: +begin (\w{12})$/gm)].map(([, host]) => host);
    expect(begun.sort()).toEqual((await containers()).sort());
    expect(stderr.match(/^web\.\w+: +problem$/gm)).toHaveLength(2);
  });

  test('logs prints a single task without a prefix', async () => {
    expect(await belt.ok(['logs', '--tail', '1', 'one.1'])).toBe('tick\n');
    expect(await belt.ok(['logs', '-n', '1', '-t', 'one'])).toMatch(/^\d{4}-\d\d-\d\dT\S+ tick\n$/);
    expect(JSON.parse(await belt.ok(['logs', '--json', '-n', '1', 'one']))).toEqual([
      { task: 'one.1', stream: 'stdout', line: 'tick' },
    ]);
  });

  test('logs --follow ends with Ctrl-C and leaves no process on the node', async () => {
    const child = belt.spawn(['logs', '--follow', '--tail', '0', 'one']);
    let seen = '';
    child.stdout.on('data', (chunk) => {
      seen += chunk;
    });
    await expect.poll(() => seen).toContain('tick\ntick\n');
    child.kill('SIGINT');
    expect(await once(child, 'close')).toEqual([130, null]);
    const left = async () =>
      (await belt.run(['exec', 'node[1:2]', '--', 'pgrep -f "docker logs" | grep -v $$'])).stdout;
    await expect.poll(left).toBe('');
  });

  test('logs reports an unknown task and suggests a service', async () => {
    const { code, stderr } = await belt.run(['logs', 'wep']);
    expect([code, stderr]).toEqual([1, 'error: no such task or service: wep\nDid you mean "web"?\n']);
  });

  test('stats samples every node, and a stopped node does not delay the others', async () => {
    const rows = JSON.parse(await belt.ok(['stats', '--json', 'web'])) as Record<string, unknown>[];
    expect(rows.map(({ node }) => node).sort()).toEqual(['node1', 'node2']);
    for (const row of rows)
      expect(row).toMatchObject({ cpuPercent: expect.any(Number), received: expect.any(Number) });
    await belt.ok(['kill', 'node2']);
    const { code, stdout } = await belt.run(['stats', '--no-stream', 'web']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/node1 +\d+\.\d\d%/);
    expect(stdout).toMatch(/node2 +- .*(no answer|no route|node2)/);
    await belt.ok(['start', 'node2']);
  });

  test('hostname renames nodes, and the swarm shows it without an engine restart', async () => {
    const since = async () =>
      belt.ok(['exec', 'node1', '--', 'systemctl show -p ActiveEnterTimestamp docker.service']);
    await belt.ok(['exec', 'node1', '--', 'hostname odd; echo odd > /etc/hostname']);
    const before = await since();
    expect(await belt.ok(['hostname', 'node[1:2]'])).toMatch(/^node1 +node1 +odd$/m);
    expect(await belt.ok(['exec', 'node1', '--', 'hostname; cat /etc/hostname'])).toBe('node1\nnode1\n');
    expect(await since()).toBe(before);
    const hostnames = async () =>
      (await belt.ok(['docker', 'node', 'ls', '--format', '{{.Hostname}}'])).trim().split('\n').sort();
    await expect.poll(hostnames).toEqual(['node1', 'node2']);
  });
});
