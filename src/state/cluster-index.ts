import { readlink, realpath, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { nameHint } from '../base/closest.js';
import { codeOf } from '../base/errno.js';
import { UsageError, UserError } from '../base/errors.js';
import { type FileOwner, listFolders, stateFiles, withExplainedErrors } from '../base/files.js';
import type { StateLocation } from './locate-state.js';
import { readPointer, writePointer } from './pointer-file.js';

/** Always exists. */
const defaultCluster = 'default';

/** @throws UserError when the pointer file is damaged */
async function activeCluster(root: string): Promise<string> {
  return (await readPointer(activePath(root), 'cluster')) ?? defaultCluster;
}

/** @throws UserError when there is no such cluster */
export async function useCluster(root: string, name: string, owner?: FileOwner): Promise<void> {
  await requireCluster(root, name);
  await writePointer(activePath(root), 'cluster', name, stateFiles(owner));
}

async function requireCluster(root: string, name: string): Promise<void> {
  const clusters = await listClusters(root);
  if (!clusters.includes(name)) throw unknownCluster(name, clusters);
}

export function unknownCluster(name: string, clusters: readonly string[]): UserError {
  return new UserError(`no cluster is called "${name}"`, {
    errorCode: 'cluster-not-found',
    hint: nameHint(name, clusters),
  });
}

/** Links a folder elsewhere as a cluster. @throws UsageError, UserError for an unusable name */
export async function linkCluster(
  root: string,
  name: string,
  folder: string,
  owner?: FileOwner,
): Promise<void> {
  requireClusterName(name);
  const path = join(root, name);
  const existing = await realpath(path).catch(() => undefined);
  if (existing !== undefined && existing === (await realpath(folder))) return;
  await stateFiles(owner).makeFolder(root);
  await withExplainedErrors('create', path, async () => {
    try {
      await symlink(folder, path, 'junction');
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
      throw new UserError(`cluster "${name}" already exists`, {
        hint: 'give the new one another name: --as NAME',
      });
    }
  });
}

export async function isLinkedCluster(root: string, name: string): Promise<boolean> {
  return readlink(join(root, name)).then(
    () => true,
    () => false,
  );
}

/** Deletes a cluster's records, or of a linked cluster only the link. May make `default` active. */
export async function removeCluster(root: string, name: string, owner?: FileOwner): Promise<void> {
  requireClusterName(name);
  const files = stateFiles(owner);
  if ((await activeCluster(root)) === name) await writePointer(activePath(root), 'cluster', undefined, files);
  await files.remove(join(root, name));
}

/** Sorted; always includes `default`. */
export async function listClusters(root: string): Promise<string[]> {
  return [...new Set([defaultCluster, ...(await listFolders(root))])].sort();
}

export interface ClusterPlace {
  name: string;
  folder: string;
  /** Chosen by its folder, not by its name. */
  byFolder: boolean;
}

/** The cluster of a command. @throws UsageError for an invalid name; UserError for an unknown one */
export async function chooseCluster(
  { root, cluster, clusterFolder }: Pick<StateLocation, 'root' | 'cluster' | 'clusterFolder'>,
  { mayBeNew = false }: { mayBeNew?: boolean } = {},
): Promise<ClusterPlace> {
  if (clusterFolder !== undefined)
    return { name: basename(clusterFolder) || defaultCluster, folder: clusterFolder, byFolder: true };
  const name = cluster ?? (await activeCluster(root));
  requireClusterName(name);
  if (cluster !== undefined && !mayBeNew) await requireCluster(root, name);
  const path = join(root, name);
  // Records must not contain the link's path, which docker-machine does not know.
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
