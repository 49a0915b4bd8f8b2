import { lstat, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError, UserError } from '../base/errors.js';
import { exists } from '../base/files.js';
import type { Environment } from './environment.js';

export interface StateLocation {
  /** The state folder, `<...>/.belt`; it may not exist. */
  root: string;
  /** The existing .belt.yaml files: the project's, then the user's. The first with a key wins. */
  settingsFiles: string[];
  /** The cluster of --cluster or BELT_CLUSTER. Omitted: the one in use. */
  cluster?: string;
  /** The folder of --storage-path or, unless a cluster is named, MACHINE_STORAGE_PATH. */
  clusterFolder?: string;
}

interface LocationFlags {
  cluster?: string | undefined;
  'storage-path'?: string | undefined;
}

/**
 * The nearest parent folder with `.belt.yaml` or `.belt/`, else $BELT_HOME, else `~/.belt`. The
 * search ends below the home folder, whose `.belt` must not hide $BELT_HOME.
 * @throws UserError for another user's state; UsageError for two choices of a cluster
 */
export async function locateState(
  environment: Environment,
  { cluster: named, 'storage-path': storagePath }: LocationFlags = {},
): Promise<StateLocation> {
  if (storagePath !== undefined && named !== undefined)
    throw new UsageError('--storage-path and --cluster cannot be used together');
  const { variables, cwd, home } = environment;
  // A flag takes precedence over variables, and belt's variable over docker-machine's.
  const cluster = named ?? (storagePath === undefined ? variables['BELT_CLUSTER'] || undefined : undefined);
  const project = await nearestProject(environment);
  const beltHome = variables['BELT_HOME'];
  const root = project ? join(project, '.belt') : beltHome ? resolve(cwd, beltHome) : join(home, '.belt');
  const candidates = [...new Set([project ?? home, home])].map((folder) => join(folder, '.belt.yaml'));
  const existing = await Promise.all(candidates.map(exists));
  const clusterFolder =
    storagePath ?? (cluster === undefined ? variables['MACHINE_STORAGE_PATH'] : undefined);
  if (clusterFolder) await requireFolder(resolve(cwd, clusterFolder));
  return {
    root,
    settingsFiles: candidates.filter((_, index) => existing[index]),
    ...(cluster !== undefined && { cluster }),
    ...(clusterFolder && { clusterFolder: resolve(cwd, clusterFolder) }),
  };
}

/** A missing folder is an empty cluster, as in docker-machine. @throws UserError */
async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isDirectory())
    throw new UserError(`${path} is not a folder`, { hint: 'name the folder of a cluster' });
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

/** In a folder such as /tmp, another user could plant a state folder. */
async function refuseForeignState(folder: string, entry: string, { uid, sudo }: Environment): Promise<void> {
  const worldWritable = ((await stat(folder)).mode & 0o002) !== 0;
  const { uid: owner } = await lstat(join(folder, entry));
  const trusted = [0, uid, sudo?.uid];
  if (!worldWritable || trusted.includes(owner)) return;
  throw new UserError(
    `${join(folder, entry)} belongs to another user (uid ${owner}), in a world-writable folder`,
    { hint: 'work in another folder' },
  );
}
