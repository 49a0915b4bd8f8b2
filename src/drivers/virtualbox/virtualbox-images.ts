import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import * as z from 'zod/mini';
import { ExternalError, UserError } from '../../base/errors.js';
import type { Image, ImageStore, PrepareProgress } from '../driver.js';
import { download, publishedChecksum, verify } from './download.js';
import { type Source, sourceOf, vendorImages } from './image-sources.js';
import { readBlocks } from './parse-output.js';
import { isCode } from './vboxmanage.js';
import { type VirtualBox, withLock } from './virtualbox-context.js';

/** The disk that machines' own disks say only the difference to. */
export interface Base {
  source: Source;
  /** Of the disk: base.vdi in a folder of its own. */
  path: string;
}

export interface Images extends ImageStore {
  /** The image of the settings, built unless it is there. */
  base(progress: PrepareProgress, signal: AbortSignal): Promise<Base>;
}

const recordSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  location: z.string(),
  /** The build in use: a folder next to image.json. */
  build: z.string(),
  builtAt: z.string(),
});

type ImageRecord = z.infer<typeof recordSchema>;

const recordFile = 'image.json';
const diskFile = 'base.vdi';
/** Longer than any download: only one that hangs is not waited for. */
const buildWaitMs = 3_600_000;
const convertMs = 1_800_000;

/**
 * Base disks in `belt/images/<name>/<build>/base.vdi`, and `image.json` beside the builds, which names the one in use. What is half-made
 * is in `belt/images/.building-<name>` and is never used.
 */
export function openImages(virtualbox: VirtualBox): Images {
  const { options, settings } = virtualbox;
  const root = async () => join(await virtualbox.folder(), 'belt', 'images');
  const folderOf = async (name: string) => join(await root(), name);
  const source = (name: string) => sourceOf(name, settings.imageChecksum, options.person);
  const locked = <T>(name: string, work: () => Promise<T>) =>
    withLock(virtualbox, `image-${name}`, buildWaitMs, work);

  const build = async (
    from: Source,
    rebuild: boolean,
    progress: PrepareProgress,
    signal: AbortSignal,
  ): Promise<ImageRecord> => {
    const folder = await folderOf(from.name);
    const found = await readImage(folder);
    if (found && !rebuild) return found;
    return locked(from.name, async () => {
      const since = await readImage(folder);
      if (since && (!rebuild || since.builtAt !== found?.builtAt)) return since;
      const record = await make(virtualbox, from, folder, progress, signal);
      await prune(virtualbox, folder, record);
      return record;
    });
  };

  return {
    available: () => [...vendorImages],

    async list() {
      const names = (await readdir(await root()).catch(() => [])).filter((name) => !name.startsWith('.'));
      const images = await Promise.all(
        names.map(async (name) => {
          const record = await readImage(await folderOf(name));
          return record && describe(virtualbox, record, await folderOf(name));
        }),
      );
      return images.filter((image) => image !== undefined);
    },

    async build(name, { rebuild }, progress, signal) {
      const from = source(name);
      return describe(virtualbox, await build(from, rebuild, progress, signal), await folderOf(from.name));
    },

    async remove(name) {
      const folder = await folderOf(name);
      if (!(await readImage(folder))) throw new UserError(`there is no image ${name} on this computer`);
      await locked(name, async () => {
        const machines = await machinesOn(virtualbox, folder);
        if (machines > 0) throw new UserError(`${machines} machines stand on the image ${name}`);
        for (const one of await buildsIn(folder)) await closeDisk(virtualbox, join(folder, one, diskFile));
        await rm(folder, { recursive: true, force: true });
      });
    },

    async base(progress, signal) {
      const from = source(settings.image);
      const record = await build(from, false, progress, signal);
      return { source: from, path: join(await folderOf(from.name), record.build, diskFile) };
    },
  };
}

/** A record whose disk is gone (VirtualBox's windows delete it with the last machine on it) counts for nothing. */
async function readImage(folder: string): Promise<ImageRecord | undefined> {
  const text = await readFile(join(folder, recordFile), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { success, data } = recordSchema.safeParse(parse(text));
  if (!success) return undefined;
  return (await exists(join(folder, data.build, diskFile))) ? data : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function make(
  virtualbox: VirtualBox,
  source: Source,
  folder: string,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const builtAt = new Date().toISOString();
  const build = builtAt.replaceAll(/\D/g, '').slice(0, 17);
  const staging = join(folder, '..', `.building-${source.name}`);
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  try {
    const original = await fetchOriginal(source, staging, progress, signal);
    progress('converting the disk');
    await convert(virtualbox, original, join(staging, diskFile), signal);
    await mkdir(join(folder, build), { recursive: true });
    await rename(join(staging, diskFile), join(folder, build, diskFile));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  const record: ImageRecord = { version: 1, name: source.name, location: source.location, build, builtAt };
  await writeFileAtomic(join(folder, recordFile), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

/** @returns the path of the image as its vendor made it, checked */
async function fetchOriginal(
  { location, checksum, checksumFiles }: Source,
  staging: string,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<string> {
  const isUrl = /^https?:/.test(location);
  if (!isUrl && !(await exists(location))) throw new UserError(`the image ${location} is not there`);
  const expected = checksum ?? (isUrl ? await publishedChecksum(location, checksumFiles, signal) : undefined);
  const path = isUrl ? join(staging, `original${extensionOf(new URL(location).pathname)}`) : location;
  if (isUrl) await download(location, path, progress, signal);
  if (expected !== undefined) {
    progress('checking the image');
    await verify(path, expected, location);
  }
  return path;
}

/** Raw disks are told by their names; of all others VBoxManage finds out by itself what they are. */
async function convert({ vbox }: VirtualBox, from: string, to: string, signal: AbortSignal): Promise<void> {
  const options = { signal, timeoutMs: convertMs };
  if (['.raw', '.img'].includes(extensionOf(from))) {
    await vbox.run(['convertfromraw', from, to, '--format', 'VDI'], options);
    return;
  }
  try {
    await vbox.run(['clonemedium', 'disk', from, to, '--format', 'VDI'], options);
  } catch (error) {
    if (!isCode(error, 'VBOX_E_FILE_ERROR', 'VBOX_E_IPRT_ERROR', 'VBOX_E_NOT_SUPPORTED')) throw error;
    throw new ExternalError(`VirtualBox cannot read the image ${from}`, {
      hint: 'it reads raw (as .raw or .img), vmdk, vdi and vhd disks',
      cause: error,
    });
  } finally {
    // Both are in VirtualBox's list of disks now; the copy moves to another place.
    for (const path of [from, to]) await vbox.run(['closemedium', 'disk', path]).catch(() => {});
  }
}

async function describe(virtualbox: VirtualBox, record: ImageRecord, folder: string): Promise<Image> {
  const { size } = await stat(join(folder, record.build, diskFile));
  return { name: record.name, size, builtAt: record.builtAt, machines: await machinesOn(virtualbox, folder) };
}

async function machinesOn(virtualbox: VirtualBox, folder: string): Promise<number> {
  const counts = (await buildsIn(folder)).map((build) =>
    childrenOf(virtualbox, join(folder, build, diskFile)),
  );
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** How many disks say only the difference to this one. VirtualBox knows disks that it lists; what it does not list has no children. */
async function childrenOf({ vbox }: VirtualBox, path: string): Promise<number> {
  const disks = readBlocks(await vbox.run(['list', 'hdds']));
  const uuid = disks.find((disk) => disk.get('Location') === path)?.get('UUID');
  return uuid === undefined ? 0 : disks.filter((disk) => disk.get('Parent UUID') === uuid).length;
}

/** Builds that were replaced go when no machine stands on them. */
async function prune(virtualbox: VirtualBox, folder: string, current: ImageRecord): Promise<void> {
  for (const build of await buildsIn(folder)) {
    const disk = join(folder, build, diskFile);
    if (build === current.build || (await childrenOf(virtualbox, disk)) > 0) continue;
    await closeDisk(virtualbox, disk);
    await rm(join(folder, build), { recursive: true, force: true });
  }
}

async function closeDisk({ vbox }: VirtualBox, path: string): Promise<void> {
  await vbox.run(['closemedium', 'disk', path]).catch((error) => {
    if (!isCode(error, 'VBOX_E_OBJECT_NOT_FOUND', 'VBOX_E_FILE_ERROR')) throw error;
  });
}

async function buildsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

function extensionOf(path: string): string {
  return /\.[a-z0-9]+$/i.exec(path)?.[0].toLowerCase() ?? '';
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
