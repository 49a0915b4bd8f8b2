import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type LockOptions, withLock } from '../../base/file-lock.js';
import type { DriverOptions } from '../driver.js';
import { type RegisteredVm, readVms } from './parse-output.js';
import { openVBoxManage, type VBoxManage } from './vboxmanage.js';
import type { VirtualBoxSettings } from './virtualbox-settings.js';

export interface VirtualBoxContext {
  vbox: VBoxManage;
  settings: VirtualBoxSettings;
  options: DriverOptions;
  folder(): Promise<string>;
}

export function openContext(settings: VirtualBoxSettings, options: DriverOptions): VirtualBoxContext {
  const vbox = openVBoxManage(settings.installPath && options.user.resolvePath(settings.installPath));
  let folder: Promise<string> | undefined;
  return {
    vbox,
    settings,
    options,
    folder() {
      folder ??= settings.folder
        ? Promise.resolve(options.user.resolvePath(settings.folder))
        : defaultFolder(vbox);
      return folder;
    },
  };
}

async function defaultFolder(vbox: VBoxManage): Promise<string> {
  const output = await vbox.run(['list', 'systemproperties']);
  const found = /^Default machine folder:\s*(.+?)\r?$/m.exec(output)?.[1];
  if (found === undefined)
    throw new Error(`VBoxManage list systemproperties reports no machine folder:\n${output}`);
  return found;
}

export async function registeredVms({ vbox }: Pick<VirtualBoxContext, 'vbox'>): Promise<RegisteredVm[]> {
  return readVms(await vbox.run(['list', 'vms']));
}

/** Excludes other belt processes of this computer. @param waitMs how long to wait for them */
export async function withVirtualBoxLock<T>(
  { folder }: Pick<VirtualBoxContext, 'folder'>,
  name: string,
  waitMs: number,
  work: () => Promise<T>,
  wait: Pick<LockOptions, 'signal' | 'onWait'> = {},
): Promise<T> {
  const lockFolder = join(await folder(), 'belt');
  await mkdir(lockFolder, { recursive: true });
  return withLock(join(lockFolder, `.${name}.lock`), { what: name, waitMs, ...wait }, work);
}
