import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt, type Result } from '../lab/belt.js';
import { importWebImage } from '../lab/containers.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** Runs all swarm commands on real machines and checks the engines with docker. */
describe.runIf(canCreateMachines())('swarm verbs', () => {
  let belt: Belt;
  const addresses = new Map<string, string>();

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'node[1:5]']);
    for (const name of names(1, 2, 3, 4, 5)) addresses.set(name, (await belt.ok(['ip', name])).trim());
  });

  afterAll(async () => {
    await belt?.dispose();
  });

  function names(...numbers: number[]): string[] {
    return numbers.map((number) => `node${number}`);
  }

  /** Read from the engine itself. */
  async function info(node: string, format: string): Promise<string> {
    return (await belt.ok(['--host', node, 'docker', 'info', '--format', format])).trim();
  }

  function states(): Promise<string[]> {
    return Promise.all(names(1, 2, 3, 4, 5).map((node) => info(node, '{{.Swarm.LocalNodeState}}')));
  }

  async function nodeLs(
    asked: string,
    format = '{{.Hostname}} {{.Status}} {{.Availability}}',
  ): Promise<string[]> {
    const table = await belt.ok(['--host', asked, 'docker', 'node', 'ls', '--format', format]);
    return table
      .trim()
      .split('\n')
      .map((line) => line.trim())
      .sort();
  }

  async function leader(asked: string): Promise<string> {
    const rows = await nodeLs(asked, '{{.Hostname}} {{.ManagerStatus}}');
    return rows.find((row) => row.endsWith(' Leader'))?.split(' ')[0] ?? '';
  }

  const exec = (node: string, script: string): Promise<string> => belt.ok(['exec', node, '--', script]);

  describe('init', () => {
    test('init refuses an address pool that overlaps a network of the machine', async () => {
      const network = addresses.get('node1')?.replace(/\d+$/, '0/24') ?? '';
      const { code, stderr } = await belt.run(['swarm', 'init', 'node1', '--default-addr-pool', network]);
      expect(stderr).toMatch(
        /^error: the address pool [\d./]+ overlaps a network of node1: [\d./]+ \(host0\)$/m,
      );
      expect(code).toBe(1);
      expect(await info('node1', '{{.Swarm.LocalNodeState}}')).toBe('inactive');
    });

    test('init refuses an invalid duration', async () => {
      const { code, stderr } = await belt.run(['swarm', 'init', 'node1', '--cert-expiry', '30d']);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--cert-expiry: invalid duration "30d"')]);
    });

    test("init accepts docker's options", async () => {
      const options = ['--default-addr-pool', '172.30.0.0/16', '--default-addr-pool-mask-length', '26'];
      options.push('--cert-expiry', '240h', '--dispatcher-heartbeat', '7s', '--task-history-limit', '3');
      options.push('--snapshot-interval', '5000', '--max-snapshots', '2', '--data-path-port', '7777');
      expect(await belt.ok(['init', 'node1', ...options])).toMatch(
        /^Swarm initialized: current node \(\w{25}\) is now a manager\.\n$/,
      );
      const cluster = JSON.parse(await info('node1', '{{json .Swarm.Cluster}}')) as Record<string, unknown>;
      expect(cluster).toMatchObject({
        DefaultAddrPool: ['172.30.0.0/16'],
        SubnetSize: 26,
        DataPathPort: 7777,
        Spec: {
          CAConfig: { NodeCertExpiry: 240 * 3600 * 1e9 },
          Dispatcher: { HeartbeatPeriod: 7e9 },
          Orchestration: { TaskHistoryRetentionLimit: 3 },
          Raft: { SnapshotInterval: 5000, KeepOldSnapshots: 2 },
        },
      });
      expect(await belt.ok(['active'])).toBe('node1\n');
    });

    /** What the options of `swarm init` determine, as the engine reports it. */
    const created = async (node: string): Promise<unknown> => {
      const inspect = ['--host', node, 'docker', 'network', 'inspect', 'ingress', '--format'];
      const network = () => belt.run([...inspect, '{{json .IPAM.Config}}']);
      await expect.poll(async () => (await network()).stdout).toContain('Subnet');
      const { ID, CreatedAt, UpdatedAt, Version, TLSInfo, ...cluster } = JSON.parse(
        await info(node, '{{json .Swarm.Cluster}}'),
      ) as Record<string, unknown>;
      return { cluster, ingress: JSON.parse((await network()).stdout) };
    };

    test.each([
      [[]],
      [['--default-addr-pool', '10.20.3.4/16']],
      [
        [
          '--default-addr-pool',
          '10.20.0.0/16,10.30.0.0/16',
          '--task-history-limit',
          '-1',
          '--cert-expiry',
          '1h',
        ],
      ],
    ])('init creates the same swarm as docker swarm init with %j', async (options) => {
      await Promise.all([
        belt.ok(['--host', 'node4', 'docker', 'swarm', 'init', ...options]),
        belt.ok(['swarm', 'init', 'node5', ...options]),
      ]);
      const [docker, own] = await Promise.all([created('node4'), created('node5')]);
      expect(own).toEqual(docker);
      await Promise.all(
        ['node4', 'node5'].map((node) => belt.ok(['--host', node, 'docker', 'swarm', 'leave', '--force'])),
      );
    });

    test.each([
      [['--cert-expiry', '59m'], '--cert-expiry: 59m is too short: the minimum is 1h'],
      [['--task-history-limit', '-2'], '--task-history-limit'],
    ])('init refuses %j before the swarm exists', async (options, message) => {
      const { code, stderr } = await belt.run(['swarm', 'init', 'node4', ...options]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
      expect(await info('node4', '{{.Swarm.LocalNodeState}}')).toBe('inactive');
    });

    test('init and join name the file that enables live-restore', async () => {
      const file = '/etc/docker/daemon.json';
      await exec('node4', `echo '{"live-restore": true}' >${file}; systemctl restart docker`);
      for (const args of [['init'], ['join', 'node1']]) {
        const { code, stderr } = await belt.run(['swarm', ...args, 'node4']);
        expect([code, stderr]).toEqual([
          1,
          expect.stringContaining(`live-restore is enabled on node4 (${file})`),
        ]);
      }
      await exec('node4', `rm ${file}; systemctl restart docker`);
    });
  });

  describe('join', () => {
    test('join adds managers one by one, each with its own address', async () => {
      expect(await belt.ok(['join', '--manager', '--availability', 'pause', 'node[2:3]'])).toBe(
        'node2: This node joined a swarm as a manager.\nnode3: This node joined a swarm as a manager.\n',
      );
      expect(await nodeLs('node1', '{{.Hostname}} {{.ManagerStatus}} {{.Availability}}')).toEqual([
        'node1 Leader Active',
        'node2 Reachable Pause',
        'node3 Reachable Pause',
      ]);
      for (const name of names(1, 2, 3)) {
        expect(await info(name, '{{.Swarm.NodeAddr}}')).toBe(addresses.get(name));
        expect(await exec(name, 'ss -Hltn sport = 2377')).toContain(` ${addresses.get(name)}:2377 `);
      }
      await belt.ok(['swarm', 'activate', 'node[2:3]']);
    });

    test('join reports a closed port', async () => {
      for (const name of names(1, 2, 3)) await block(name, 'node4', 'REJECT');
      try {
        const { code, stderr } = await belt.run(['swarm', 'join', 'node1', 'node4']);
        expect(code).toBe(1);
        for (const name of names(1, 2, 3))
          expect(stderr).toContain(`node4 cannot reach ${addresses.get(name)}:2377 (tcp): refused`);
        expect(stderr).toContain('open 2377/tcp');
      } finally {
        for (const name of names(1, 2, 3)) await unblock(name);
      }
      expect(await nodeLs('node1')).toHaveLength(3);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'a firewall rejects 2377/tcp during `swarm join`',
      });
    });

    test('join uses another manager when one does not respond', async () => {
      const asked = await leader('node1');
      await block(asked, 'node4', 'DROP');
      try {
        const { code, stdout, stderr } = await belt.run(['swarm', 'join', 'node1', 'node4']);
        expect({ code, stdout }).toEqual({
          code: 0,
          stdout: 'node4: This node joined a swarm as a worker.\n',
        });
        expect(stderr).toContain(`node4: Diagnosing the failed join through ${addresses.get(asked)}:2377`);
      } finally {
        await unblock(asked);
      }
      expect(await nodeLs('node1')).toContain('node4 Ready Active');
      await belt.ok(['swarm', 'leave', 'node4']);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'a partition from one manager during `swarm join`',
      });
    });

    test('join reports a node that reaches no manager, and a rerun resumes', async () => {
      for (const name of names(1, 2, 3)) await block(name, 'node4', 'DROP');
      try {
        const { code, stderr } = await belt.run(['swarm', 'join', 'node1', 'node4']);
        expect([code, stderr]).toEqual([
          1,
          expect.stringContaining(`node4 cannot reach ${addresses.get('node1')}:2377 (tcp): timed out`),
        ]);
      } finally {
        for (const name of names(1, 2, 3)) await unblock(name);
      }
      await belt.ok(['swarm', 'join', 'node1', 'node4']);
      expect(await nodeLs('node1')).toContain('node4 Ready Active');
      await belt.ok(['swarm', 'leave', 'node4']);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'a partition from all managers during `swarm join`',
      });
    });

    test('every worker joins although the leader is killed', async () => {
      const killed = await leader('node1');
      const joined = await joinWhileKilling(killed, ['swarm', 'join', killed, 'node[4:5]']);
      expect(joined).toMatchObject({ code: 0 });
      expect(joined.stdout.trimEnd().split('\n').sort()).toEqual([
        'node4: This node joined a swarm as a worker.',
        'node5: This node joined a swarm as a worker.',
      ]);
      const other = names(1, 2, 3).find((name) => name !== killed) ?? '';
      expect(await leader(other)).not.toBe(killed);
      expect(await nodeLs(other)).toEqual(
        expect.arrayContaining(['node4 Ready Active', 'node5 Ready Active']),
      );
      await exec(killed, 'systemctl unmask --runtime docker; systemctl restart docker');
      await expect.poll(() => nodeLs(other)).not.toContain(`${killed} Down Active`);
      recordFault({
        kind: 'Swarms that lose managers',
        fault: 'the engine of the leader is killed during `swarm join`',
      });
    });

    test('swarm join refuses a worker as manager', async () => {
      const atWorker = await belt.run(['swarm', 'join', 'node4', 'node5']);
      expect([atWorker.code, atWorker.stderr]).toEqual([
        1,
        expect.stringContaining('error: node4 is a worker of its swarm, not a manager'),
      ]);
    });

    /** Blocks the node as a firewall on the manager would. */
    function block(manager: string, node: string, target: 'DROP' | 'REJECT'): Promise<string> {
      return exec(manager, `iptables -I INPUT -p tcp --dport 2377 -s ${addresses.get(node)} -j ${target}`);
    }

    function unblock(manager: string): Promise<string> {
      return exec(manager, 'iptables -F INPUT');
    }

    /**
     * The shell on the leader is open in advance, so that the engine dies during the first join.
     */
    async function joinWhileKilling(killed: string, args: string[]): Promise<Result> {
      const script = 'systemctl mask --runtime docker >&2; echo ready; read go; kill -9 $(pidof dockerd)';
      const killer = belt.spawn(['ssh', killed, '--', script]);
      await new Promise((ready) => killer.stdout.once('data', ready));
      const joining = belt.spawn(args);
      const output = { stdout: '', stderr: '' };
      joining.stdout.on('data', (chunk: Buffer) => {
        output.stdout += chunk;
      });
      joining.stderr.on('data', (chunk: Buffer) => {
        if (!output.stderr.includes('Joining at') && String(chunk).includes('Joining at'))
          killer.stdin.end('go\n');
        output.stderr += chunk;
      });
      const code = await new Promise<number>((done) => joining.on('close', (status) => done(status ?? -1)));
      return { code, ...output };
    }
  });

  describe('availability and labels', () => {
    beforeAll(async () => {
      await importWebImage(belt, 'node[1:5]');
      const service = ['docker', 'service', 'create', '--no-resolve-image'];
      await belt.ok(['swarm', 'label', 'node[4:5]', 'zone=a', 'disk=ssd']);
      const placed = ['--constraint', 'node.labels.zone==a', 'web:1', 'sleep', '1000'];
      await belt.ok([...service, '--name', 'single', '--replicas', '1', ...placed]);
      await belt.ok([...service, '--name', 'pair', '--replicas', '4', ...placed]);
    });

    test('label sets and removes labels', async () => {
      expect(await belt.ok(['swarm', 'label', 'node4', 'rack=7', 'disk-'])).toBe('node4\n');
      const labels = await belt.ok([
        'docker',
        'node',
        'inspect',
        'node4',
        '--format',
        '{{json .Spec.Labels}}',
      ]);
      expect(JSON.parse(labels)).toEqual({ zone: 'a', rack: '7' });
    });

    test('Ansible logs in to groups of the inventory, which is a file or a program', async () => {
      const file = join(belt.folder, 'belt.ini');
      await writeFile(file, await belt.ok(['inventory']));
      const script = join(belt.folder, 'belt-inventory');
      const program = [process.execPath, resolve('bin/run.js')].map((path) => `'${path}'`).join(' ');
      await writeFile(script, `#!/bin/sh\nexec ${program} inventory "$@"\n`, { mode: 0o755 });
      const ansible = (inventory: string, group: string): string[] =>
        execFileSync('ansible', ['-i', inventory, group, '-o', '-m', 'raw', '-a', 'hostname'], {
          cwd: belt.folder,
          env: belt.env,
          encoding: 'utf8',
        })
          .split('\n')
          .flatMap((line) => /^(node\d) .*\(stdout\) \1/.exec(line)?.[1] ?? [])
          .sort();
      expect(ansible(file, 'label_zone_a')).toEqual(['node4', 'node5']);
      expect(ansible(script, 'label_zone_a:&label_rack_7')).toEqual(['node4']);
    });

    test('drain --wait lists interrupted and remaining tasks, and ends when no task runs', async () => {
      const format = '{{.Node}}';
      const ps = [
        'docker',
        'service',
        'ps',
        'single',
        '--filter',
        'desired-state=running',
        '--format',
        format,
      ];
      const node = (await belt.ok(ps)).trim();
      await exec(node, 'docker run -d --name plain web:1 sleep 1000');
      const { code, stdout, stderr } = await belt.run(['drain', node, '--wait', '--timeout', '60']);
      expect({ code, stdout }).toEqual({ code: 0, stdout: `${node}\n` });
      expect(stderr).toContain(`service single is interrupted: its only task runs on ${node}`);
      expect(stderr).not.toContain('service pair');
      expect(stderr).toContain(`containers that are not swarm tasks stay on ${node}: plain`);
      expect((await exec(node, "docker ps --format '{{.Names}}'")).trim()).toBe('plain');
      await exec(node, 'docker rm -f plain');
      expect(await belt.ok(['swarm', 'activate', node])).toBe(`${node}\n`);
    });

    test('drain does not wait without --wait', async () => {
      expect(await belt.ok(['drain', 'node5'])).toBe('node5\n');
      expect(await belt.ok(['swarm', 'activate', 'node5'])).toBe('node5\n');
    });

    test('drain --wait names the last obstacle on a timeout', async () => {
      const stubborn = [
        '--name',
        'stubborn',
        '--stop-grace-period',
        '60s',
        '--constraint',
        'node.hostname==node5',
      ];
      const trap = ['sh', '-c', 'trap "" TERM; while true; do sleep 1; done'];
      // Other tasks there take up to 10 s to end and would be named first.
      await belt.ok(['docker', 'service', 'rm', 'single', 'pair']);
      await belt.ok(['swarm', 'drain', 'node5', '--wait', '--timeout', '60']);
      await belt.ok(['swarm', 'activate', 'node5']);
      await belt.ok(['docker', 'service', 'create', '--no-resolve-image', ...stubborn, 'web:1', ...trap]);
      const { code, stderr } = await belt.run(['swarm', 'drain', 'node5', '--wait', '--timeout', '3']);
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining('node5 is drained, but after 3 s still runs stubborn.1 (running)'),
      ]);
      await belt.ok(['docker', 'service', 'rm', 'stubborn']);
      await belt.ok(['swarm', 'activate', 'node5']);
      await belt.ok(['docker', 'service', 'create', '--no-resolve-image', ...stubborn, 'web:1', ...trap]);
    });

    test('pause sets the availability of nodes', async () => {
      expect(await belt.ok(['swarm', 'pause', 'node[4:5]'])).toBe('node4\nnode5\n');
      expect(await nodeLs('node1')).toEqual(
        expect.arrayContaining(['node4 Ready Pause', 'node5 Ready Pause']),
      );
    });
  });

  describe('secrets of the swarm', () => {
    test('join-token shows the token, and rotating it invalidates the old one', async () => {
      const before = (await belt.ok(['swarm', 'token', '-q'])).trim();
      expect(before).toBe((await belt.ok(['docker', 'swarm', 'join-token', '-q', 'worker'])).trim());
      const rotated = await belt.run(['swarm', 'token', 'worker', '--rotate']);
      expect(rotated.stdout).toMatch(
        /^Successfully rotated worker join token\.\n\nTo add a worker to this swarm, run the following command:\n\n {4}docker swarm join --token SWMTKN-1-\S+ [\d.]+:2377\n/,
      );
      expect(rotated.stderr).not.toContain('SWMTKN');
      expect((await belt.ok(['swarm', 'token', '-q'])).trim()).not.toBe(before);
    });

    test('a rotated CA reaches all nodes', async () => {
      const before = await belt.ok(['docker', 'swarm', 'ca']);
      const certificate = await belt.ok(['swarm', 'ca', 'rotate']);
      expect(certificate).toMatch(/^-----BEGIN CERTIFICATE-----[\s\S]*-----END CERTIFICATE-----\n$/);
      expect(certificate.trim()).not.toBe(before.trim());
      expect((await belt.ok(['docker', 'swarm', 'ca'])).trim()).toBe(certificate.trim());
      expect(await states()).toEqual(Array(5).fill('active'));
    });

    test('unlock reads the key of a locked manager from stdin', async () => {
      const locked = await belt.run(['swarm', 'lock']);
      const key = /SWMKEY-1-\S+/.exec(locked.stdout)?.[0] ?? '';
      expect(locked.stdout).toMatch(/^Swarm updated\.\nTo unlock a swarm manager after it restarts/);
      expect((await belt.ok(['swarm', 'unlock-key', '-q'])).trim()).toBe(key);
      const asked = await leader('node1');
      const restarted = names(1, 2, 3).find((name) => name !== asked) ?? '';
      await exec(restarted, 'systemctl restart docker');
      await expect.poll(() => info(restarted, '{{.Swarm.LocalNodeState}}')).toBe('locked');
      const rows = (await belt.list()) as { name: string; swarm: string }[];
      expect(rows.find(({ name }) => name === restarted)?.swarm).toBe('locked');
      const status = await belt.run(['swarm', 'status']);
      expect(status.stdout).toContain(`${restarted} is locked; to unlock: belt swarm unlock ${restarted}`);
      const wrong = await belt.run(['swarm', 'unlock', restarted], { input: `${key.slice(0, -4)}AAAA\n` });
      expect(wrong.code).toBe(1);
      const { code, stderr } = await belt.run(['swarm', 'unlock'], { input: `${key}\n` });
      expect([code, stderr]).toEqual([0, expect.stringContaining(`${restarted}: Unlocked`)]);
      expect(locked.stderr + wrong.stderr + stderr).not.toContain('SWMKEY');
      expect(await info(restarted, '{{.Swarm.LocalNodeState}}')).toBe('active');
      // Commands that restart a manager unlock it again.
      await belt.ok(['restart', restarted]);
      expect(await info(restarted, '{{.Swarm.LocalNodeState}}')).toBe('active');
      await belt.ok(['stop', restarted]);
      await belt.ok(['start', restarted]);
      expect(await info(restarted, '{{.Swarm.LocalNodeState}}')).toBe('active');
      expect(await belt.ok(['swarm', 'lock', '--off'])).toBe('Swarm updated.\n');
      recordFault({
        kind: 'Swarms that lose managers',
        fault: 'an autolocked manager restarts, by hand and through belt',
        tried: 3,
      });
    });
  });

  describe('leaving', () => {
    test('leave waits for slow tasks on a worker and removes its entry', async () => {
      expect(await exec('node5', "docker ps --format '{{.Names}}'")).toContain('stubborn.1.');
      expect(await belt.ok(['swarm', 'leave', 'node5'])).toBe('node5: Node left the swarm.\n');
      expect(await info('node5', '{{.Swarm.LocalNodeState}}')).toBe('inactive');
      expect(await nodeLs('node1', '{{.Hostname}}')).toEqual(names(1, 2, 3, 4));
      const outside = await belt.run(['swarm', 'join', 'node5', 'node4']);
      expect([outside.code, outside.stderr]).toEqual([1, expect.stringContaining('node5 is not in a swarm')]);
    });

    test('leave of the leader needs --force if the swarm loses its fault tolerance', async () => {
      const asked = await leader('node1');
      const refused = await belt.run(['swarm', 'leave', asked]);
      expect([refused.code, refused.stderr]).toEqual([
        1,
        expect.stringContaining(`demoting ${asked} would leave 2 managers, not enough to tolerate a failure`),
      ]);
      expect(await belt.ok(['swarm', 'leave', '--force', asked])).toBe(`${asked}: Node left the swarm.\n`);
      expect(await info(asked, '{{.Swarm.LocalNodeState}}')).toBe('inactive');
      const other = names(1, 2, 3).find((name) => name !== asked) ?? '';
      expect(await nodeLs(other, '{{.Hostname}}')).not.toContain(asked);
      expect(await nodeLs(other)).toHaveLength(3);
    });

    test('swarm rm removes the entry of a missing node', async () => {
      await belt.ok(['kill', 'node4']);
      const manager = await remaining();
      await expect.poll(() => nodeLs(manager)).toContain('node4 Down Pause');
      expect(await belt.ok(['swarm', 'rm', 'node4'])).toBe('node4\n');
      expect(await nodeLs(manager)).toHaveLength(2);
      await belt.ok(['start', 'node4']);
      recordFault({
        kind: 'Machines, engines and networks that fail',
        fault: 'a worker loses power, then `swarm rm`',
      });
    });

    test('leave of all nodes dissolves the swarm after confirmation', async () => {
      const asked = await belt.run(['swarm', 'leave', 'node[1:5]'], { input: 'n\n' });
      expect([asked.code, asked.stderr]).toEqual([
        1,
        expect.stringContaining('All 2 nodes will leave: the swarm is dissolved'),
      ]);
      expect((await states()).filter((state) => state === 'active').length).toBeGreaterThan(1);
      await belt.run(['swarm', 'leave', 'node[1:5]', '--yes']);
      expect((await states()).filter((state) => state === 'active')).toEqual([]);
    });

    async function remaining(): Promise<string> {
      for (const name of names(1, 2, 3))
        if ((await info(name, '{{.Swarm.ControlAvailable}}')) === 'true') return name;
      throw new Error('no manager is left');
    }
  });
});
