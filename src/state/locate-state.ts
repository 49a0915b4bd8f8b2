import { lstat, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { codeOf } from '../base/errno.js';
import { UsageError, UserError } from '../base/errors.js';
import type { Environment } from './environment.js';

export interface StateLocation {
  /** The state folder, `<...>/.belt`; it need not exist. */
  root: string;
  /**
   * The .belt.yaml files that exist: the project's, then the user's own. The first one that has a
   * key wins.
   */
  settingsFiles: string[];
  /**
   * The cluster folder that --storage-path or, without --cluster, MACHINE_STORAGE_PATH names
   * directly.
   */
  clusterFolder?: string;
}

/** What the command line says of the place. */
export interface LocationFlags {
  cluster?: string | undefined;
  'storage-path'?: string | undefined;
}

/**
 * Finds the state folder: that of the nearest folder, from the current one upwards, which holds
 * `.belt.yaml` or `.belt/`; else $BELT_HOME; else `~/.belt`. The way up ends at the home folder,
 * whose own `.belt` is the last choice anyway and must not hide $BELT_HOME.
 * @throws UserError when somebody else has put the state where everybody can write; UsageError for
 * a cluster that is named twice
 */
export async function locateState(
  environment: Environment,
  { cluster, 'storage-path': storagePath }: LocationFlags = {},
): Promise<StateLocation> {
  if (storagePath !== undefined && cluster !== undefined)
    throw new UsageError('--storage-path and --cluster both say which cluster', { hint: 'give one of them' });
  const { variables, cwd, home } = environment;
  const project = await nearestProject(environment);
  const beltHome = variables['BELT_HOME'];
  const root = project ? join(project, '.belt') : beltHome ? resolve(cwd, beltHome) : join(home, '.belt');
  const candidates = [...new Set([project ?? home, home])].map((folder) => join(folder, '.belt.yaml'));
  const existing = await Promise.all(candidates.map(exists));
  // A flag is for this one command, a variable for all: the flag is meant.
  const clusterFolder =
    storagePath ?? (cluster === undefined ? variables['MACHINE_STORAGE_PATH'] : undefined);
  return {
    root,
    settingsFiles: candidates.filter((_, index) => existing[index]),
    ...(clusterFolder && { clusterFolder: resolve(cwd, clusterFolder) }),
  };
}

async function nearestProject(environment: Environment): Promise<string | undefined> {
  for (let folder = environment.cwd; folder !== environment.home; folder = dirname(folder)) {
    for (const entry of ['.belt.yaml', '.belt']) {
      if (!(await exists(join(folder, entry)))) continue;
      await refuseForeignState(folder, entry, environment);
      return folder;
    }
    if (folder === dirname(folder)) return undefined;
  }
  return undefined;
}

/** In a folder like /tmp anybody could lay out a state for others to walk into. */
async function refuseForeignState(folder: string, entry: string, { uid, sudo }: Environment): Promise<void> {
  const everybodyMayWrite = ((await stat(folder)).mode & 0o002) !== 0;
  const { uid: owner } = await lstat(join(folder, entry));
  const trusted = [0, uid, sudo?.uid];
  if (!everybodyMayWrite || trusted.includes(owner)) return;
  throw new UserError(
    `${join(folder, entry)} belongs to another user (uid ${owner}), in a folder that everybody can write to`,
    {
      hint: 'work in another folder',
    },
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}
