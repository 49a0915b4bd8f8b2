import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEntries } from '../../src/drivers/nspawn/guest-records.js';
import { layoutOf } from '../../src/drivers/nspawn/layout.js';
import { imageRoot } from '../lab/machines.js';
import { amazonEc2, digitalOcean } from '../lab/providers.js';
import { startServers } from '../lab/servers.js';
import { startVirtualBox } from '../lab/virtualbox/lab.js';
import { scenario } from './scenario.js';

scenario('nspawn', async (folder) => ({
  create: ['-d', 'nspawn', '256mb'],
  resizeTo: '512mb',
  remaining: 0,
  async count() {
    const { id } = JSON.parse(await readFile(`${folder()}/.belt/default/cluster.json`, 'utf8')) as {
      id: string;
    };
    const entries = await readEntries(layoutOf('/var/lib/belt'));
    return entries.filter((entry) => 'record' in entry && entry.record.cluster.id === id).length;
  },
  async dispose() {},
}));

scenario('generic', async () => {
  const names = ['node1', 'node2', 'node3', 'node4'];
  const servers = await startServers(names);
  const addresses = names.map((name) => servers.address(name)).join(',');
  return {
    create: ['-d', 'generic', '--generic-ip-address', addresses, '--generic-ssh-key', servers.keyPath],
    // belt does not create, stop or delete adopted servers.
    remaining: 4,
    powerless: true,
    async count() {
      const states = await Promise.all(names.map((name) => servers.state(name)));
      return states.filter((state) => state === 'running').length;
    },
    dispose: () => servers.dispose(),
  };
});

scenario('digitalocean', digitalOcean);

scenario('amazonec2', amazonEc2);

scenario('virtualbox', async () => {
  const lab = await startVirtualBox({ withGuests: true });
  return {
    create: ['-d', 'virtualbox', '512mb'],
    env: lab.env,
    resizeTo: '1gb',
    remaining: 0,
    count: async () => (await lab.vms()).length,
    dispose: () => lab.dispose(),
  };
});

/** The example of a third-party driver. */
scenario('box, a plugin', async () => {
  const lab = await mkdtemp(join(tmpdir(), 'belt-boxes-'));
  const boxes = join(lab, 'boxes');
  const env = { BELT_DATA_DIR: join(lab, 'data'), BOX_STATE: boxes, BOX_ROOT: imageRoot() };
  const link = ['bin/run.js', 'plugins', 'link', 'test/fixtures/belt-driver-box'];
  execFileSync(process.execPath, link, { env: { ...process.env, ...env } });
  return {
    create: ['-d', 'box'],
    env,
    remaining: 0,
    count: async () => (await readdir(boxes).catch(() => [])).length,
    dispose: () => rm(lab, { recursive: true }),
  };
});
