import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateKeyPair } from '../../src/ssh/index.js';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { amazonEc2, digitalOcean, type Provider } from '../lab/providers.js';
import { recordFault } from '../lab/record-fault.js';

const names = ['node1', 'node2', 'node3'];
const longTimeout = { timeoutMs: 300_000 };

for (const [driver, open] of [
  ['digitalocean', digitalOcean],
  ['amazonec2', amazonEc2],
] as const)
  describe.runIf(canCreateMachines())(`a lost cluster comes back from ${driver}`, () => {
    let belt: Belt;
    let provider: Provider;
    let keyPath: string;
    let shown: unknown[];

    beforeAll(async () => {
      provider = await open();
      belt = await newBelt(provider.env);
      await belt.ok(['create', ...provider.create, 'node[1:3]'], longTimeout);
      await belt.ok(['swarm', 'init', 'node1']);
      await belt.ok(['swarm', 'join', '--manager', 'node1', 'node[2:3]'], longTimeout);
    }, 600_000);

    afterAll(async () => {
      await belt?.dispose();
      await provider?.dispose();
    });

    /** Hides the keys and the agent of the user who runs the tests. */
    const withoutKeys = { ...longTimeout, env: { HOME: '/nonexistent', SSH_AUTH_SOCK: undefined } };
    const from = ['import', '--from', driver];
    const rows = async () =>
      (await belt.list()).map(({ name, driver: of, state, address, url, memory, swarm }) => ({
        ...{ name, of, state, address, url, memory, swarm },
      }));

    test('import rebuilds only the records when no key can log in', async () => {
      const { publicKey, privateKey } = generateKeyPair('person');
      keyPath = join(belt.folder, 'person');
      await writeFile(keyPath, privateKey, { mode: 0o600 });
      const add = `echo '${publicKey.trim()}' >> ~/.ssh/authorized_keys`;
      await belt.ok(['exec', 'node[1:3]', '--', add]);
      shown = await rows();
      await rm(join(belt.folder, '.belt'), { recursive: true });

      expect(await belt.ok([...from, '--dry-run'])).toMatch(/^node1 +\w+ +Running +[\d.]+/m);
      expect(existsSync(join(belt.folder, '.belt'))).toBe(false);

      const { code, stdout, stderr } = await belt.run(from, withoutKeys);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr.match(/^node\d: failed: no login after/gm)).toHaveLength(3);
      expect(stderr.match(/--ssh-key/g)).toHaveLength(1);
      for (const name of names) expect(stderr).toContain(`${name}: pinned host key SHA256:`);
      const listed = (await belt.list()) as { name: string; state: string }[];
      expect(listed.map(({ name, state }) => `${name} ${state}`)).toEqual([
        'node1 running',
        'node2 running',
        'node3 running',
      ]);
    }, 400_000);

    test('import with a key rebuilds the whole cluster, and its swarm keeps running', async () => {
      const { code, stdout, stderr } = await belt.run([...from, '--ssh-key', keyPath, '--json'], withoutKeys);
      expect([code, JSON.parse(stdout)]).toEqual([0, { ok: names, failed: [], skipped: [] }]);
      expect(stderr).not.toContain('no login');
      const nodes = async () =>
        (await belt.ok(['docker', '--host', 'node1', 'node', 'ls', '--format', '{{.Hostname}} {{.Status}}']))
          .trim()
          .split('\n')
          .sort();
      // A new leader reports a worker as ready once the worker reconnects.
      await expect.poll(nodes).toEqual(names.map((name) => `${name} Ready`));
      expect(await rows()).toEqual(shown);
      expect(await belt.ok(['certs', 'status'])).not.toMatch(/missing|another/);
      recordFault({
        kind: 'Disks and files',
        fault: 'the folder of a cluster with a swarm is deleted, then `import`',
      });
    }, 400_000);

    test('a second import changes nothing, and a single lost record is rebuilt', async () => {
      const before = await rows();
      const again = await belt.run(from, withoutKeys);
      expect([again.code, again.stdout, again.stderr]).toEqual([
        0,
        '',
        expect.stringContaining('node1 already has a record'),
      ]);
      await rm(join(belt.folder, '.belt/default/machines/node2'), { recursive: true });
      expect(await belt.ok(from, withoutKeys)).toBe('node2\n');
      expect(await rows()).toEqual(before);
      expect(JSON.parse(await belt.ok(['gc', '--dry-run', '--json', '-d', driver]))).toEqual({
        strays: [],
        gone: [],
      });
      recordFault({ kind: 'Disks and files', fault: 'the record of a machine is deleted, then `import`' });
    }, 400_000);

    test('import does not touch another cluster of the same name', async () => {
      const elsewhere = join(belt.folder, 'elsewhere');
      await mkdir(join(elsewhere, '.belt'), { recursive: true });
      const state = { cwd: elsewhere };
      const url = ['create', '-d', 'none', '--url', 'tcp://192.0.2.1:2376', 'other'];
      await belt.ok(url, state);
      const refused = await belt.run(from, state);
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('--as NAME')]);
      expect(await belt.ok([...from, '--as', 'again', '--dry-run'], state)).toContain('node3');
      const unknown = await belt.run([...from, '--cluster', 'nothing'], state);
      expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('no cluster "nothing"')]);
    });

    test('imported machines can be removed', async () => {
      await belt.ok(['rm', '--all', '-f', '-y'], longTimeout);
      expect(await provider.count()).toBe(0);
    }, 400_000);
  });
