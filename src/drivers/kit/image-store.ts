import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../base/errno.js';
import { UserError } from '../../base/errors.js';
import { writeRecord } from '../../base/record-file.js';
import type { Image, ImageStore, PrepareProgress } from '../driver.js';

/** `image.json`: the build that new machines start from. */
interface ImageRecord {
  version: 1;
  name: string;
  builtAt: string;
}

/** What differs between drivers that keep base images on this computer. */
interface ImageBackend<R extends ImageRecord> {
  root(): Promise<string>;
  /** The default first. */
  available: readonly string[];
  /** @returns undefined when the image is missing or unusable */
  read(folder: string): Promise<R | undefined>;
  /** A folder within that of the image. */
  buildOf(record: R): string;
  withLock<T>(
    name: string,
    options: { signal?: AbortSignal; onWait?: (holder: string) => void },
    work: () => Promise<T>,
  ): Promise<T>;
  /** No machine can start to use a build while `work` runs. */
  withMachinesLocked<T>(work: () => Promise<T>): Promise<T>;
  /** @returns undefined when a damaged record makes that unknown */
  buildsInUse(name: string, folder: string): Promise<ReadonlySet<string> | undefined>;
  /** @throws UserError when machines use the image */
  refuseInUse(name: string, folder: string): Promise<void>;
  describe(record: R, folder: string): Promise<Image>;
  /** Before a folder of builds, or a staging folder, is deleted. */
  beforeRemoval(path: string): Promise<void>;
  removeTree?(path: string): Promise<void>;
}

interface BuildRequest<R extends ImageRecord> {
  name: string;
  rebuild: boolean;
  isCurrent(record: R): boolean;
  /** Fills the empty folder `staging`, which becomes the build. */
  make(staging: string): Promise<R>;
  progress: PrepareProgress;
  signal: AbortSignal;
}

interface BuildStore<R extends ImageRecord> extends Pick<ImageStore, 'available' | 'list' | 'remove'> {
  build(request: BuildRequest<R>): Promise<R>;
  read(name: string): Promise<R | undefined>;
  pathOf(record: R): Promise<string>;
  describe(record: R): Promise<Image>;
  /** Removes replaced builds that no machine uses. */
  prune(): Promise<void>;
}

/**
 * Base images in `<root>/<name>/`: a folder per build, and `image.json` with the one in use. A build
 * is created in `<root>/.building-<name>` and moved when it is complete.
 */
export function openBuildStore<R extends ImageRecord>(backend: ImageBackend<R>): BuildStore<R> {
  const folderOf = async (name: string) => join(await backend.root(), name);
  const read = async (name: string) => backend.read(await folderOf(name));
  const describe = async (record: R) => backend.describe(record, await folderOf(record.name));
  const names = async () => (await foldersIn(await backend.root())).filter((name) => !name.startsWith('.'));

  return {
    available: () => [...backend.available],
    read,
    describe,
    pathOf: async (record) => join(await folderOf(record.name), backend.buildOf(record)),

    async list() {
      const records = await Promise.all((await names()).map(read));
      return Promise.all(records.filter((record) => record !== undefined).map(describe));
    },

    async build(request) {
      const { name, rebuild, isCurrent, progress, signal } = request;
      const before = await read(name);
      if (before && !rebuild && isCurrent(before)) return before;
      const onWait = (holder: string) => progress(`waiting for ${holder}, which builds the image ${name}`);
      return backend.withLock(name, { signal, onWait }, async () => {
        const now = await read(name);
        const isNew = now?.builtAt !== before?.builtAt;
        if (now && isCurrent(now) && (!rebuild || isNew)) return now;
        const record = await buildNew(backend, await folderOf(name), request);
        await prune(backend, await folderOf(name), record);
        return record;
      });
    },

    async remove(name) {
      const folder = await folderOf(name);
      if (!(await names()).includes(name)) throw missingImageError(name);
      await backend.withLock(name, {}, async () => {
        await backend.withMachinesLocked(async () => {
          await backend.refuseInUse(name, folder);
          for (const build of await foldersIn(folder)) await backend.beforeRemoval(join(folder, build));
          await moveAway(folder, await backend.root());
        });
        await deleteRemoved(backend);
      });
    },

    async prune() {
      for (const name of await names()) {
        const record = await read(name);
        const folder = await folderOf(name);
        const hasOld = record && (await foldersIn(folder)).some((build) => build !== backend.buildOf(record));
        if (hasOld) await backend.withLock(name, {}, () => prune(backend, folder, record));
      }
    },
  };
}

export function missingImageError(name: string): UserError {
  return new UserError(`the image ${name} is not on this computer`, { hint: `belt image build ${name}` });
}

export async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

async function buildNew<R extends ImageRecord>(
  backend: ImageBackend<R>,
  folder: string,
  { name, make }: BuildRequest<R>,
): Promise<R> {
  const staging = join(await backend.root(), `.building-${name}`);
  await discard(backend, staging);
  await mkdir(staging, { recursive: true });
  try {
    const record = await make(staging);
    await mkdir(folder, { recursive: true });
    await rename(staging, join(folder, backend.buildOf(record)));
    await writeRecord(join(folder, 'image.json'), record);
    return record;
  } finally {
    await discard(backend, staging);
  }
}

async function prune<R extends ImageRecord>(
  backend: ImageBackend<R>,
  folder: string,
  record: R,
): Promise<void> {
  await backend.withMachinesLocked(async () => {
    const used = await backend.buildsInUse(record.name, folder);
    if (!used) return;
    for (const build of await foldersIn(folder)) {
      if (build === backend.buildOf(record) || used.has(build)) continue;
      await backend.beforeRemoval(join(folder, build));
      await moveAway(join(folder, build), await backend.root());
    }
  });
  await deleteRemoved(backend);
}

async function discard<R extends ImageRecord>(backend: ImageBackend<R>, path: string): Promise<void> {
  await backend.beforeRemoval(path);
  await moveAway(path, await backend.root());
  await deleteRemoved(backend);
}

/** Renames in one step, so that an interrupted removal never leaves half an image. */
async function moveAway(folder: string, root: string): Promise<void> {
  try {
    await rename(folder, join(root, `.removing-${randomUUID()}`));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function deleteRemoved<R extends ImageRecord>({
  root,
  removeTree = rmTree,
}: ImageBackend<R>): Promise<void> {
  const folder = await root();
  for (const name of await foldersIn(folder)) {
    if (name.startsWith('.removing-')) await removeTree(join(folder, name));
  }
}

function rmTree(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
