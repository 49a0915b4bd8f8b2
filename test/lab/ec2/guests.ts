import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { templatesIn } from '../../../src/base/templates.js';
import type { Driver, MachineEvent } from '../../../src/drivers/driver.js';
import { newMachineId, writeRecord } from '../../../src/drivers/nspawn/guest-records.js';
import { driver } from '../../../src/drivers/nspawn/index.js';
import { ensureFolder, layoutOf, machineFolder } from '../../../src/drivers/nspawn/layout.js';
import { baseFolder, openImages } from '../../../src/drivers/nspawn/nspawn-images.js';
import { generateKeyPair } from '../../../src/ssh/index.js';
import { type FirstBoot, firstBootScript } from './cloud-init.js';

/**
 * Real guests behind an emulated provider, at the addresses that it assigned, with their own bridge
 * and data folder. They boot with random keys; only their user data makes them accessible to belt.
 */
export interface Guests {
  readonly bridge: string;
  /** `10.230.7.0/24`; the first address is this computer's. */
  readonly network: string;
  boot(guest: Guest): Promise<void>;
  start(id: string): Promise<void>;
  stop(id: string): Promise<void>;
  kill(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  dispose(): Promise<void>;
}

export interface Guest {
  /** The provider's id, and the host name until the user data sets one. */
  id: string;
  address: string;
  firstBoot: FirstBoot;
}

const cluster = { id: 'guests', name: 'guests' };
const { signal } = new AbortController();
const initScript = 'etc/lab-cloud-init.sh';
const unit = 'lab-cloud-init.service';

/** Ordered as cloud-init: after the network, before the SSH server. */
const unitText = `[Unit]
After=systemd-networkd.service
Before=ssh.service docker.service
[Service]
Type=oneshot
ExecStart=/bin/sh /${initScript}
[Install]
WantedBy=multi-user.target
`;

export async function startGuests(
  where: { bridge: string; network: string } = ownNetwork(),
): Promise<Guests> {
  const { bridge, network } = where;
  const folder = await mkdtemp(join(tmpdir(), 'belt-guests-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  await copyImage(data);
  const templates = templatesIn('templates');
  const layout = layoutOf(data);
  const nspawn = await driver.open({
    settings: { data, bridge, network },
    cluster,
    templates,
    user: { resolvePath: (path) => path, defaultKeyPaths: [] },
  });
  await nspawn.prepare?.([], () => {}, signal);
  const image = await openImages(layout, templates, async () => {
    throw new Error('the image is there');
  }).base('debian-13');
  if (!existsSync(baseFolder(layout, image))) throw new Error(`${data} has no image`);

  const on = async (id: string, verb: 'start' | 'stop' | 'kill' | 'remove'): Promise<void> => {
    const machines = (await nspawn.list([], signal)).filter(({ name }) => name === id);
    const known = machines.map((machine) => recordOf(machine.name, machine.id));
    await finish(nspawn[verb](known, signal));
  };
  return {
    bridge,
    network,
    async boot({ id: name, address, firstBoot }) {
      const id = newMachineId(name);
      const { folder: home, upper } = machineFolder(layout, id);
      await ensureFolder(home);
      await writeRecord(layout, {
        version: 1,
        id,
        name,
        cluster,
        image: { name: image.name, folder: image.folder },
        address,
        size: '512mb',
        memory: 512,
        createdAt: new Date().toISOString(),
      });
      await ensureFolder(upper);
      await writeUnit(upper, firstBootScript(firstBoot));
      const random = { privateKey: generateKeyPair('random'), hostKey: generateKeyPair('random') };
      const ssh = { user: 'root', authorizedKey: random.privateKey.publicKey, hostKey: random.hostKey };
      await finish(nspawn.create([{ name, id, ssh }], signal));
    },
    start: (id) => on(id, 'start'),
    stop: (id) => on(id, 'stop'),
    kill: (id) => on(id, 'kill'),
    remove: (id) => on(id, 'remove'),
    async dispose() {
      await finish(nspawn.remove(await allOf(nspawn), signal));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function ownNetwork(): { bridge: string; network: string } {
  const third = Math.floor(process.pid / 20) % 256;
  return { bridge: `bg${process.pid}`, network: `10.${230 + (process.pid % 20)}.${third}.0/24` };
}

/** Copies the image, because a driver prunes images that its own machines do not use. */
async function copyImage(data: string): Promise<void> {
  await mkdir(join(data, 'images'), { recursive: true });
  execFileSync('cp', ['-a', '--reflink=auto', '/var/lib/belt/images/debian-13', join(data, 'images')]);
}

async function writeUnit(upper: string, script: string): Promise<void> {
  const system = join(upper, 'etc/systemd/system');
  const wants = join(system, 'multi-user.target.wants');
  for (const path of [join(upper, 'etc'), join(upper, 'etc/systemd'), system, wants])
    await ensureFolder(path);
  await writeFile(join(upper, initScript), script, { mode: 0o700 });
  await writeFile(join(system, unit), unitText, { mode: 0o644 });
  await symlink(`../${unit}`, join(wants, unit));
}

async function allOf(nspawn: Driver) {
  return (await nspawn.list([], signal)).map(({ name, id }) => recordOf(name, id));
}

function recordOf(name: string, id: string | undefined) {
  return {
    name,
    driver: 'nspawn',
    phase: 'ready' as const,
    ...(id !== undefined && { id }),
    addresses: {},
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

async function finish(events: AsyncIterable<MachineEvent>): Promise<void> {
  for await (const event of events) if (event.type === 'failed') throw event.error;
}
