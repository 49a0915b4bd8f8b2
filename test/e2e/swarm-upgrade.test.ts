import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt, type Result } from '../lab/belt.js';
import { httpGet, importWebImage } from '../lab/containers.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';
import { type Requests, requestContinuously } from '../lab/requests.js';

/** Upgrades three managers and four workers while a service runs, and checks them with docker. */
describe.skipIf(!canCreateMachines())('swarm upgrade', () => {
  let belt: Belt;
  let requests: Requests;
  const managers = ['mg1', 'mg2', 'mg3'];
  const workers = ['node1', 'node2', 'node3', 'node4'];
  const names = [...managers, ...workers];

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'mg[1:3],node[1:4]']);
    await belt.ok(['swarm', 'init', 'mg1']);
    await belt.ok(['swarm', 'join', '--manager', 'mg1', 'mg[2:3]']);
    await belt.ok(['swarm', 'join', 'mg1', 'node[1:4]']);
    // Different availabilities, to check that each is restored.
    await belt.ok(['docker', 'node', 'update', '--availability', 'drain', 'mg3']);
    await belt.ok(['docker', 'node', 'update', '--availability', 'pause', 'node4']);
    await importWebImage(belt, names.join(','));
    // On SIGTERM it finishes open requests and accepts no new ones.
    const serve =
      'echo hello > /www/index.html; httpd -f -p 80 -h /www & trap "kill $!; sleep 1; exit" TERM; wait';
    const service = ['--name', 'web', '--replicas', '4', '--no-resolve-image', '--stop-grace-period', '5s'];
    const publish = ['--publish', 'mode=host,published=8080,target=80'];
    await belt.ok(['docker', 'service', 'create', ...service, ...publish, 'web:1', 'sh', '-c', serve]);
    const addresses = (await belt.ok(['ip', names.join(',')])).trim().split('\n');
    await Promise.any(addresses.map((address) => httpGet(`http://${address}:8080/`)));
    requests = requestContinuously(addresses, 8080);
  }, 300_000);
  afterAll(async () => {
    await requests?.stop();
    await belt.dispose();
  }, 120_000);

  const record = (): string => join(belt.folder, '.belt/default/upgrade.json');
  const upgrade = (args: readonly string[]): Promise<Result> =>
    belt.run(['swarm', 'upgrade', ...args], { timeoutMs: 560_000 });

  /** Host name, status, availability and role of all nodes, from a manager's engine. */
  const nodes = async (by: string): Promise<string[]> => {
    const format =
      '{{.Hostname}} {{.Status}} {{.Availability}} {{if .ManagerStatus}}manager{{else}}worker{{end}}';
    return (await belt.ok(['--host', by, 'docker', 'node', 'ls', '--format', format]))
      .trim()
      .split('\n')
      .sort();
  };
  const before = [
    'mg1 Ready Active manager',
    'mg2 Ready Active manager',
    'mg3 Ready Drain manager',
    'node1 Ready Active worker',
    'node2 Ready Active worker',
    'node3 Ready Active worker',
    'node4 Ready Pause worker',
  ];
  /** Memory limits in MiB. */
  const sizes = async (): Promise<unknown[]> => {
    const rows = (await belt.list()) as { name: string; memory: number }[];
    return rows.map(({ memory }) => memory);
  };

  test('upgrade requires --size or --engine, and --dry-run shows the steps', async () => {
    const nothing = await upgrade(['node1']);
    expect([nothing.code, nothing.stderr]).toEqual([
      2,
      expect.stringContaining('no --size or --engine specified'),
    ]);
    const plan = JSON.parse((await upgrade(['--size', '640mb', '--dry-run', '--json', '--all'])).stdout);
    expect(plan.map(({ name }: { name: string }) => name)).toEqual(['mg2', 'mg3', 'mg1', ...workers]);
    expect(plan[0].steps).toEqual([
      ...[
        'drain',
        'demote',
        'stop',
        'resize',
        'start',
        'wait until ready',
        'promote',
        'restore availability',
      ],
    ]);
    const unknown = await upgrade(['--size', 'huge', '--all']);
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringContaining('"huge" is not a size for nspawn'),
    ]);
    expect(await nodes('mg1')).toEqual(before);
  });

  test('upgrade resumes after a kill and upgrades all nodes without an unanswered request', async () => {
    const args = ['swarm', 'upgrade', '--size', '640mb', '--all'];
    const child = belt.spawn(args);
    let output = '';
    child.stderr.on('data', (data) => {
      output += String(data);
    });
    await expect.poll(() => output, { timeout: 120_000, interval: 20 }).toMatch(/^mg2: Booting/m);
    child.kill('SIGKILL');
    expect(existsSync(record())).toBe(true);
    expect(await nodes('mg1')).not.toEqual(before);

    const { code, stderr } = await upgrade(args.slice(2));
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stderr).toMatch(/^mg2, resumed: /m);
    expect(await nodes('mg2')).toEqual(before);
    expect(await sizes()).toEqual(names.map(() => 640));
    expect(existsSync(record())).toBe(false);
    expect(requests.unanswered).toEqual([]);
    expect(requests.rounds).toBeGreaterThan(300);
    recordFault({ kind: 'Killed and interrupted', fault: '`swarm upgrade` is killed while a manager boots' });
  }, 600_000);

  test('a second upgrade has nothing to do', async () => {
    const { code, stdout } = await upgrade(['--size', '640mb', '--all', '--json']);
    const { ok } = JSON.parse(stdout) as { ok: { steps: string[] }[] };
    expect([code, ok.map(({ steps }) => steps)]).toEqual([0, names.map(() => [])]);
  });

  test('upgrade stops at a node that does not come back, and resumes once it is fixed', async () => {
    await belt.ok(['exec', 'node2', '--', 'systemctl mask docker.service docker.socket']);
    const { code, stderr, stdout } = await upgrade(['--size', '512mb', '--json', 'node[1:3]']);
    const report = JSON.parse(stdout) as { ok: { name: string }[]; failed: unknown[]; skipped: string[] };
    expect([code, report.ok.map(({ name }) => name), report.skipped]).toEqual([1, ['node1'], ['node3']]);
    expect(report.failed).toEqual([
      {
        name: 'node2',
        code: 'external',
        error: expect.stringContaining('the upgrade of node2 failed at "start"'),
      },
    ]);
    expect(stderr).toContain('belt rm --force node2');
    expect((await nodes('mg1')).filter((row) => row.startsWith('node'))).toEqual([
      'node1 Ready Active worker',
      'node2 Down Drain worker',
      'node3 Ready Active worker',
      'node4 Ready Pause worker',
    ]);

    await belt.ok(['exec', 'node2', '--', 'systemctl unmask docker.service docker.socket']);
    await belt.ok(['exec', 'node2', '--', 'systemctl start docker.socket docker.service']);
    const again = await upgrade(['--size', '512mb', 'node[1:3]']);
    expect({ code: again.code, stderr: again.code === 0 ? '' : again.stderr }).toEqual({
      code: 0,
      stderr: '',
    });
    expect(await nodes('mg1')).toEqual(before);
    expect(await sizes()).toEqual([640, 640, 640, 512, 512, 512, 640]);
    expect(requests.unanswered).toEqual([]);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'an engine does not start during `swarm upgrade`',
    });
  }, 600_000);

  test('upgrade --engine upgrades only outdated engines', async () => {
    const version = "dpkg-query --show --showformat='${Version}' docker.io";
    const newest = await belt.ok(['ssh', 'mg2', version]);
    for (const name of ['mg2', 'node1']) {
      const pretend = "sed -i '/^Package: docker.io$/,/^$/s/^Version: .*/Version: 1.0/' /var/lib/dpkg/status";
      await belt.ok(['exec', name, '--', pretend]);
    }
    const { code, stdout, stderr } = await upgrade(['--engine', '--all', '--json']);
    const { ok } = JSON.parse(stdout) as { ok: { name: string; steps: string[] }[] };
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(ok.filter(({ steps }) => steps.includes('upgrade engine')).map(({ name }) => name)).toEqual([
      'mg2',
      'node1',
    ]);
    expect(ok.filter(({ steps }) => steps.length === 0)).toHaveLength(5);
    for (const name of ['mg2', 'node1']) expect(await belt.ok(['ssh', name, version])).toBe(newest);
    expect(await nodes('mg1')).toEqual(before);
    expect(requests.unanswered).toEqual([]);
  }, 600_000);

  test('the request loop detects a stopped service', async () => {
    await belt.ok(['docker', 'service', 'scale', 'web=0']);
    await expect.poll(() => requests.unanswered.length).toBeGreaterThan(0);
  });
});
