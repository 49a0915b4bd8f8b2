import {
  boot2dockerProfilePath,
  checkedPaths,
  daemonFileCopyPath,
  daemonFilePath,
  openrcCopyPath,
  openrcPath,
} from './paths.js';

/** All that belt ever writes on a machine: what an adopted server must be looked at for before, and rid of after. */

/** Files that are not belt's alone, and the copy that belt leaves of each when it first changes it. */
export const sharedTraces: readonly { path: string; copy: string }[] = [
  { path: daemonFilePath, copy: daemonFileCopyPath },
  { path: openrcPath, copy: openrcCopyPath },
];

export const engineTraces: readonly string[] = [
  ...sharedTraces.map(({ path }) => path),
  ...checkedPaths,
  boot2dockerProfilePath,
];

/** Folders that belt makes where they are missing. */
export const engineFolders: readonly string[] = [
  '/etc/systemd/system/docker.service.d',
  '/etc/docker',
  '/etc/sysctl.d',
];
