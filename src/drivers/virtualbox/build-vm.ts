import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AbortError } from '../../base/errors.js';
import type { CreateRequest } from '../driver.js';
import type { Emit } from '../kit/event-stream.js';
import { boot2dockerUser, homeShare, userDataDisk } from './boot2docker-iso.js';
import { fixedAddressArgs } from './dhcp.js';
import { homeFor } from './remove-vm.js';
import { seedImage } from './seed-disk.js';
import type { VirtualBoxContext } from './virtualbox-context.js';
import type { BaseDisk } from './virtualbox-images.js';
import type { Share, VirtualBoxSettings } from './virtualbox-settings.js';
import { extraData, growDisk, requireInfo } from './vm.js';
import {
  attachArgs,
  bootOrderArgs,
  cardArgs,
  cardsOf,
  consoleArgs,
  controllerArgs,
  forwardArgs,
  hardwareArgs,
  shareArgs,
} from './vm-arguments.js';
import type { HostOnlyInterface } from './vm-network.js';

/** Mebibytes; docker-machine's. */
const defaultDisk = 20_000;

export interface SharedSetup {
  system: BootSource;
  hostOnly: HostOnlyInterface | undefined;
}

type BootSource = { kind: 'cloud'; base: BaseDisk } | { kind: 'boot2docker'; iso: string };

export interface PlannedVm {
  request: CreateRequest;
  name: string;
  uuid: string;
  address: number;
  memory: number;
  isMade: boolean;
}

export function osTypeOf(system: BootSource): string {
  return system.kind === 'cloud' ? system.base.source.osType : 'Linux26_64';
}

export function userOf(system: BootSource, { sshUser }: VirtualBoxSettings): string {
  if (system.kind === 'boot2docker') return boot2dockerUser;
  return sshUser ?? system.base.source.user;
}

/** Changes if a VM must be created again: above all with its keys. */
export function fingerprint({ name, ssh }: CreateRequest): string {
  const parts = [name, ssh.authorizedKey.trim(), ssh.hostKey.publicKey.trim()];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Marks the VM last: VMs without the mark are created again. */
export async function buildVm(
  virtualbox: VirtualBoxContext,
  draft: PlannedVm,
  { system, hostOnly }: SharedSetup,
  signal: AbortSignal,
  emit: Emit,
): Promise<void> {
  const { vbox, settings } = virtualbox;
  const { request, name, uuid, address, memory } = draft;
  const home = await homeFor(virtualbox, name);
  const change: ChangeVm = async (args) => {
    if (signal.aborted) throw new AbortError();
    await vbox.onVm(uuid, args);
  };
  emit({ type: 'progress', name, text: 'configuring hardware' });
  const options = [
    ...hardwareArgs(memory, settings),
    ...consoleArgs(join(home, 'console.log')),
    ...cardArgs(settings, hostOnly?.name),
    ...bootOrderArgs(system.kind),
  ];
  await change(['modifyvm', uuid, ...options]);
  if (!hostOnly) for (const args of forwardArgs(uuid, address)) await change(args);
  await change(controllerArgs(uuid));

  emit({ type: 'progress', name, text: 'creating the disk' });
  const target: DiskTarget = { home, disk: join(home, 'disk.vdi'), change };
  if (system.kind === 'cloud') await addCloudDisks(virtualbox, draft, system.base, target);
  else await addBoot2dockerDisks(virtualbox, draft, system.iso, target);
  if (hostOnly && system.kind === 'boot2docker')
    await change(fixedAddressArgs(hostOnly.networkName, uuid, address));
  const share = shareFor(system, settings);
  if (share) for (const args of shareArgs(uuid, share)) await change(args);
  await change(['setextradata', uuid, extraData.made, fingerprint(request)]);
}

type ChangeVm = (args: readonly string[]) => Promise<void>;

interface DiskTarget {
  home: string;
  disk: string;
  change: ChangeVm;
}

async function addCloudDisks(
  virtualbox: VirtualBoxContext,
  { request, name, uuid, address }: PlannedVm,
  base: BaseDisk,
  { home, disk, change }: DiskTarget,
): Promise<void> {
  const { vbox, settings, options } = virtualbox;
  await change(['createmedium', 'disk', '--filename', disk, '--diffparent', base.path]);
  await growDisk(vbox, disk, settings.diskSize ?? defaultDisk);
  await change(attachArgs(uuid, 0, 'hdd', disk));

  const cards = cardsOf(await requireInfo(vbox, uuid, name), address, settings);
  const user = settings.sshUser ?? base.source.user;
  const { engineAtFirstBoot } = settings;
  const image = await seedImage({ uuid, request, user, cards, engineAtFirstBoot }, options.templates);
  const seed = join(home, 'seed.iso');
  await writeFile(seed, image, { mode: 0o600 });
  await change(attachArgs(uuid, 1, 'dvddrive', seed));
}

async function addBoot2dockerDisks(
  { vbox, settings }: VirtualBoxContext,
  { request, uuid }: PlannedVm,
  iso: string,
  { home, disk, change }: DiskTarget,
): Promise<void> {
  const raw = join(home, 'disk.raw');
  await writeFile(raw, await userDataDisk(request.ssh.authorizedKey), { mode: 0o600 });
  await change(['convertfromraw', raw, disk, '--format', 'VDI']);
  await rm(raw);
  await growDisk(vbox, disk, settings.diskSize ?? defaultDisk);
  await change(attachArgs(uuid, 0, 'dvddrive', iso));
  await change(attachArgs(uuid, 1, 'hdd', disk));
}

/** The shared folder; boot2docker machines get docker-machine's default. */
function shareFor(system: BootSource, { share }: VirtualBoxSettings): Share | undefined {
  if (share === 'none') return undefined;
  if (share || system.kind === 'cloud') return share;
  const homes = homeShare(process.platform);
  return existsSync(homes.path) ? homes : undefined;
}
