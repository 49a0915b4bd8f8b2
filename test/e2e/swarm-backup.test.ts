import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { httpGet, importWebImage } from '../lab/containers.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** Destroys managers while a service runs, and checks with docker that the swarm is recovered. */
describe.skipIf(!canCreateMachines())('backup, recovery and restore of a swarm', () => {
  let belt: Belt;
  let unlockKey: string;
  const file = (): string => join(belt.folder, 'swarm.tar.gz');
  const longTimeout = { timeoutMs: 280_000 };

  const docker = async (node: string, ...args: string[]): Promise<string> =>
    (await belt.ok(['--host', node, 'docker', ...args])).trim();

  /** Destroys machines without removing them from the swarm. */
  const destroy = async (...names: string[]): Promise<void> => {
    await belt.ok(['kill', '--force', ...names]);
    await belt.ok(['rm', '-f', ...names]);
  };

  const nodes = async (manager: string): Promise<string[]> =>
    (await docker(manager, 'node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.ManagerStatus}}'))
      .split('\n')
      .map((line) => line.trim())
      .sort();

  /** The secret, the config and the service exist, and the service responds. */
  const expectServiceRuns = async (manager: string, workers: readonly string[]): Promise<void> => {
    expect(await docker(manager, 'secret', 'ls', '--format', '{{.Name}}')).toBe('password');
    expect(await docker(manager, 'config', 'ls', '--format', '{{.Name}}')).toBe('greeting');
    expect(await docker(manager, 'service', 'ls', '--format', '{{.Name}}')).toBe('web');
    for (const name of workers) {
      const address = (await belt.ok(['ip', name])).trim();
      expect(await httpGet(`http://${address}:8080/`)).toBe('hello sesame\n');
    }
  };

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'mg[1:3]', 'node[1:2]'], longTimeout);
    const choices = ['--default-addr-pool', '10.77.0.0/16', '--data-path-port', '7789'];
    await docker('mg1', 'swarm', 'init', ...choices);
    await belt.ok(['active', 'mg1']);
    await belt.ok(['swarm', 'join', '--manager', 'mg1', 'mg[2:3]'], longTimeout);
    await belt.ok(['swarm', 'join', 'mg1', 'node[1:2]'], longTimeout);
    await importWebImage(belt, 'node[1:2]');
    const make = (kind: string, name: string, input: string) =>
      belt.ok(['docker', kind, 'create', name, '-'], { input });
    await make('secret', 'password', 'sesame');
    await make('config', 'greeting', 'hello');
    const serve =
      'echo "$(cat /greeting) $(cat /run/secrets/password)" > /www/index.html; exec httpd -f -p 80 -h /www';
    const given = ['--secret', 'password', '--config', 'source=greeting,target=/greeting'];
    const placed = ['--mode', 'global', '--constraint', 'node.role==worker', '--no-resolve-image'];
    const published = ['--publish', 'mode=host,published=8080,target=80'];
    await docker(
      'mg1',
      ...['service', 'create', '--name', 'web', ...placed, ...given, ...published],
      ...['web:1', 'sh', '-c', serve],
    );
  }, 300_000);
  afterAll(() => belt.dispose());

  test('the service runs before the first failure', () => expectServiceRuns('mg1', ['node1', 'node2']));

  test('backup uses a manager that is not the leader and is reachable again afterwards', async () => {
    const result = JSON.parse(await belt.ok(['swarm', 'backup', file(), '--json'], longTimeout)) as {
      node: string;
      bytes: number;
    };
    expect(['mg2', 'mg3']).toContain(result.node);
    expect([statSync(file()).mode & 0o777, statSync(file()).size]).toEqual([0o600, result.bytes]);
    expect(await nodes('mg1')).toEqual([
      'mg1 Ready Leader',
      'mg2 Ready Reachable',
      'mg3 Ready Reachable',
      'node1 Ready',
      'node2 Ready',
    ]);
    for (const unit of ['docker.socket', 'docker.service'])
      expect(await belt.ok(['ssh', result.node, 'systemctl', 'is-active', unit])).toBe('active\n');
    expect(await belt.ok(['ssh', result.node, 'ls /var/lib/docker'])).not.toContain('belt');
  });

  test('backup writes to stdout and refuses a directory', async () => {
    const script = `node ${join(import.meta.dirname, '../../bin/run.js')} swarm backup - --node mg3 | tar -tz`;
    const { execFileSync } = await import('node:child_process');
    const members = execFileSync('sh', ['-c', script], { cwd: belt.folder, env: belt.env, encoding: 'utf8' });
    expect(members).toContain('belt-backup.json\n');
    expect(members).toMatch(/^swarm\/raft\/wal-v3-encrypted\/.*\.wal$/m);
    const folder = await belt.run(['swarm', 'backup', belt.folder]);
    expect([folder.code, folder.stderr]).toEqual([1, expect.stringContaining('a folder with that name')]);
  });

  test('a killed backup leaves the engine running and no file', async () => {
    const target = join(belt.folder, 'never.tar.gz');
    const child = belt.spawn(['swarm', 'backup', target, '--node', 'mg2']);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      if (/Copying the state/.test(stderr)) child.kill('SIGKILL');
    });
    await new Promise((done) => child.on('close', done));
    expect(stderr).toContain('Copying the state');
    await expect.poll(() => nodes('mg1'), { interval: 500 }).toContain('mg2 Ready Reachable');
    await expect
      .poll(() => belt.ok(['ssh', 'mg2', 'ls /var/lib/docker']), { interval: 500 })
      .not.toContain('belt-backup');
    expect(existsSync(target)).toBe(false);
    recordFault({
      kind: 'Killed and interrupted',
      fault: '`swarm backup` is killed while it copies the state',
    });
  });

  test('recover and restore refuse a swarm with a quorum', async () => {
    const recover = await belt.run(['swarm', 'recover', '-y'], longTimeout);
    expect([recover.code, recover.stderr]).toEqual([
      1,
      expect.stringContaining('the swarm has a quorum: 3 of 3 managers can be reached, and 2 are needed'),
    ]);
    const restore = await belt.run(['swarm', 'restore', file(), 'node1'], longTimeout);
    expect([restore.code, restore.stderr]).toEqual([1, expect.stringContaining('node1 is in a swarm')]);
  });

  test('backup is refused when one manager is down and the quorum would be lost', async () => {
    await belt.ok(['kill', '--force', 'mg1']);
    await belt.ok(['active', 'mg2']);
    await expect
      .poll(async () => (await belt.run(['swarm', 'backup', file()], longTimeout)).stderr)
      .toContain('would leave the swarm without a quorum');
    recordFault({ kind: 'Swarms that lose managers', fault: '`swarm backup` while a manager is off' });
  });

  test('recover restores the swarm on the last of three managers', async () => {
    await destroy('mg1', 'mg2');
    // Without a leader, parts of the engine API block.
    const rows = await belt.list('--filter', 'name=mg3');
    expect(rows).toMatchObject([{ name: 'mg3', docker: expect.stringMatching(/^\d/), swarm: 'manager' }]);
    const declined = await belt.run(['swarm', 'recover'], { input: 'n\n', ...longTimeout });
    expect([declined.code, declined.stderr]).toEqual([
      1,
      expect.stringMatching(/mg3: committed up to entry \d+; last entry \d+, term \d+/),
    ]);
    expect(declined.stderr).toContain('nothing was changed');

    // Killed after the new cluster was forced, the same command resumes.
    const child = belt.spawn(['swarm', 'recover', '-y']);
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      if (/node1: /.test(stderr)) child.kill('SIGKILL');
    });
    await new Promise((done) => child.on('close', done));
    const recovered = JSON.parse(await belt.ok(['swarm', 'recover', '-y', '--json'], longTimeout)) as {
      manager: string;
      removed: string[];
    };
    expect(recovered).toMatchObject({ manager: 'mg3', removed: ['mg1', 'mg2'] });
    expect(await nodes('mg3')).toEqual(['mg3 Ready Leader', 'node1 Ready', 'node2 Ready']);
    expect(await belt.ok(['ssh', 'mg3', 'ls -d /var/lib/docker/swarm.before-recover-*'])).toMatch(/^\S+\n$/);
    await expectServiceRuns('mg3', ['node1', 'node2']);
    expect(
      await docker(
        'mg3',
        'info',
        '--format',
        '{{.Swarm.Cluster.DefaultAddrPool}} {{.Swarm.Cluster.DataPathPort}}',
      ),
    ).toBe('[10.77.0.0/16] 7789');
    recordFault({
      kind: 'Swarms that lose managers',
      fault: 'two of three managers are destroyed, and `swarm recover` is killed',
    });
  });

  test('new managers join the recovered swarm', async () => {
    await belt.ok(['create', '512mb', 'mg[4:5]'], longTimeout);
    await belt.ok(['swarm', 'join', '--manager', 'mg3', 'mg[4:5]'], longTimeout);
    expect(await docker('mg3', 'info', '--format', '{{.Swarm.Managers}} {{.Swarm.Nodes}}')).toBe('3 5');
    expect(await nodes('mg4')).toEqual([
      'mg3 Ready Leader',
      'mg4 Ready Reachable',
      'mg5 Ready Reachable',
      'node1 Ready',
      'node2 Ready',
    ]);
  });

  test('backup unlocks the manager of a swarm with autolock', async () => {
    await docker('mg3', 'swarm', 'update', '--autolock=true');
    unlockKey = await docker('mg3', 'swarm', 'unlock-key', '-q');
    await belt.ok(['active', 'mg3']);
    const { code, stderr } = await belt.run(['swarm', 'backup', file(), '--node', 'mg4'], longTimeout);
    expect([code, stderr]).toEqual([0, expect.stringContaining('cannot be restored without the unlock key')]);
    expect(stderr).not.toContain(unlockKey);
    expect(gunzipSync(readFileSync(file())).includes(unlockKey)).toBe(false);
    expect(await nodes('mg3')).toContain('mg4 Ready Reachable');
  });

  test('restore refuses a damaged file and a file that is not a backup', async () => {
    await belt.ok(['create', '512mb', 'fresh'], longTimeout);
    const cut = join(belt.folder, 'cut.tar.gz');
    writeFileSync(cut, readFileSync(file()));
    truncateSync(cut, statSync(cut).size - 100);
    const damaged = await belt.run(['swarm', 'restore', cut, 'fresh']);
    expect([damaged.code, damaged.stderr]).toEqual([1, expect.stringContaining('it is truncated')]);
    const other = await belt.run(['swarm', 'restore', '/etc/passwd', 'fresh']);
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('is not a swarm backup')]);
    const running = await belt.run(['swarm', 'restore', file(), 'fresh'], longTimeout);
    expect([running.code, running.stderr]).toEqual([
      1,
      expect.stringContaining('the swarm of the backup is still running'),
    ]);
    expect(await docker('fresh', 'info', '--format', '{{.Swarm.LocalNodeState}}')).toBe('inactive');
    recordFault({ kind: 'Disks and files', fault: 'a backup is truncated, or another file', tried: 2 });
  });

  test('restore recreates the swarm on a new machine after all managers were destroyed', async () => {
    await destroy('mg3', 'mg4', 'mg5');
    const wrong = `SWMKEY-1-${'A'.repeat(43)}\n`;
    const refused = await belt.run(['swarm', 'restore', file(), 'fresh'], { input: wrong, ...longTimeout });
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('swarm could not be unlocked: invalid key provided'),
    ]);
    const restore = ['swarm', 'restore', file(), 'fresh', '--rejoin', 'node*'];
    const { code, stdout, stderr } = await belt.run(restore, { input: `${unlockKey}\n`, ...longTimeout });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('fresh is its only manager');
    expect(`${stdout}${stderr}`).not.toContain(unlockKey);
    expect(await nodes('fresh')).toEqual(['fresh Ready Leader', 'node1 Ready', 'node2 Ready']);
    await expectServiceRuns('fresh', ['node1', 'node2']);
    recordFault({
      kind: 'Swarms that lose managers',
      fault: 'all managers of an autolocked swarm are destroyed, then `swarm restore`',
      lost: 'changes since the backup',
    });
  });

  test('the restored swarm keeps autolock and its unlock key', async () => {
    const key = await belt.ok(['ssh', 'fresh', 'cat /var/lib/docker/swarm/certificates/swarm-node.key']);
    expect(key).toContain('BEGIN ENCRYPTED PRIVATE KEY');
    expect(await docker('fresh', 'swarm', 'unlock-key', '-q')).toBe(unlockKey);
  });

  test('restore reads a backup made by hand as docker documents it', async () => {
    await belt.ok(['create', '512mb', 'other'], longTimeout);
    const byHand = join(belt.folder, 'by-hand.tar');
    await docker('fresh', 'swarm', 'update', '--autolock=false');
    await belt.ok([
      'ssh',
      'fresh',
      'systemctl stop docker.socket docker; tar -cf /root/by-hand.tar /var/lib/docker/swarm/',
    ]);
    await belt.ok(['scp', 'fresh:/root/by-hand.tar', byHand], longTimeout);
    await destroy('fresh');
    const result = await belt.run(['swarm', 'restore', byHand, 'other', '--json'], longTimeout);
    expect({ code: result.code, stderr: result.code === 0 ? '' : result.stderr }).toEqual({
      code: 0,
      stderr: '',
    });
    expect(JSON.parse(result.stdout)).toMatchObject({
      node: 'other',
      others: expect.arrayContaining([{ name: 'node1', role: 'worker' }]),
    });
    // Lets the other nodes rejoin.
    await belt.ok(['swarm', 'recover', '-y'], longTimeout);
    expect(await nodes('other')).toEqual(['node1 Ready', 'node2 Ready', 'other Ready Leader']);
    await expectServiceRuns('other', ['node1', 'node2']);
    recordFault({
      kind: 'Swarms that lose managers',
      fault: 'the only manager is destroyed, then `swarm restore` of a backup by hand',
      lost: 'changes since the backup',
    });
  });
});
