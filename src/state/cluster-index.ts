import { readlink, realpath, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { closest } from '../base/closest.js';
import { codeOf } from '../base/errno.js';
import { UsageError, UserError } from '../base/errors.js';
import { type FileOwner, listFolders, stateFiles, withExplainedErrors } from '../base/files.js';
import type { StateLocation } from './locate-state.js';
import { readPointer, writePointer } from './pointer-file.js';

/** The cluster that is there without being made. */
const defaultCluster = 'default';

/** The name of the cluster in use. @throws UserError when the file that says so is damaged */
export async function activeCluster(root: string): Promise<string> {
  return (await readPointer(activePath(root), 'cluster')) ?? defaultCluster;
}

/** Makes it the one that later commands talk to. @throws UserError when there is no such cluster */
export async function useCluster(root: string, name: string, owner?: FileOwner): Promise<void> {
  const clusters = await listClusters(root);
  if (!clusters.includes(name)) throw unknownCluster(name, clusters);
  await writePointer(activePath(root), 'cluster', name, stateFiles(owner));
}

export function unknownCluster(name: string, clusters: readonly string[]): UserError {
  const suggestion = closest(name, clusters);
  return new UserError(`no cluster is called "${name}"`, {
    errorCode: 'cluster-not-found',
    hint: suggestion ? `did you mean "${suggestion}"?` : `one of the clusters ${clusters.join(', ')}`,
  });
}

/**
 * Makes a folder elsewhere a cluster of this name, in place: a link leads there.
 * @throws UsageError for a name that cannot be a cluster's; UserError when another cluster has it
 */
export async function linkCluster(
  root: string,
  name: string,
  folder: string,
  owner?: FileOwner,
): Promise<void> {
  requireClusterName(name);
  const path = join(root, name);
  const there = await realpath(path).catch(() => undefined);
  if (there !== undefined && there === (await realpath(folder))) return;
  await stateFiles(owner).makeFolder(root);
  await withExplainedErrors('make', path, async () => {
    try {
      await symlink(folder, path, 'junction');
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      throw new UserError(`there is a cluster called "${name}" already`, {
        hint: 'give the new one another name: --as NAME',
      });
    }
  });
}

/** Whether the name stands for a folder elsewhere. */
export async function isLinkedCluster(root: string, name: string): Promise<boolean> {
  return readlink(join(root, name)).then(
    () => true,
    () => false,
  );
}

/**
 * Deletes all that is recorded of a cluster; of one that is a link to a folder elsewhere, the link
 * alone. If it was the one in use, `default` is afterwards.
 */
export async function removeCluster(root: string, name: string, owner?: FileOwner): Promise<void> {
  requireClusterName(name);
  const files = stateFiles(owner);
  if ((await activeCluster(root)) === name) await writePointer(activePath(root), 'cluster', undefined, files);
  await files.remove(join(root, name));
}

/** Every cluster, by name; `default` is always among them. */
export async function listClusters(root: string): Promise<string[]> {
  return [...new Set([defaultCluster, ...(await listFolders(root))])].sort();
}

/**
 * Which cluster a command works in: the folder that --storage-path or MACHINE_STORAGE_PATH names,
 * else the one of --cluster, else the one in use. `locateState` has seen to it that no variable is
 * before --cluster.
 * @throws UsageError for a name that cannot be a folder's
 */
export async function chooseCluster(
  { root, clusterFolder }: Pick<StateLocation, 'root' | 'clusterFolder'>,
  named?: string,
): Promise<{ name: string; folder: string; byFolder: boolean }> {
  if (clusterFolder !== undefined)
    return { name: basename(clusterFolder) || defaultCluster, folder: clusterFolder, byFolder: true };
  const name = named ?? (await activeCluster(root));
  requireClusterName(name);
  const path = join(root, name);
  // Of a linked cluster the place itself: paths in its records must not lead through the link,
  // which others do not know.
  return { name, folder: await readlink(path).catch(() => path), byFolder: false };
}

/** The name becomes a folder in `.belt/`, beside the file `active`. */
function requireClusterName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name) && name !== 'active') return;
  throw new UsageError(`"${name}" cannot be the name of a cluster`, {
    hint: 'use letters, digits, hyphens, dots and underscores, a letter or digit first, at most 63 in all',
  });
}

function activePath(root: string): string {
  return join(root, 'active');
}
