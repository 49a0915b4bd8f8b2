import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { importWebImage } from '../lab/containers.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** Removes machines from a running swarm and checks the swarm with docker. */
describe.skipIf(!canCreateMachines())('rm of swarm nodes', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'mg[1:4],node[1:3],apart']);
    await belt.ok(['swarm', 'init', 'mg1']);
    await belt.ok(['swarm', 'join', '--manager', 'mg1', 'mg[2:4]']);
    await belt.ok(['swarm', 'join', 'mg1', 'node[1:3]']);
    await importWebImage(belt, 'mg[1:4],node[1:3]');
    const service = ['--name', 'idle', '--replicas', '6', '--no-resolve-image', '--stop-grace-period', '1s'];
    await belt.ok(['docker', 'service', 'create', ...service, 'web:1', 'sleep', '10000']);
  });
  afterAll(() => belt.dispose());

  /** All nodes, from a manager's engine. */
  const nodes = async (by: string): Promise<string[]> => {
    const format = '{{.Hostname}} {{.Status}} {{if .ManagerStatus}}manager{{else}}worker{{end}}';
    const rows = await belt.ok(['--host', by, 'docker', 'node', 'ls', '--format', format]);
    return rows.trim().split('\n').sort();
  };
  /** A new leader learns the state of the nodes one by one. */
  const expectNodes = (by: string, managers: readonly string[], workers: readonly string[]) =>
    expect
      .poll(() => nodes(by))
      .toEqual([
        ...managers.map((name) => `${name} Ready manager`),
        ...workers.map((name) => `${name} Ready worker`),
      ]);
  const machines = async (): Promise<string[]> => (await belt.ok(['ls', '-q'])).trim().split('\n');
  const running = async (by: string): Promise<string> => {
    const format = '{{.Replicas}}';
    return (await belt.ok(['--host', by, 'docker', 'service', 'ls', '--format', format])).trim();
  };

  test('rm drains a worker and removes it from the swarm before destroying it', async () => {
    const { code, stdout, stderr } = await belt.run(['rm', '-y', 'node3']);
    expect({ code, stdout, stderr: code === 0 ? '' : stderr }).toEqual({
      code: 0,
      stdout: 'Successfully removed node3\n',
      stderr: '',
    });
    expect(await nodes('mg1')).toEqual([
      'mg1 Ready manager',
      'mg2 Ready manager',
      'mg3 Ready manager',
      'mg4 Ready manager',
      'node1 Ready worker',
      'node2 Ready worker',
    ]);
    expect(await running('mg1')).toBe('6/6');
  });

  test('rm only destroys a machine outside a swarm', async () => {
    const { code, stdout, stderr } = await belt.run(['rm', '-y', 'apart']);
    expect([code, stdout]).toEqual([0, 'Successfully removed apart\n']);
    expect(stderr).not.toMatch(/drain|swarm/);
  });

  test('rm refuses all named machines if the swarm would lose its quorum, and shows the numbers', async () => {
    const { code, stderr } = await belt.run(['rm', '-y', 'mg[1:3],node1']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('removing mg1 and mg2 and mg3 would leave')]);
    expect(await machines()).toEqual(['mg1', 'mg2', 'mg3', 'mg4', 'node1', 'node2']);
    recordFault({ kind: 'Swarms that lose managers', fault: '`rm` of machines that would cost the quorum' });
  });

  test('rm demotes the leader, removes it from the swarm, and destroys it', async () => {
    expect(await belt.ok(['rm', '-y', 'mg1'])).toBe('Successfully removed mg1\n');
    await expectNodes('mg2', ['mg2', 'mg3', 'mg4'], ['node1', 'node2']);
  });

  /** The names of the remaining managers. */
  let left: [string, string];

  test('rm removes a dead leader after the other managers have elected a new one', async () => {
    const format = '{{if .ManagerStatus}}{{.ManagerStatus}} {{.Hostname}}{{end}}';
    const ls = await belt.ok(['--host', 'mg2', 'docker', 'node', 'ls', '--format', format]);
    const dead = /^Leader (mg\d)$/m.exec(ls)?.[1] ?? '';
    left = ['mg2', 'mg3', 'mg4'].filter((name) => name !== dead) as [string, string];
    await belt.ok(['kill', dead]);
    const { code, stdout, stderr } = await belt.run(['rm', '-f', dead]);
    expect({ code, stdout, stderr: code === 0 ? '' : stderr }).toEqual({
      code: 0,
      stdout: `Successfully removed ${dead}\n`,
      stderr: '',
    });
    await expectNodes(left[0], left, ['node1', 'node2']);
    recordFault({ kind: 'Swarms that lose managers', fault: 'the leader loses power, then `rm`' });
  });

  test('rm destroys workers of a swarm without a quorum, but managers only with --force', async () => {
    const [alive, dead] = left;
    await belt.ok(['kill', '--force', dead]);
    // The other manager stays leader until its first heartbeats fail.
    const list = ['--host', alive, 'docker', 'node', 'ls'];
    await expect.poll(async () => (await belt.run(list)).code).toBe(1);
    const refused = await belt.run(['rm', '-y', alive, dead, 'node2']);
    expect(refused.code).toBe(1);
    expect(refused.stdout).toBe('Successfully removed node2\n');
    for (const name of left)
      expect(refused.stderr).toContain(`${name} is a manager of a swarm that cannot be queried`);
    expect(await machines()).toEqual([...left, 'node1']);
    const forced = await belt.run(['rm', '-f', dead]);
    expect([forced.code, forced.stderr]).toEqual([
      0,
      expect.stringContaining("its copy of the swarm's data is lost"),
    ]);
    expect(await machines()).toEqual([alive, 'node1']);
    recordFault({ kind: 'Swarms that lose managers', fault: '`rm` in a swarm without a quorum' });
  });

  test('rm --all destroys a whole swarm without draining its nodes', async () => {
    const { code, stderr } = await belt.run(['rm', '--all', '--yes']);
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/drain|swarm/)]);
    expect(await belt.list()).toEqual([]);
  });
});
