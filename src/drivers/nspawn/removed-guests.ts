import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../base/errno.js';
import { plural } from '../../base/plural.js';
import type { Check } from '../driver.js';
import { foldersIn } from '../kit/image-store.js';
import { removeTree } from './host-program.js';
import { machineFolder, type NspawnLayout, withComputerLock } from './layout.js';

const removedPrefix = '.removing-';

/** Renames first, so that an interrupted removal leaves no partial machine. */
export async function removeFiles(layout: NspawnLayout, id: string): Promise<void> {
  const { folder } = machineFolder(layout, id);
  const removalPath = join(layout.machines, removedPrefix + id);
  await rename(folder, removalPath).catch((error) => {
    if (!isMissing(error)) throw error;
  });
  await removeTree(removalPath);
}

/** What interrupted removals left. */
export async function deleteRemoved({ machines }: NspawnLayout): Promise<void> {
  for (const name of await removedFolders(machines)) await removeTree(join(machines, name));
}

/** @returns no check if nothing is left */
export async function checkRemoved(layout: NspawnLayout): Promise<Check[]> {
  const { length } = await removedFolders(layout.machines);
  if (length === 0) return [];
  return [
    {
      name: 'removed guests',
      ok: false,
      optional: true,
      detail: `${plural(length, 'interrupted removal')} in ${layout.machines}`,
      fix: (signal) => withComputerLock(layout, { signal }, () => deleteRemoved(layout)),
    },
  ];
}

async function removedFolders(machines: string): Promise<string[]> {
  return (await foldersIn(machines)).filter((name) => name.startsWith(removedPrefix));
}
