import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';

/** Clusters and their settings; machines are checked over SSH and with docker. */
describe('clusters and their settings', () => {
  let belt: Belt;
  beforeAll(async () => {
    belt = await newBelt();
  });
  afterAll(() => belt.dispose());

  test('cluster new creates an empty cluster and switches to it', async () => {
    expect(
      await belt.ok(['cluster', 'new', '--driver', 'nspawn', '--define', 'image=debian-13', 'swarm2k']),
    ).toBe('swarm2k\n');
    expect((await belt.ok(['cluster', 'ls'])).replaceAll(/ +/g, ' ')).toBe(
      'CLUSTER ACTIVE LEADER MANAGERS MACHINES\nswarm2k * - - 0/0\n',
    );
    expect(await belt.ok(['use'])).toBe('swarm2k\n');
  });

  test('cluster update changes config.yml and shows a diff, and cluster config prints YAML or flags', async () => {
    const path = join(belt.folder, '.belt', 'swarm2k', 'config.yml');
    const before = await readFile(path, 'utf8');
    expect(await belt.ok(['cluster', 'update', 'image=debian-12'])).toBe(
      '-  image: debian-13\n+  image: debian-12\n',
    );
    expect(await readFile(path, 'utf8')).toBe(before.replace('image: debian-13', 'image: debian-12'));
    expect(await belt.ok(['cluster', 'config'])).toMatch(/^nspawn:\n[\s\S]* {2}image: debian-12\n/);
    expect(await belt.ok(['cluster', 'config', '-c'])).toMatch(
      /^--driver nspawn .*--define image=debian-12 /,
    );
    const again = await belt.run(['cluster', 'update', 'image=debian-12']);
    expect(again).toEqual({ code: 0, stdout: '', stderr: 'No changes\n' });
    await belt.ok(['cluster', 'update', 'image=debian-13']);
  });

  test.each([
    [['cluster', 'new', 'a/b'], 2, '"a/b" cannot be the name of a cluster'],
    [['cluster', 'new', 'swarm2k'], 1, 'cluster "swarm2k" already exists'],
    [['cluster', 'new', '--driver', 'nspwan', 'x'], 1, 'unknown driver "nspwan"\nDid you mean "nspawn"?'],
    [['cluster', 'new', '--driver', 'nspawn', '--define', 'imgae=x', 'x'], 2, 'Did you mean "image"?'],
    [['cluster', 'update', 'imgae=x'], 2, 'Did you mean "image"?'],
    [['cluster', 'update', 'network=everywhere'], 1, 'the setting network must be an IPv4 range'],
    [['cluster', 'update'], 2, 'nothing to change'],
    [['cluster', 'rm', 'swarm3k'], 1, 'no cluster is called "swarm3k"\nDid you mean "swarm2k"?'],
    [['cluster', 'plan'], 1, 'no groups are defined for cluster swarm2k'],
    [['cluster', 'provision', 'node[1:2]'], 1, 'no group has managers, but a swarm needs at least one'],
    [['cluster', 'provision', '--manager', 'mg[2:0]'], 2, 'bad node pattern "mg[2:0]"'],
    [['--cluster', 'nowhere', 'cluster', 'update', 'image=debian-12'], 1, 'no cluster is called "nowhere"'],
  ])('%j is refused, and nothing changes', async (args, code, message) => {
    const path = join(belt.folder, '.belt', 'swarm2k', 'config.yml');
    const before = [await readFile(path, 'utf8'), await belt.ok(['cluster', 'ls', '--json'])];
    const refused = await belt.run(args);
    expect([refused.code, refused.stdout, refused.stderr]).toEqual([
      code,
      '',
      expect.stringContaining(message),
    ]);
    expect([await readFile(path, 'utf8'), await belt.ok(['cluster', 'ls', '--json'])]).toEqual(before);
  });

  test('active prints the cluster, except the default one and a docker-machine store', async () => {
    const store = join(belt.folder, 'store');
    for (const where of [[], ['--cluster', 'default'], ['-s', store]])
      await belt.ok([...where, 'create', '-d', 'none', '--url', 'tcp://10.0.0.9:2376', 'mg0']);
    expect(await belt.ok(['active', 'mg0'])).toBe('swarm2k/mg0\n');
    expect(await belt.ok(['active'])).toBe('swarm2k/mg0\n');
    expect(await belt.ok(['--cluster', 'default', 'active', 'mg0'])).toBe('mg0\n');
    expect(await belt.ok(['-s', store, 'active', 'mg0'])).toBe('mg0\n');
    for (const cluster of ['swarm2k', 'default']) await belt.ok(['--cluster', cluster, 'rm', '-y', 'mg0']);
  });

  test('cluster rm asks for confirmation and switches to the default cluster', async () => {
    const asked = await belt.run(['cluster', 'rm', 'swarm2k'], { input: 'n\n' });
    expect([asked.code, asked.stderr]).toEqual([1, expect.stringContaining('Are you sure? (y/N) ')]);
    expect(await belt.ok(['use'])).toBe('swarm2k\n');
    expect(await belt.ok(['cluster', 'rm', '-y', 'swarm2k'])).toBe('swarm2k\n');
    expect(await belt.ok(['use'])).toBe('default\n');
  });
});

describe.skipIf(!canCreateMachines())('two clusters side by side', () => {
  let belt: Belt;
  const clusters = ['red', 'blue'];
  const fingerprint = async (cluster: string, file: string): Promise<string> =>
    readFile(join(belt.folder, '.belt', cluster, file), 'utf8');

  beforeAll(async () => {
    belt = await newBelt();
    for (const name of clusters) {
      await belt.ok(['cluster', 'new', '--driver', 'nspawn', name]);
      await belt.ok(['create', '512mb', 'node1']);
    }
  });

  afterAll(async () => {
    for (const name of clusters) await belt.run(['cluster', 'rm', '--force', '-y', name]);
    await belt.dispose();
  });

  test('machines of the same name in two clusters are independent', async () => {
    const addresses = await Promise.all(clusters.map((name) => belt.ok(['--cluster', name, 'ip', 'node1'])));
    expect(new Set(addresses).size).toBe(2);
    await belt.ok(['--cluster', 'red', 'exec', 'node1', '--', 'echo red > /root/mine']);
    const other = await belt.run(['--cluster', 'blue', 'exec', 'node1', '--', 'cat /root/mine']);
    expect([other.code, other.stdout]).toEqual([1, '']);
  });

  test('each cluster has its own SSH key, CA and known hosts', async () => {
    for (const file of ['ssh/id_ed25519', 'ssh/known_hosts', 'certs/ca.pem', 'certs/key.pem']) {
      expect(await fingerprint('red', file)).not.toBe(await fingerprint('blue', file));
    }
  });

  test('an engine refuses the client certificate of another cluster', async () => {
    const address = (await belt.ok(['--cluster', 'blue', 'ip', 'node1'])).trim();
    const certs = (cluster: string): string[] => {
      const folder = join(belt.folder, '.belt', cluster, 'certs');
      return [
        '--cacert',
        join(belt.folder, '.belt/blue/certs/ca.pem'),
        '--cert',
        `${folder}/cert.pem`,
        '--key',
        `${folder}/key.pem`,
      ];
    };
    const ask = async (cluster: string): Promise<string> => {
      const url = `https://${address}:2376/_ping`;
      return new Promise((resolve) =>
        execFile('curl', ['-sS', '--max-time', '10', ...certs(cluster), url], (error, stdout) =>
          resolve(error ? 'refused' : stdout),
        ),
      );
    };
    expect(await ask('blue')).toBe('OK');
    expect(await ask('red')).toBe('refused');
  });

  test('a machine refuses the SSH key of another cluster', async () => {
    const address = (await belt.ok(['--cluster', 'blue', 'ip', 'node1'])).trim();
    const key = join(belt.folder, '.belt', 'red', 'ssh', 'id_ed25519');
    const options = [
      '-o',
      'BatchMode=yes',
      '-o',
      'IdentitiesOnly=yes',
      '-o',
      'StrictHostKeyChecking=accept-new',
      '-o',
      'UserKnownHostsFile=/dev/null',
    ];

    const output = await new Promise<string>((resolve) =>
      execFile('ssh', ['-i', key, ...options, `root@${address}`, 'true'], (error, _stdout, stderr) =>
        resolve(error ? stderr : 'logged in'),
      ),
    );
    expect(output).toContain('Permission denied');
  });

  test('--all selects the machines of one cluster only', async () => {
    await belt.ok(['--cluster', 'red', 'stop', '--all']);
    expect(await belt.ok(['--cluster', 'blue', 'status', 'node1'])).toBe('Running\n');
    await belt.ok(['--cluster', 'red', 'start', '--all']);
  });

  test('active prints the cluster of a machine, except the default one', async () => {
    await belt.ok(['use', 'red']);
    expect(await belt.ok(['active', 'node1'])).toBe('red/node1\n');
    await belt.ok(['use', 'default']);
    await belt.ok(['create', '512mb', 'node1']);
    expect(await belt.ok(['active', 'node1'])).toBe('node1\n');
    expect(await belt.ok(['active'])).toBe('node1\n');
    await belt.ok(['rm', '-y', 'node1']);
  });

  test('cluster ls lists both clusters with their swarms', async () => {
    await belt.ok(['--cluster', 'blue', 'swarm', 'init', 'node1']);
    await belt.ok(['use', 'red']);
    const table = (await belt.ok(['cluster', 'ls']))
      .split('\n')
      .map((line) => line.split(/\s{2,}/).join('|'));
    expect(table.filter((line) => line !== '' && !line.startsWith('default'))).toEqual([
      'CLUSTER|ACTIVE|LEADER|MANAGERS|MACHINES',
      'blue|-|node1|node1|1/1',
      'red|*|-|-|1/1',
    ]);
  });

  test('cluster rm --force removes a cluster with its machines', async () => {
    const refused = await belt.run(['cluster', 'rm', '-y', 'blue']);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('cluster blue has 1 machine'),
    ]);
    await belt.ok(['cluster', 'rm', '--force', '-y', 'blue']);
    await belt.ok(['cluster', 'rm', '--force', '-y', 'red']);
    expect(await belt.ok(['use'])).toBe('default\n');
    expect(JSON.parse(await belt.ok(['cluster', 'ls', '--json']))).toEqual([
      { name: 'default', active: true, managers: [], running: 0, machines: 0, errors: [] },
    ]);
  });
});
