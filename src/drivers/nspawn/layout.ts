import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from '../../base/file-lock.js';
import { exists } from '../../base/files.js';

export interface NspawnLayout {
  data: string;
  images: string;
  machines: string;
  /** Process ids and locks, cleared by a reboot. */
  run: string;
  locks: string;
  network: string;
}

interface MachineFolder {
  folder: string;
  record: string;
  upper: string;
  work: string;
  /** Mount point of the overlay, in the machine's own mount namespace only. */
  root: string;
  /** The machine's /var/lib/docker, outside the overlay: overlay2 cannot use another overlay. */
  docker: string;
  log: string;
  process: string;
}

export function layoutOf(data: string): NspawnLayout {
  const run = data === '/var/lib/belt' ? '/run/belt' : join(data, 'run');
  return {
    data,
    images: join(data, 'images'),
    machines: join(data, 'machines'),
    run,
    locks: join(run, 'locks'),
    network: join(data, 'network.json'),
  };
}

export function machineFolder(layout: NspawnLayout, id: string): MachineFolder {
  const folder = join(layout.machines, id);
  return {
    folder,
    record: join(folder, 'machine.json'),
    upper: join(folder, 'upper'),
    work: join(folder, 'work'),
    root: join(folder, 'root'),
    docker: join(folder, 'docker'),
    log: join(folder, 'log'),
    process: join(layout.run, `${id}.process`),
  };
}

/** Guards what the computer's machines share: addresses, the network, images in use. */
export async function withComputerLock<T>(
  layout: NspawnLayout,
  { signal }: { signal?: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  await ensureFolder(layout.locks);
  const options = { waitMs: 60_000, what: 'this computer', ...(signal && { signal }) };
  return withLock(join(layout.locks, 'computer'), options, work);
}

/** Parents are world-readable whatever the umask, so that `list` works without root. */
export async function ensureFolder(path: string, mode = 0o755): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  for (
    let created = first;
    created !== undefined && created.length < path.length;
    created = nextLevel(created, path)
  ) {
    await chmod(created, 0o755);
  }
  await chmod(path, mode);
}

function nextLevel(created: string, path: string): string {
  const end = path.indexOf('/', created.length + 1);
  return end < 0 ? path : path.slice(0, end);
}

/** Like `ensureFolder`, but leaves the mode of an existing folder. */
export async function createMissingFolder(path: string): Promise<void> {
  if (!(await exists(path))) await ensureFolder(path);
}
