import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import type { Provider } from '../lab/providers.js';
import { recordFault } from '../lab/record-fault.js';

const names = ['node1', 'node2', 'node3', 'node4'];
const longTimeout = { timeoutMs: 300_000 };

/**
 * The life of machines that every driver must support, with the built program: four machines, of
 * which some come from a create that was killed; a swarm; one node that is drained, resized,
 * stopped and started; and nothing left at the end.
 */
export function scenario(driver: string, open: (folder: () => string) => Promise<Provider>): void {
  describe.runIf(canCreateMachines())(`the scenario with ${driver}`, () => {
    let belt: Belt;
    let provider: Provider;

    beforeAll(async () => {
      provider = await open(() => belt.folder);
      belt = await newBelt(provider.env);
    });

    afterAll(async () => {
      await belt?.dispose();
      await provider?.dispose();
    });

    const states = async (): Promise<Record<string, string>> => {
      const rows = (await belt.list()) as { name: string; state: string }[];
      return Object.fromEntries(rows.map(({ name, state }) => [name, state]));
    };
    const running = Object.fromEntries(names.map((name) => [name, 'running']));
    const onManager = (...args: string[]) => belt.ok(['docker', '--host', 'node1', ...args]);

    test('a rerun finishes a create that was killed, with each machine once', async () => {
      const args = ['create', ...provider.create, 'node[1:4]'];
      const first = belt.spawn(args);
      const ended = new Promise((resolve) => first.once('close', resolve));
      const machines = join(belt.folder, '.belt/default/machines');
      while ((await readdir(machines).catch(() => [])).length < names.length)
        await new Promise((wait) => setTimeout(wait, 10));
      await new Promise((wait) => setTimeout(wait, 500));
      first.kill('SIGKILL');
      await ended;

      await belt.ok(args, longTimeout);
      expect(await states()).toEqual(running);
      expect(await provider.count()).toBe(names.length);
      const again = await belt.run(args);
      expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('already exists')]);
      recordFault({
        kind: 'Killed and interrupted',
        fault: '`create` of four machines is killed, with each driver',
      });
    }, 400_000);

    test('the machines form a swarm, and one is drained', async () => {
      await belt.ok(['swarm', 'init', 'node1']);
      await belt.ok(['swarm', 'join', 'node1', 'node[2:4]'], longTimeout);
      await onManager('node', 'update', '--availability', 'drain', 'node3');
      const nodes = await onManager('node', 'ls', '--format', '{{.Hostname}} {{.Status}} {{.Availability}}');
      expect(nodes.trim().split('\n').sort()).toEqual([
        'node1 Ready Active',
        'node2 Ready Active',
        'node3 Ready Drain',
        'node4 Ready Active',
      ]);
    }, 400_000);

    test('a node that is resized, stopped and started rejoins the swarm', async () => {
      if (provider.powerless) {
        const { code, stderr } = await belt.run(['stop', 'node4']);
        expect([code, stderr]).toEqual([1, expect.stringContaining('does not support stop')]);
        return;
      }
      if (provider.resizeTo !== undefined) await belt.ok(['resize', provider.resizeTo, 'node4'], longTimeout);
      await belt.ok(['stop', 'node4'], longTimeout);
      expect(await states()).toEqual({ ...running, node4: 'stopped' });
      await belt.ok(['start', 'node4'], longTimeout);
      expect(await states()).toEqual(running);
      const [row] = ((await belt.list()) as { name: string; size: string }[]).filter(
        ({ name }) => name === 'node4',
      );
      expect(row?.size ?? undefined).toBe(provider.resizeTo);
      let state = '';
      while (state !== 'active')
        state = (
          await belt.ok(['docker', '--host', 'node4', 'info', '--format', '{{.Swarm.LocalNodeState}}'])
        ).trim();
    }, 400_000);

    test('rm removes the other machines when one does not exist, and nothing remains', async () => {
      await belt.ok(['rm', '-f', '-y', 'node4'], longTimeout);
      const { code, stderr } = await belt.run(['rm', '-f', '-y', 'node4', 'node3']);
      expect([code, stderr]).toEqual([0, expect.stringContaining('"node4" does not exist')]);
      await belt.ok(['rm', '-f', '-y', 'node[1:2]'], longTimeout);
      expect(await states()).toEqual({});
      expect(await provider.count()).toBe(provider.remaining);
    }, 400_000);
  });
}
