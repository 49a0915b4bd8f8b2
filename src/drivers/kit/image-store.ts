import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../base/errno.js';
import { UserError } from '../../base/errors.js';
import { writeRecord } from '../../base/record-file.js';
import type { Image, ImageStore, PrepareProgress } from '../driver.js';

/** `image.json`: the build of an image that new machines start from. */
export interface ImageRecord {
  version: 1;
  name: string;
  builtAt: string;
}

/** What differs between drivers that keep base images on this computer. */
export interface ImageKeeper<R extends ImageRecord> {
  /** The folder that all images are in. */
  root(): Promise<string>;
  /** Names that can be built, the default first. */
  available: readonly string[];
  /** @returns undefined when the image does not exist or cannot be used */
  read(folder: string): Promise<R | undefined>;
  /** The folder of a record's build, within the folder of the image. */
  buildOf(record: R): string;
  withLock<T>(
    name: string,
    options: { signal?: AbortSignal; onWait?: (holder: string) => void },
    work: () => Promise<T>,
  ): Promise<T>;
  /** Runs work during which no machine can start to use a build. */
  withMachinesLocked<T>(work: () => Promise<T>): Promise<T>;
  /** Builds that machines use. @returns undefined when a damaged record leaves that open */
  buildsInUse(name: string, folder: string): Promise<ReadonlySet<string> | undefined>;
  /** @throws UserError when machines use the image */
  refuseInUse(name: string, folder: string): Promise<void>;
  describe(record: R, folder: string): Promise<Image>;
  /** What must happen before a folder of builds, or a staging folder, is deleted. */
  beforeRemoval(path: string): Promise<void>;
  removeTree?(path: string): Promise<void>;
}

/** One build, as the caller wants it. */
export interface BuildOrder<R extends ImageRecord> {
  name: string;
  rebuild: boolean;
  isCurrent(record: R): boolean;
  /** Fills the empty folder `staging`, which becomes the build. */
  make(staging: string): Promise<R>;
  progress: PrepareProgress;
  signal: AbortSignal;
}

export interface BuildStore<R extends ImageRecord> extends Pick<ImageStore, 'available' | 'list' | 'remove'> {
  build(order: BuildOrder<R>): Promise<R>;
  read(name: string): Promise<R | undefined>;
  pathOf(record: R): Promise<string>;
  describe(record: R): Promise<Image>;
  /** Removes builds that were replaced and that no machine uses any more. */
  prune(): Promise<void>;
}

/**
 * Base images in `<root>/<name>/`: a folder per build, and `image.json` with the one in use. A build
 * is created in `<root>/.building-<name>` and moved when it is complete.
 */
export function openBuildStore<R extends ImageRecord>(keeper: ImageKeeper<R>): BuildStore<R> {
  const folderOf = async (name: string) => join(await keeper.root(), name);
  const read = async (name: string) => keeper.read(await folderOf(name));
  const describe = async (record: R) => keeper.describe(record, await folderOf(record.name));
  const names = async () => (await foldersIn(await keeper.root())).filter((name) => !name.startsWith('.'));

  return {
    available: () => [...keeper.available],
    read,
    describe,
    pathOf: async (record) => join(await folderOf(record.name), keeper.buildOf(record)),

    async list() {
      const records = await Promise.all((await names()).map(read));
      return Promise.all(records.filter((record) => record !== undefined).map(describe));
    },

    async build(order) {
      const { name, rebuild, isCurrent, progress, signal } = order;
      const before = await read(name);
      if (before && !rebuild && isCurrent(before)) return before;
      const onWait = (holder: string) => progress(`waiting for ${holder}, which builds the image ${name}`);
      return keeper.withLock(name, { signal, onWait }, async () => {
        const now = await read(name);
        const isNew = now?.builtAt !== before?.builtAt;
        if (now && isCurrent(now) && (!rebuild || isNew)) return now;
        const record = await buildNew(keeper, await folderOf(name), order);
        await prune(keeper, await folderOf(name), record);
        return record;
      });
    },

    async remove(name) {
      const folder = await folderOf(name);
      if (!(await names()).includes(name)) throw missingImageError(name);
      await keeper.withLock(name, {}, async () => {
        await keeper.withMachinesLocked(async () => {
          await keeper.refuseInUse(name, folder);
          for (const build of await foldersIn(folder)) await keeper.beforeRemoval(join(folder, build));
          await moveAway(folder, await keeper.root());
        });
        await sweep(keeper);
      });
    },

    async prune() {
      for (const name of await names()) {
        const record = await read(name);
        const folder = await folderOf(name);
        const hasOld = record && (await foldersIn(folder)).some((build) => build !== keeper.buildOf(record));
        if (hasOld) await keeper.withLock(name, {}, () => prune(keeper, folder, record));
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
  keeper: ImageKeeper<R>,
  folder: string,
  { name, make }: BuildOrder<R>,
): Promise<R> {
  const staging = join(await keeper.root(), `.building-${name}`);
  await discard(keeper, staging);
  await mkdir(staging, { recursive: true });
  try {
    const record = await make(staging);
    await mkdir(folder, { recursive: true });
    await rename(staging, join(folder, keeper.buildOf(record)));
    await writeRecord(join(folder, 'image.json'), record);
    return record;
  } finally {
    await discard(keeper, staging);
  }
}

async function prune<R extends ImageRecord>(
  keeper: ImageKeeper<R>,
  folder: string,
  record: R,
): Promise<void> {
  await keeper.withMachinesLocked(async () => {
    const used = await keeper.buildsInUse(record.name, folder);
    if (!used) return;
    for (const build of await foldersIn(folder)) {
      if (build === keeper.buildOf(record) || used.has(build)) continue;
      await keeper.beforeRemoval(join(folder, build));
      await moveAway(join(folder, build), await keeper.root());
    }
  });
  await sweep(keeper);
}

async function discard<R extends ImageRecord>(keeper: ImageKeeper<R>, path: string): Promise<void> {
  await keeper.beforeRemoval(path);
  await moveAway(path, await keeper.root());
  await sweep(keeper);
}

/** Renames in one step: an interrupted removal never leaves half an image under its name. */
async function moveAway(folder: string, root: string): Promise<void> {
  try {
    await rename(folder, join(root, `.removing-${randomUUID()}`));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function sweep<R extends ImageRecord>({ root, removeTree = rmTree }: ImageKeeper<R>): Promise<void> {
  const folder = await root();
  for (const name of await foldersIn(folder)) {
    if (name.startsWith('.removing-')) await removeTree(join(folder, name));
  }
}

function rmTree(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}
