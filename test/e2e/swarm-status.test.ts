import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt, type Result } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

interface Status {
  quorum: boolean;
  managers: { total: number; reachable: number; tolerance: number; leader?: string };
  certificates?: { soonest?: { daysLeft: number } };
  machines: { name: string; state: string; swarm?: string }[];
}

/** Stops and starts real managers, and checks what belt reports and refuses. */
describe.skipIf(!canCreateMachines())('a swarm of three managers', () => {
  let belt: Belt;

  const status = async (): Promise<{ code: number; status: Status }> => {
    const { code, stdout } = await belt.run(['swarm', 'status', '--json']);
    return { code, status: JSON.parse(stdout) as Status };
  };
  const refused = ({ code, stderr }: Result): unknown => [code, stderr];
  const running = async (): Promise<string[]> => {
    const rows = (await belt.list()) as { name: string; state: string }[];
    return rows.filter(({ state }) => state === 'running').map(({ name }) => name);
  };

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'mg[1:3],node1']);
    await belt.ok(['swarm', 'init', 'mg1']);
    await belt.ok(['swarm', 'join', '--manager', 'mg1', 'mg[2:3]']);
    await belt.ok(['swarm', 'join', 'mg1', 'node1']);
  });
  afterAll(() => belt.dispose());

  test('swarm status shows quorum, nodes and certificate expiry', async () => {
    for (const [index, zone] of ['a', 'b', 'b'].entries())
      await belt.ok(['docker', 'node', 'update', '--label-add', `zone=${zone}`, `mg${index + 1}`]);
    const text = await belt.ok(['swarm', 'status']);
    expect(text).toMatch(
      /^Swarm \w{25} has a quorum: 3 of 3 managers reachable, 2 needed; it tolerates 1 more failure\. Leader: mg1$/m,
    );
    expect(text).toMatch(/^manager +Ready +Active +3 +mg\[1:3\]$/m);
    expect(text).toContain('b holds 2 of 3 managers: if it fails, the swarm loses its quorum');
    const { code, status: now } = await status();
    expect([code, now.quorum, now.managers]).toMatchObject([
      0,
      true,
      { total: 3, tolerance: 1, leader: 'mg1' },
    ]);
    // swarmkit rounds the start of a certificate to a full minute, possibly in the future.
    expect([89, 90]).toContain(now.certificates?.soonest?.daysLeft);
  });

  test('stop, kill and restart refuse to cost the swarm its quorum', async () => {
    const numbers =
      'would leave the swarm without a quorum: 1 of 3 managers can be reached, and 2 are needed';
    for (const verb of ['stop', 'kill'])
      expect(refused(await belt.run([verb, 'mg[1:2]']))).toEqual([1, expect.stringContaining(numbers)]);
    const stopped = await belt.run(['stop', 'mg3']);
    expect(refused(stopped)).toEqual([
      0,
      expect.stringContaining('leaves 2 of 3 managers: no other manager may fail'),
    ]);
    for (const command of [
      ['restart', 'mg2'],
      ['regenerate-certs', '--yes', 'mg2'],
      ['engine', 'local', 'mg2'],
    ])
      expect(refused(await belt.run(command))).toEqual([
        1,
        expect.stringContaining('restarting mg2 would leave'),
      ]);
    expect((await running()).sort()).toEqual(['mg1', 'mg2', 'node1']);
    expect(await status()).toMatchObject({ code: 0, status: { managers: { reachable: 2, tolerance: 0 } } });
    await belt.ok(['start', 'mg3']);
    recordFault({ kind: 'Swarms that lose managers', fault: 'commands that would cost a quorum', tried: 5 });
  });

  test('restart restarts one manager at a time', async () => {
    await expect.poll(async () => (await status()).status.managers.reachable).toBe(3);
    const { code, stderr } = await belt.run(['restart', 'mg[1:3]']);
    expect(refused({ code, stderr, stdout: '' })).toEqual([0, expect.any(String)]);
    const ends = [...stderr.matchAll(/^(mg\d): (?:Restarted|Booting)/gm)].map(([line]) => line);
    expect(ends.map((line) => line.split(': ')[1])).toEqual(Array(3).fill(['Booting', 'Restarted']).flat());
    expect((await status()).status.quorum).toBe(true);
  });

  test('swarm status reports each machine without a quorum, and the swarm recovers', async () => {
    const forced = await belt.run(['kill', '--force', 'mg[2:3]']);
    expect(refused(forced)).toEqual([
      0,
      expect.stringContaining('--force: the swarm cannot be changed until its quorum is restored'),
    ]);
    const { code, status: now } = await status();
    expect([code, now.quorum, now.managers.reachable]).toEqual([1, false, 1]);
    expect(now.machines).toMatchObject([
      { name: 'mg1', swarm: 'active/manager' },
      { name: 'mg2', state: 'stopped' },
      { name: 'mg3', state: 'stopped' },
      { name: 'node1', swarm: 'active/worker' },
    ]);
    recordFault({
      kind: 'Swarms that lose managers',
      fault: 'two of three managers lose power',
      lost: 'the quorum, until they start again',
    });
  });

  test('commands never use the other swarm of a cluster while their own has no quorum', async () => {
    const docker = (...args: string[]): Promise<string> => belt.ok(['--host', 'node1', 'docker', ...args]);
    await docker('swarm', 'leave');
    await docker('swarm', 'init');
    // A leader that has lost its followers answers until it notices.
    await expect.poll(async () => (await belt.run(['swarm', 'ls'])).code).toBe(1);
    const objection = 'the swarm has no leader';
    for (const verb of [['token'], ['lock'], ['ls'], ['drain', 'node1']])
      expect(refused(await belt.run(['swarm', ...verb]))).toEqual([1, expect.stringContaining(objection)]);
    const key = await belt.run(['--host', 'node1', 'docker', 'swarm', 'unlock-key']);
    expect(refused(key)).toEqual([1, expect.stringContaining('no unlock key is set')]);
    const { code, status: now } = await status();
    expect([code, now.quorum, now.managers.reachable]).toEqual([1, false, 1]);
    await docker('swarm', 'leave', '--force');
    await belt.ok(['start', 'mg[2:3]']);
    await expect.poll(async () => (await status()).status.quorum).toBe(true);
    await belt.ok(['swarm', 'join', 'mg1', 'node1']);
    recordFault({
      kind: 'Swarms that lose managers',
      fault: 'commands while their swarm has no quorum and another swarm has one',
      tried: 4,
    });
  });

  test('stop --all stops a whole swarm, and start --all restores its quorum', async () => {
    const { code, stderr } = await belt.run(['stop', '--all']);
    expect([code, stderr]).toEqual([0, expect.stringContaining('The whole swarm stops')]);
    expect(await running()).toEqual([]);
    await belt.ok(['start', '--all']);
    await expect.poll(async () => (await status()).status.quorum).toBe(true);
    recordFault({ kind: 'Swarms that lose managers', fault: 'all nodes of a swarm are stopped' });
  });
});
