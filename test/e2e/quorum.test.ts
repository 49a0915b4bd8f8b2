import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** What belt refuses to do to managers of a real swarm, checked with docker. */
describe.runIf(canCreateMachines())('quorum', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '512mb', 'mg[1:4]']);
    await belt.ok(['swarm', 'init', 'mg1']);
    await belt.ok(['swarm', 'join', '--manager', 'mg1', 'mg[2:3]']);
    await belt.ok(['swarm', 'join', 'mg1', 'mg4']);
  });

  afterAll(async () => {
    await belt?.dispose();
  });

  async function managers(asked = 'mg1'): Promise<string[]> {
    const format = '{{.Hostname}} {{.ManagerStatus}}';
    const table = await belt.ok(['--host', asked, 'docker', 'node', 'ls', '--format', format]);
    return table
      .trim()
      .split('\n')
      .filter((line) => /Leader|Reachable|Unreachable/.test(line))
      .sort();
  }

  test('promote and demote print docker messages in order, and an unknown node stops no other', async () => {
    const { code, stdout, stderr } = await belt.run(['swarm', 'promote', 'mgX', 'mg4']);
    expect([code, stdout]).toEqual([1, 'Node mg4 promoted to a manager in the swarm.\n']);
    expect(stderr.match(/^mgX: failed: .*"mgX" does not exist.*$/gm)).toHaveLength(1);
    expect(await managers()).toEqual(['mg1 Leader', 'mg2 Reachable', 'mg3 Reachable', 'mg4 Reachable']);
    expect(await belt.ok(['swarm', 'demote', 'mg4'])).toBe('Manager mg4 demoted in the swarm.\n');
    expect(await managers()).toEqual(['mg1 Leader', 'mg2 Reachable', 'mg3 Reachable']);
  });

  test('demote refuses the last spare manager and shows the numbers', async () => {
    const { code, stdout, stderr } = await belt.run(['swarm', 'demote', 'mg3']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      'error: demoting mg3 would leave 2 managers, not enough to tolerate a failure (now 3 managers tolerate 1)\n' +
        'Try: belt swarm promote NODES first, or use --force\n',
    );
    expect(await managers()).toHaveLength(3);
  });

  test('demote refuses while another manager is frozen, before and after the leader notices', async () => {
    let tried = 0;
    await belt.ok(['exec', 'mg3', '--', 'kill -STOP $(pidof dockerd)']);
    try {
      for (const pauseMs of [0, 15_000]) {
        tried++;
        await sleep(pauseMs);
        const { code, stderr } = await belt.run(['swarm', 'demote', 'mg2']);
        expect(stderr).toContain(
          'error: demoting mg2 would leave the swarm without a quorum: 1 of 2 managers can be reached, and 2 are needed',
        );
        expect(code).toBe(1);
      }
      expect(await managers()).toHaveLength(3);
    } finally {
      await belt.ok(['exec', 'mg3', '--', 'kill -CONT $(pidof dockerd)']);
    }
    recordFault({
      kind: 'Swarms that lose managers',
      fault: '`swarm demote` while the engine of another manager hangs',
      tried,
    });
  });

  test('demote --force demotes the leader, and another manager becomes leader', async () => {
    await expect.poll(() => managers()).not.toContain('mg3 Unreachable');
    const { code, stdout, stderr } = await belt.run(['swarm', 'demote', '--force', 'mg1']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'Manager mg1 demoted in the swarm.\n' });
    expect(stderr).toContain('--force: the swarm will lose its quorum if another manager fails');
    const left = await managers('mg2');
    expect(left).toHaveLength(2);
    expect(left.join()).toContain('Leader');
  });

  test('swarm ls and promote query another manager when the active machine is a worker', async () => {
    const nodes = JSON.parse(await belt.ok(['swarm', 'ls', '--json'])) as {
      hostname: string;
      role: string;
    }[];
    expect(nodes.find(({ hostname }) => hostname === 'mg1')?.role).toBe('worker');
    expect(await belt.ok(['swarm', 'promote', 'mg1', '--json'])).toContain('"already": false');
    expect(await managers()).toHaveLength(3);
  });

  describe('after a recovery on mg1, while mg2 and mg3 were off', () => {
    const record = (): string => join(belt.folder, '.belt/default/abandoned-managers.json');
    const longTimeout = { timeoutMs: 220_000 };
    const status = async () => {
      const { code, stdout } = await belt.run(['swarm', 'status', 'mg1', '--json'], longTimeout);
      const { splitManagers, warnings } = JSON.parse(stdout) as Record<string, string[]>;
      return { code, splitManagers, warnings };
    };

    test('swarm status reports the second swarm of managers that were started without belt', async () => {
      await belt.ok(['active', 'mg1']);
      await belt.ok(['kill', '--force', 'mg[2:3]'], longTimeout);
      await belt.ok(['swarm', 'recover', '--yes'], longTimeout);
      expect(await status()).toMatchObject({ code: 0, splitManagers: [] });
      // As if they were switched on by hand: belt would make them leave.
      await rename(record(), `${record()}.aside`);
      await belt.ok(['start', 'mg[2:3]'], longTimeout);
      await expect
        .poll(status, { interval: 1000 })
        .toMatchObject({ code: 1, splitManagers: ['mg2', 'mg3'], warnings: [expect.any(String)] });
      expect((await status()).warnings?.[0]).toBe(
        'a second swarm with the same ID runs on mg[2:3], and both accept changes; to end that: belt swarm leave --force mg[2:3], then join again with belt swarm join',
      );
      recordFault({
        kind: 'Swarms that lose managers',
        fault: 'two managers given up by `swarm recover` are started without belt',
        lost: 'nothing; belt reports both swarms',
      });
    });

    test('restart makes them leave their old swarm, and they can join again', async () => {
      await rename(`${record()}.aside`, record());
      const list = await belt.run(['ls']);
      expect(list.stderr).toContain('left mg[2:3] behind, but they run as managers: belt swarm status');
      const { code, stderr } = await belt.run(['restart', 'mg[2:3]'], longTimeout);
      expect([code, stderr]).toEqual([0, expect.stringContaining('mg2 has left its old swarm')]);
      expect(existsSync(record())).toBe(false);
      expect(await status()).toMatchObject({ code: 0, splitManagers: [] });
      await belt.ok(['swarm', 'join', '--manager', 'mg1', 'mg[2:3]'], longTimeout);
      expect(await managers()).toEqual(['mg1 Leader', 'mg2 Reachable', 'mg3 Reachable']);
      recordFault({
        kind: 'Swarms that lose managers',
        fault: 'two managers given up by `swarm recover` are restarted',
      });
    });
  });
});
