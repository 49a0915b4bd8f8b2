import { rm, rmdir } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import type { ClusterRef } from '../driver.js';
import { noFixedAddressArgs } from './dhcp.js';
import type { RegisteredVm } from './parse-output.js';
import { isCode } from './vboxmanage.js';
import type { VirtualBoxContext } from './virtualbox-context.js';
import { groupOf, homeOf, infoOf, stateIn, type VmInfo } from './vm.js';
import { forwardNames } from './vm-arguments.js';
import { natNetworkName } from './vm-network.js';
import { switchOff } from './vm-power.js';

/**
 * `unregistervm --delete` with disks attached would delete the base disk with its last machine, so
 * snapshots are merged, all disks detached, and the VM's own ones deleted.
 */
export async function removeVm(
  virtualbox: VirtualBoxContext,
  vm: RegisteredVm,
  signal: AbortSignal,
): Promise<void> {
  const { vbox, options } = virtualbox;
  const { uuid } = vm;
  if (!(await infoOf(vbox, uuid))) return;
  await switchOff(virtualbox, vm, signal);
  const before = await infoOf(vbox, uuid);
  if (before && stateIn(before) === 'saved') await vbox.onVm(uuid, ['discardstate', uuid]);
  for (const snapshot of snapshotsIn(before)) await vbox.onVm(uuid, ['snapshot', uuid, 'delete', snapshot]);

  const info = await infoOf(vbox, uuid);
  if (!info) return;
  const home = homeOf(info);
  for (const medium of mediaIn(info)) {
    const { controller, port, device } = medium;
    const slot = ['--storagectl', controller, '--port', port, '--device', device];
    await vbox.onVm(uuid, ['storageattach', uuid, ...slot, '--medium', 'none']);
    await removeMedium(virtualbox, medium, home);
  }
  await removeFixedAddress(virtualbox, uuid, info.get('hostonlyadapter2'));
  await unregister(virtualbox, uuid);
  if (info.get('nat-network1') === natNetworkName) await removeForwards(virtualbox, uuid);
  if (!isOwn(home, options.cluster)) return;
  await rm(home, { recursive: true, force: true });
  await rmdir(dirname(home)).catch(() => {});
}

export async function clearLeftovers(virtualbox: VirtualBoxContext, name: string): Promise<void> {
  const home = await homeFor(virtualbox, name);
  for (const [kind, file] of [
    ['disk', 'disk.vdi'],
    ['dvd', 'seed.iso'],
  ] as const)
    await virtualbox.vbox.run(['closemedium', kind, join(home, file)]).catch(() => {});
  await rm(home, { recursive: true, force: true });
}

export async function homeFor({ folder, options }: VirtualBoxContext, name: string): Promise<string> {
  return join(await folder(), ...groupOf(options.cluster).split('/'), name);
}

interface Medium {
  controller: string;
  port: string;
  device: string;
  path: string;
  uuid: string | undefined;
}

/** `"SATA-0-0"="/path"` and `"SATA-ImageUUID-0-0"="..."`. */
export function mediaIn(info: VmInfo): Medium[] {
  return [...info].flatMap(([key, path]) => {
    const [, controller, port, device] = /^(.+)-(\d+)-(\d+)$/.exec(key) ?? [];
    if (!controller || !port || !device || ['none', 'emptydrive'].includes(path)) return [];
    if (!isController(info, controller)) return [];
    return [{ controller, port, device, path, uuid: info.get(`${controller}-ImageUUID-${port}-${device}`) }];
  });
}

function isController(info: VmInfo, name: string): boolean {
  return [...info].some(([key, value]) => /^storagecontrollername\d+$/.test(key) && value === name);
}

/** Deletes the VM's own disks; ISO images are only unregistered, as others may use them. */
async function removeMedium(
  { vbox }: VirtualBoxContext,
  { path, uuid }: Medium,
  home: string,
): Promise<void> {
  const isDisk = !/\.(iso|dmg|viso)$/i.test(path);
  const isOwnFile = path.startsWith(home + sep);
  if (!isOwnFile) return;
  const args = isDisk ? ['disk', uuid ?? path, '--delete'] : ['dvd', path];
  await vbox.run(['closemedium', ...args]).catch((error) => {
    if (!isCode(error, 'VBOX_E_OBJECT_NOT_FOUND', 'VBOX_E_FILE_ERROR')) throw error;
  });
}

async function unregister({ vbox }: VirtualBoxContext, uuid: string): Promise<void> {
  await vbox.onVm(uuid, ['unregistervm', uuid, '--delete']).catch((error) => {
    if (!isCode(error, 'VBOX_E_OBJECT_NOT_FOUND')) throw error;
  });
}

/** Only boot2docker machines have one; for others VirtualBox does nothing. */
async function removeFixedAddress(
  { vbox }: VirtualBoxContext,
  uuid: string,
  adapter: string | undefined,
): Promise<void> {
  if (adapter === undefined) return;
  await vbox.run(noFixedAddressArgs(`HostInterfaceNetworking-${adapter}`, uuid)).catch(() => {});
}

async function removeForwards({ vbox }: VirtualBoxContext, uuid: string): Promise<void> {
  for (const name of forwardNames(uuid))
    await vbox
      .run(['natnetwork', 'modify', '--netname', natNetworkName, '--port-forward-4', 'delete', name])
      .catch(() => {});
}

/** Newest first, so that each is merged into the one before. */
function snapshotsIn(info: VmInfo | undefined): string[] {
  return [...(info ?? [])]
    .flatMap(([key, value]) => (/^SnapshotUUID(-\d+)*$/.test(key) ? [value] : []))
    .reverse();
}

function isOwn(home: string, cluster: ClusterRef): boolean {
  return home
    .split(sep)
    .join('/')
    .includes(`${groupOf(cluster)}/`);
}
