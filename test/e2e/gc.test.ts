import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Belt, newBelt } from '../lab/belt.js';
import { canCreateMachines } from '../lab/machines.js';
import { recordFault } from '../lab/record-fault.js';

/** Deletes records while their machines keep running. */
describe.runIf(canCreateMachines())('gc', () => {
  let belt: Belt;

  beforeAll(async () => {
    belt = await newBelt();
    await belt.ok(['create', '256mb', 'node[1:3]']);
  });

  afterAll(async () => {
    await belt?.dispose();
  });

  test('gc finds nothing on a clean cluster', async () => {
    expect(await belt.ok(['gc'])).toBe('No orphaned machines found\n');
  });

  test('gc finds a machine without a record, asks, and destroys it', async () => {
    await rm(join(belt.folder, '.belt/default/machines/node2'), { recursive: true });
    expect(JSON.parse(await belt.ok(['gc', '--dry-run', '--json']))).toEqual({ strays: ['node2'], gone: [] });

    const declined = await belt.run(['gc'], { input: 'n\n' });
    expect(declined.code).toBe(1);
    expect(declined.stdout).toMatch(/^node2 +nspawn +\S+ +[\d.]+ +machine without a record$/m);
    expect(declined.stderr).toContain('nothing was removed');

    await belt.ok(['gc', '--yes']);
    expect(await belt.ok(['gc'])).toBe('No orphaned machines found\n');
    expect(await belt.ok(['ls', '-q'])).toBe('node1\nnode3\n');
    recordFault({ kind: 'Disks and files', fault: 'the record of a machine is deleted, then `gc`' });
  });

  test('gc finds and deletes what killed scripts and a restore left on machines', async () => {
    const left = 'mkdir -p /run/belt.killed /var/lib/docker/swarm.before-restore-x';
    await belt.ok(['exec', 'node1', '--', `${left}; echo 99999999 >/run/belt.killed/pid`]);
    expect(JSON.parse(await belt.ok(['gc', '--dry-run', '--json']))).toEqual({
      ...{ strays: [], gone: [] },
      files: ['node1:/run/belt.killed', 'node1:/var/lib/docker/swarm.before-restore-x'],
    });
    expect(await belt.ok(['gc', '--yes'])).toMatch(/^node1 +nspawn .* \/run\/belt\.killed$/m);
    expect(await belt.ok(['gc'])).toBe('No orphaned machines found\n');
  });

  test('a failed create removes its machines with --on-failure remove, and keeps them by default', async () => {
    const args = ['create', '--engine-opt', 'no-such-option=1', '256mb', 'node5'];
    const removed = await belt.run([...args, '--on-failure', 'remove']);
    expect(removed.code).toBe(1);
    expect(removed.stderr).toContain('no-such-option');
    expect(removed.stderr).toContain('Failed machines were removed');
    expect(await belt.ok(['ls', '-q'])).toBe('node1\nnode3\n');
    expect(await belt.ok(['gc'])).toBe('No orphaned machines found\n');

    const failed = await belt.run(args);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('To remove the failed machines, run: belt rm -f node5');
    expect(await belt.ok(['ls', '-q'])).toBe('node1\nnode3\nnode5\n');
    await belt.ok(['rm', '-f', 'node5']);
    recordFault({
      kind: 'Machines, engines and networks that fail',
      fault: 'an engine rejects its options during `create`',
      tried: 2,
    });
  });
});
