import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt, type Result } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

const managers = ['mg0', 'mg1', 'mg2'];
const workers = ['node1', 'node2', 'node3', 'node4'];

interface Plan {
  differences: { name: string; status: string; differences: { what: string }[] }[];
}

/** Provisions a cluster from config.yml and checks it with docker. */
describe.skipIf(!canCreateMachines())('a cluster from one config.yml', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['cluster', 'new', '--driver', 'nspawn', 'swarm2k']);
    await appendFile(
      join(belt.folder, '.belt', 'swarm2k', 'config.yml'),
      `engine: {label: [made=here]}
managers: {nodes: "mg[0:2]", size: 512mb, availability: drain}
workers: {nodes: "node[1:4]", size: 512mb, labels: {zone: a}, engine: {label: [disk=ssd]}}
`,
    );
  });
  afterAll(async () => {
    await belt.run(['cluster', 'rm', '--force', '-y', 'swarm2k']);
    await belt.dispose();
  });

  const provision = (...args: string[]): Promise<Result> =>
    belt.run(['cluster', 'provision', ...args], { timeoutMs: 300_000 });

  /** The nodes as docker lists them. */
  const nodes = async (at = 'mg0'): Promise<string[]> => {
    const format = '{{.Spec.Role}} {{.Spec.Availability}} {{json .Spec.Labels}} {{.Status.State}}';
    const docker = (...args: string[]): Promise<string> => belt.ok(['--host', at, 'docker', 'node', ...args]);
    const ids = (await docker('ls', '-q')).trim().split('\n');
    return (await docker('inspect', '--format', `{{.Description.Hostname}} ${format}`, ...ids))
      .trim()
      .split('\n')
      .sort();
  };

  const expectedNodes = [
    ...managers.map((name) => `${name} manager drain {} ready`),
    ...workers.map((name) => `${name} worker active {"zone":"a"} ready`),
  ];

  const plan = async (): Promise<{ code: number; rows: string[] }> => {
    const { code, stdout } = await belt.run(['cluster', 'plan', '--json']);
    const { differences } = JSON.parse(stdout) as Plan;
    return {
      code,
      rows: differences.map((row) =>
        [row.name, row.status, ...row.differences.map(({ what }) => what)].join(' '),
      ),
    };
  };

  /** Runs provision and kills it once its output matches. */
  const killProvisionAt = async (pattern: RegExp): Promise<void> => {
    const child = belt.spawn(['cluster', 'provision']);
    let text = '';
    const check = (chunk: Buffer): void => {
      text += chunk;
      if (pattern.test(text)) child.kill('SIGKILL');
    };
    child.stdout.on('data', check);
    child.stderr.on('data', check);
    const signal = await new Promise((ended) => child.on('close', (_, by) => ended(by)));
    expect([signal, text]).toEqual(['SIGKILL', expect.stringMatching(pattern)]);
  };

  test('cluster plan lists missing nodes and exits with 2', async () => {
    expect(await plan()).toEqual({
      code: 2,
      rows: [
        ...managers.map((name) => `${name} missing machine role availability`),
        ...workers.map((name) => `${name} missing machine role label`),
      ],
    });
    const { code, stdout } = await belt.run(['cluster', 'plan']);
    expect([code, stdout.split('\n').map((line) => line.split(/\s{2,}/)[0])]).toEqual([
      2,
      ['NODES', 'mg[0:2]', 'node[1:4]', ''],
    ]);
  });

  test.each([
    ['while machines boot', /Waiting for SSH/],
    ['when the first machine is ready', /: Ready/],
    ['as soon as the swarm is there', /Swarm initialized/],
    ['while a manager joins', /mg1: Joining/],
    ['while another joins', /mg2: Joining/],
  ])('a provision killed %s leaves a difference', async (_, pattern) => {
    await killProvisionAt(pattern);
    expect((await plan()).code).toBe(2);
    recordFault({ kind: 'Killed and interrupted', fault: '`cluster provision` is killed' });
  });

  test('cluster provision resumes after a kill', async () => {
    const { code, stderr } = await provision();
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    expect(await nodes()).toEqual(expectedNodes);
    expect(await belt.ok(['active'])).toBe('swarm2k/mg0\n');
    const label = (name: string): Promise<string> =>
      belt.ok(['--host', name, 'docker', 'info', '--format', '{{.Labels}}']);
    expect([await label('mg1'), await label('node1')]).toEqual(['[made=here]\n', '[disk=ssd]\n']);
  });

  test('a second provision changes nothing, and the plan exits with 0', async () => {
    const { code, stdout } = await provision();
    expect([code, stdout]).toEqual([0, 'No changes. The cluster matches its groups.\n']);
    expect(await plan()).toEqual({ code: 0, rows: [] });
    expect((await belt.ok(['cluster', 'ls'])).replaceAll(/ +/g, ' ')).toContain(
      'swarm2k * mg0 mg0,mg1,mg2 7/7\n',
    );
    expect(await belt.ok(['status', '--wait', 'running=7', '--timeout', '10'])).toMatch(
      /^Running +7 +mg0, mg1, mg2, node1/m,
    );
  });

  test('cluster plan detects manual changes and provision corrects them', async () => {
    await belt.ok(['docker', 'node', 'demote', 'mg2']);
    await belt.ok(['docker', 'node', 'update', '--availability', 'drain', 'node1']);
    await belt.ok(['docker', 'node', 'update', '--label-add', 'zone=b', '--label-add', 'mine=x', 'node2']);
    await belt.ok(['docker', 'node', 'update', '--label-rm', 'zone', 'node3']);
    expect(await plan()).toEqual({
      code: 2,
      rows: [
        'mg2 different role',
        'node1 different availability',
        'node2 different label',
        'node3 different label',
      ],
    });
    expect((await provision()).code).toBe(0);
    expect(await nodes()).toEqual(expectedNodes.with(4, 'node2 worker active {"mine":"x","zone":"a"} ready'));
    expect(await plan()).toEqual({ code: 0, rows: [] });
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'nodes are changed by hand',
      tried: 4,
    });
  });

  test('cluster provision starts stopped machines and recreates removed ones, including the leader', async () => {
    await belt.ok(['stop', 'node3']);
    await belt.ok(['rm', '--force', '-y', 'node4', 'mg0']);
    const before = await plan();
    expect(before.code).toBe(2);
    expect(before.rows.map((row) => row.split(' ', 2).join(' '))).toEqual([
      'mg0 missing',
      'node3 different',
      'node4 missing',
    ]);
    const { code, stderr } = await provision();
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    expect((await nodes('mg1')).map((row) => row.replace('"mine":"x",', ''))).toEqual(expectedNodes);
    expect(await plan()).toEqual({ code: 0, rows: [] });
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'machines of a cluster are stopped or removed, the leader too',
      tried: 3,
    });
  });

  test('changed engine options in config.yml are a difference and are applied', async () => {
    const path = join(belt.folder, '.belt', 'swarm2k', 'config.yml');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('made=here', 'made=there'));
    expect(await plan()).toEqual({ code: 2, rows: managers.map((name) => `${name} different engine`) });
    expect((await provision()).code).toBe(0);
    expect(await belt.ok(['--host', 'mg2', 'docker', 'info', '--format', '{{.Labels}}'])).toBe(
      '[made=there]\n',
    );
    expect(await plan()).toEqual({ code: 0, rows: [] });
  });

  test('cluster provision keeps a machine without a group unless --prune is set', async () => {
    await belt.ok(['create', '512mb', 'old1']);
    await belt.ok(['swarm', 'join', 'mg1', 'old1']);
    expect(await plan()).toEqual({ code: 2, rows: ['old1 extra'] });
    expect((await provision()).stdout).toBe('No changes. The cluster matches its groups.\n');
    expect((await provision('--prune')).stdout).toBe('Removed: old1\n');
    expect((await nodes('mg1')).map((row) => row.split(' ')[0])).toEqual([...managers, ...workers]);
    expect(await plan()).toEqual({ code: 0, rows: [] });
  });

  test('a mistake in config.yml is reported with its line', async () => {
    const path = join(belt.folder, '.belt', 'swarm2k', 'config.yml');
    const text =
      'driver: nspawn\nmanagers: {nodes: "mg[0:2]"}\nworkers:\n  nodes: "node[1:4]"\n  lables: {zone: a}\n';
    await writeFile(path, text);
    const slip = await belt.run(['cluster', 'plan']);
    expect([slip.code, slip.stderr]).toEqual([
      1,
      expect.stringContaining(
        `${path} line 5: "lables" is not a key of a group or a setting of the nspawn driver\nDid you mean "labels"?`,
      ),
    ]);
    await writeFile(path, 'managers: {nodes: "mg[0:2]"}\nmore: {role: worker, nodes: "mg[2:3]"}\n');
    const overlap = await belt.run(['cluster', 'plan']);
    expect([overlap.code, overlap.stderr]).toEqual([
      1,
      expect.stringContaining(`mg2 is in two groups: managers (${path} line 1) and more (${path} line 2)`),
    ]);
  });
});

describe.skipIf(!canCreateMachines())('a cluster declared on the command line', () => {
  let belt: Belt;
  beforeAll(async () => {
    belt = await newBelt();
  });
  afterAll(() => belt.dispose());

  test('cluster provision --manager NODES creates the declared cluster', async () => {
    const args = [
      'cluster',
      'provision',
      '--manager',
      'mg0',
      '--manager-size',
      '768mb',
      '--worker-size',
      '512mb',
      'node[1:2]',
    ];
    await belt.ok(args, { timeoutMs: 300_000 });
    const info = await belt.ok([
      'docker',
      'info',
      '--format',
      '{{.Name}} {{.Swarm.Managers}} {{.Swarm.Nodes}}',
    ]);
    expect(info).toBe('mg0 1 3\n');
    const sizes = ((await belt.list()) as { name: string; size: string }[]).map(({ name, size }) => [
      name,
      size,
    ]);
    expect(sizes).toEqual([
      ['mg0', '768mb'],
      ['node1', '512mb'],
      ['node2', '512mb'],
    ]);
    expect(await belt.ok(args)).toBe('No changes. The cluster matches its groups.\n');
  });
});
