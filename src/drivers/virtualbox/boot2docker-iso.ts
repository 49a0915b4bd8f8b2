import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import { UserError } from '../../base/errors.js';
import type { PrepareProgress } from '../driver.js';
import { download, verify } from './download.js';
import { cacheName } from './image-sources.js';
import { type VirtualBoxContext, withVirtualBoxLock } from './virtualbox-context.js';
import type { Share } from './virtualbox-settings.js';

/** boot2docker's own user, who may use sudo. */
export const boot2dockerUser = 'docker';

const downloadWaitMs = 3_600_000;

/** A URL is downloaded once. @throws UserError for a missing file; ExternalError */
export async function boot2dockerIso(
  virtualbox: VirtualBoxContext,
  location: string,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<string> {
  const { settings, options } = virtualbox;
  if (!/^https?:\/\//.test(location)) {
    const path = options.user.resolvePath(location);
    if (!(await isFile(path))) throw new UserError(`the boot2docker ISO ${path} does not exist`);
    return path;
  }
  const folder = join(await virtualbox.folder(), 'belt', 'iso');
  const path = join(folder, `${cacheName(location)}.iso`);
  return withVirtualBoxLock(virtualbox, `iso-${basename(path)}`, downloadWaitMs, async () => {
    if (await isFile(path)) return path;
    await mkdir(folder, { recursive: true });
    const part = `${path}.part`;
    try {
      await download(location, part, progress, signal);
      if (settings.imageChecksum !== undefined) await verify(part, settings.imageChecksum, location);
      await rename(part, path);
    } finally {
      await rm(part, { force: true });
    }
    return path;
  });
}

/** boot2docker formats a disk that starts with this, and keeps what follows. */
const formatMarker = 'boot2docker, please format-me';

/** The length that boot2docker reads. */
const readBytes = 4096;

/** A tar archive, which boot2docker unpacks into its user's home folder at each boot. */
export async function userDataDisk(authorizedKey: string): Promise<Buffer> {
  const archive = pack();
  archive.entry({ name: formatMarker }, formatMarker);
  archive.entry({ name: '.ssh', type: 'directory', mode: 0o700 });
  archive.entry({ name: '.ssh/authorized_keys', mode: 0o600 }, `${authorizedKey.trim()}\n`);
  archive.finalize();
  const tar = await buffer(archive);
  // A raw disk has whole sectors, and VirtualBox requires at least a megabyte.
  const disk = Buffer.alloc(1024 * 1024);
  if (tar.subarray(0, tar.length - 1024).length > readBytes)
    throw new Error('the key does not fit into user data');
  tar.copy(disk);
  return disk;
}

/** docker-machine's default: the parent of the users' home folders. */
export function homeShare(platform: NodeJS.Platform): Share {
  if (platform === 'darwin') return { path: '/Users', name: 'Users' };
  if (platform === 'win32') return { path: String.raw`\\?\c:\Users`, name: 'c/Users' };
  return { path: '/home', name: 'hosthome' };
}

function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
