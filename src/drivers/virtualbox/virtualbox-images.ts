import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { ExternalError, UserError } from '../../base/errors.js';
import { exists } from '../../base/files.js';
import { plural } from '../../base/plural.js';
import { readRecord } from '../../base/record-file.js';
import type { ImageStore, PrepareProgress } from '../driver.js';
import { foldersIn, openBuildStore } from '../kit/image-store.js';
import { download, publishedChecksum, verify } from './download.js';
import { type ImageSource, sourceOf, vendorImages } from './image-sources.js';
import { readBlocks } from './parse-output.js';
import { isCode } from './vboxmanage.js';
import { type VirtualBoxContext, withVirtualBoxLock } from './virtualbox-context.js';

/** The disk of an image; machines' own disks hold only their differences from it. */
export interface BaseDisk {
  source: ImageSource;
  path: string;
}

export interface VirtualBoxImages extends ImageStore {
  base(progress: PrepareProgress, signal: AbortSignal): Promise<BaseDisk>;
}

const recordSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  location: z.string(),
  /** The build in use: a folder next to image.json. */
  build: z.string(),
  builtAt: z.string(),
});

type VirtualBoxImage = z.infer<typeof recordSchema>;

const diskFile = 'base.vdi';
/** Longer than any download, so only one that hangs times out. */
const buildWaitMs = 3_600_000;
const convertMs = 1_800_000;

export function openImages(virtualbox: VirtualBoxContext): VirtualBoxImages {
  const { options, settings } = virtualbox;
  const builds = openBuildStore<VirtualBoxImage>({
    root: async () => join(await virtualbox.folder(), 'belt', 'images'),
    available: vendorImages,
    read: readImage,
    buildOf: ({ build }) => build,
    withLock: (name, wait, work) => withVirtualBoxLock(virtualbox, `image-${name}`, buildWaitMs, work, wait),
    // VirtualBox itself refuses to close a disk that others depend on.
    withMachinesLocked: (work) => work(),
    buildsInUse: async (_, folder) => new Set((await machineCounts(virtualbox, folder)).keys()),
    async refuseInUse(name, folder) {
      const machines = sum([...(await machineCounts(virtualbox, folder)).values()]);
      if (machines > 0) throw new UserError(`the image ${name} is in use by ${plural(machines, 'machine')}`);
    },
    async describe({ name, build, builtAt }, folder) {
      const { size } = await stat(join(folder, build, diskFile));
      return { name, size, builtAt, machines: sum([...(await machineCounts(virtualbox, folder)).values()]) };
    },
    beforeRemoval: (path) => closeDisk(virtualbox, join(path, diskFile)),
  });
  const build = (source: ImageSource, rebuild: boolean, progress: PrepareProgress, signal: AbortSignal) =>
    builds.build({
      name: source.name,
      rebuild,
      isCurrent: () => true,
      make: (staging) => buildImage(virtualbox, source, staging, progress, signal),
      progress,
      signal,
    });
  const sourceFor = (name: string) => sourceOf(name, settings.imageChecksum, options.user);
  return {
    ...builds,
    async build(name, { rebuild }, progress, signal) {
      return builds.describe(await build(sourceFor(name), rebuild, progress, signal));
    },
    async base(progress, signal) {
      const source = sourceFor(settings.image);
      const record = await build(source, false, progress, signal);
      return { source, path: join(await builds.pathOf(record), diskFile) };
    },
  };
}

/** Undefined also without its disk, which VirtualBox Manager deletes with its last machine. */
async function readImage(folder: string): Promise<VirtualBoxImage | undefined> {
  const record = await readRecord(join(folder, 'image.json'), recordSchema, 'the record of an image').catch(
    () => undefined,
  );
  return record && (await exists(join(folder, record.build, diskFile))) ? record : undefined;
}

async function buildImage(
  virtualbox: VirtualBoxContext,
  source: ImageSource,
  staging: string,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<VirtualBoxImage> {
  const builtAt = new Date().toISOString();
  const original = await fetchOriginal(source, staging, progress, signal);
  progress('converting the disk');
  await convert(virtualbox, original, join(staging, diskFile), signal);
  if (original.startsWith(staging)) await rm(original);
  const build = builtAt.replaceAll(/\D/g, '').slice(0, 17);
  return { version: 1, name: source.name, location: source.location, build, builtAt };
}

async function machineCounts(
  virtualbox: VirtualBoxContext,
  folder: string,
): Promise<ReadonlyMap<string, number>> {
  const builds = await foldersIn(folder);
  const counts = await Promise.all(
    builds.map((build) => childCount(virtualbox, join(folder, build, diskFile))),
  );
  return new Map(
    builds.map((build, index) => [build, counts[index] ?? 0] as const).filter(([, count]) => count > 0),
  );
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

async function fetchOriginal(
  { location, checksum, checksumFiles }: ImageSource,
  staging: string,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<string> {
  const isUrl = /^https?:/.test(location);
  if (!isUrl && !(await exists(location))) throw new UserError(`the image ${location} does not exist`);
  const expected = checksum ?? (isUrl ? await publishedChecksum(location, checksumFiles, signal) : undefined);
  const path = isUrl ? join(staging, `original${extensionOf(new URL(location).pathname)}`) : location;
  if (isUrl) await download(location, path, progress, signal);
  if (expected !== undefined) {
    progress('checking the image');
    await verify(path, expected, location);
  }
  return path;
}

/** Raw disks are recognised by their names; VBoxManage detects all other formats. */
async function convert(
  { vbox }: VirtualBoxContext,
  from: string,
  to: string,
  signal: AbortSignal,
): Promise<void> {
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
      hint: 'use a raw (.raw or .img), vmdk, vdi or vhd disk',
      cause: error,
    });
  } finally {
    // Both are registered with VirtualBox, and the copy moves.
    for (const path of [from, to]) await vbox.run(['closemedium', 'disk', path]).catch(() => {});
  }
}

/** Number of differencing disks. */
async function childCount({ vbox }: VirtualBoxContext, path: string): Promise<number> {
  const disks = readBlocks(await vbox.run(['list', 'hdds']));
  const uuid = disks.find((disk) => disk.get('Location') === path)?.get('UUID');
  return uuid === undefined ? 0 : disks.filter((disk) => disk.get('Parent UUID') === uuid).length;
}

async function closeDisk({ vbox }: VirtualBoxContext, path: string): Promise<void> {
  await vbox.run(['closemedium', 'disk', path]).catch((error) => {
    if (!isCode(error, 'VBOX_E_OBJECT_NOT_FOUND', 'VBOX_E_FILE_ERROR')) throw error;
  });
}

function extensionOf(path: string): string {
  return /\.[a-z0-9]+$/i.exec(path)?.[0].toLowerCase() ?? '';
}
