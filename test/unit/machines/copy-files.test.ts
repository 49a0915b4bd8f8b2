import { afterEach, beforeEach, expect, test } from 'vitest';
import { requireRemoteRsync } from '../../../src/machines/copy-files.js';
import { openTestBed, type TestBed } from '../support/test-bed.js';

let bed: TestBed;

beforeEach(async () => {
  bed = await openTestBed();
});

afterEach(() => bed.close());

test('a machine without rsync is named, with a command that installs it', async () => {
  const [machine] = await bed.running('node1');
  if (!machine) throw new Error('no machine');
  await expect(requireRemoteRsync(machine, bed.context)).rejects.toMatchObject({
    message: 'rsync is not installed on node1',
    hint: expect.stringMatching(/^belt exec node1 -- apt-get install -y rsync/),
  });
  const ada = { ...machine, ssh: { ...machine.ssh, user: 'ada' } };
  await expect(requireRemoteRsync(ada, bed.context)).rejects.toMatchObject({
    hint: expect.stringContaining('-- sudo apt-get install'),
  });
  bed.ssh.journal = async () => '/usr/bin/rsync\n';
  await requireRemoteRsync(machine, bed.context);
});
