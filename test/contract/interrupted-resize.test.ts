import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { amazonEc2, type CloudProvider, digitalOcean } from '../lab/providers.js';
import { recordFault } from '../lab/record-fault.js';

const longTimeout = { timeoutMs: 300_000 };

for (const [driver, open] of [
  ['digitalocean', digitalOcean],
  ['amazonec2', amazonEc2],
] as const)
  describe.runIf(canCreateMachines())(`interrupted resize with ${driver}`, () => {
    let belt: Belt;
    let provider: CloudProvider;

    beforeAll(async () => {
      provider = await open();
      belt = await newBelt(provider.env);
      await belt.ok(['create', ...provider.create, 'node1'], longTimeout);
    }, 600_000);

    afterAll(async () => {
      await belt?.dispose();
      await provider?.dispose();
    });

    /** Runs `belt resize` and kills it as soon as the machine reaches a state. */
    const killResizeWhen = async (
      size: string,
      condition: (look: { off: boolean; size: string }) => boolean,
    ) => {
      const child = belt.spawn(['resize', size, 'node1']);
      const ended = new Promise<number | null>((done) => child.once('close', done));
      await expect.poll(async () => condition(await provider.inspect()), { interval: 20 }).toBe(true);
      child.kill('SIGKILL');
      expect(await ended).toBe(null);
    };
    const finish = async (size: string) => {
      await belt.ok(['resize', size, 'node1'], longTimeout);
      const [row] = await belt.list();
      expect(row).toMatchObject({ name: 'node1', state: 'running', size });
      expect(await provider.inspect()).toEqual({ off: false, size: provider.sizes[size] });
      expect(await belt.ok(['docker', '--host', 'node1', 'info', '--format', '{{.Name}}'])).toBe('node1\n');
    };

    test('a rerun finishes a resize that was killed while the machine was off', async () => {
      await killResizeWhen('1gb', ({ off }) => off);
      expect((await provider.inspect()).off).toBe(true);
      await finish('1gb');
      recordFault({ kind: 'Killed and interrupted', fault: '`resize` is killed while the machine is off' });
    }, 400_000);

    test('a rerun finishes a resize that was killed before the machine was started', async () => {
      const release = provider.blockStart();
      await killResizeWhen('2gb', ({ off, size }) => off && size === provider.sizes['2gb']);
      release();
      expect((await provider.inspect()).off).toBe(true);
      await finish('2gb');
      recordFault({ kind: 'Killed and interrupted', fault: '`resize` is killed before the machine starts' });
    }, 400_000);
  });
