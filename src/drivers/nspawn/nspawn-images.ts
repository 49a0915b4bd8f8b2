import { randomUUID } from 'node:crypto';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { UserError } from '../../base/errors.js';
import type { Templates } from '../../base/templates.js';
import type { Image, ImageStore, PrepareProgress } from '../driver.js';
import type { BuildStep } from './debootstrap.js';
import { withComputerLock, withLock } from './guest-lock.js';
import { readEntries } from './guest-records.js';
import { removeTree, run } from './host-program.js';
import { isMissing, readJson, writeJson } from './json-file.js';
import { type Layout, makeFolder } from './layout.js';
import { unmountBelow } from './mounts.js';
import { imageNames, type Recipe, recipeOf } from './recipes.js';

const imageSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  recipe: z.string(),
  /** The build in use: a folder next to image.json. */
  folder: z.string(),
  builtAt: z.string(),
  /** Bytes. */
  size: z.number(),
});

type ImageRecord = z.infer<typeof imageSchema>;

/** Longer than any build: only one that hangs is not waited for. */
const buildWaitMs = 30 * 60_000;

/** What machines stand on: a build of an image that is not changed any more. */
export interface Base {
  name: string;
  folder: string;
  path: string;
}

export interface Images extends ImageStore {
  /** The newest build of an image, for a new machine. @throws UserError when there is none. */
  base(name: string): Promise<Base>;
  /** Removes builds that were replaced and that no machine stands on any more. */
  prune(): Promise<void>;
}

/**
 * Base images in `images/<name>/`: each build in a folder of its own, and `image.json` that names the one in use. A build is made in
 * `images/.building-<name>` and moved into place when it is complete, so what is half-made is never used.
 */
export function openImages(layout: Layout, templates: Templates, buildStep: BuildStep): Images {
  const locked = <T>(
    name: string,
    options: { signal?: AbortSignal; onWait?: (holder: string) => void },
    work: () => Promise<T>,
  ) =>
    withLock(
      join(layout.images, `.${name}.lock`),
      { waitMs: buildWaitMs, what: `the image ${name}`, ...options },
      work,
    );

  return {
    available: () => [...imageNames],

    async list() {
      const records = await Promise.all((await imageFolders(layout)).map((name) => readImage(layout, name)));
      return withMachines(
        layout,
        records.filter((record) => record !== undefined),
      );
    },

    async build(name, { rebuild }, progress, signal) {
      const recipe = await recipeOf(name, templates);
      const found = await readImage(layout, name);
      if (!rebuild && found?.recipe === recipe.hash) return oneWithMachines(layout, found);
      const onWait = (holder: string) => progress(`waiting for ${holder}, which builds the image ${name}`);
      return locked(name, { signal, onWait }, async () => {
        const since = await readImage(layout, name);
        const builtMeanwhile = since?.recipe === recipe.hash && since.builtAt !== found?.builtAt;
        if (since?.recipe === recipe.hash && (!rebuild || builtMeanwhile))
          return oneWithMachines(layout, since);
        const record = await buildNew(layout, recipe, buildStep, progress, signal);
        await pruneImage(layout, record);
        return oneWithMachines(layout, record);
      });
    },

    async remove(name) {
      if (!(await imageFolders(layout)).includes(name)) throw notThere(name);
      await locked(name, {}, async () => {
        await withComputerLock(layout, {}, async () => {
          await refuseInUse(layout, name);
          await moveAway(layout, join(layout.images, name));
        });
        await sweep(layout);
      });
    },

    async base(name) {
      const record = await readImage(layout, name);
      if (!record) throw notThere(name);
      return { name, folder: record.folder, path: baseFolder(layout, record) };
    },

    async prune() {
      for (const name of await imageFolders(layout)) {
        const record = await readImage(layout, name);
        if (record && (await hasOldBuilds(layout, record)))
          await locked(name, {}, () => pruneImage(layout, record));
      }
    },
  };
}

export function baseFolder(layout: Layout, { name, folder }: { name: string; folder: string }): string {
  return join(layout.images, name, folder);
}

async function buildNew(
  layout: Layout,
  recipe: Recipe,
  buildStep: BuildStep,
  progress: PrepareProgress,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const { name, hash } = recipe;
  const staging = join(layout.images, `.building-${name}`);
  await discard(layout, staging);
  await makeFolder(staging);
  try {
    await buildStep(staging, recipe, progress, signal);
    progress('moving the image into place', 0.99);
    const folder = await nextFolder(layout, name, hash);
    const size = Number(
      (await run('du', ['--summarize', '--block-size=1', staging], { signal })).split('\t')[0],
    );
    await makeFolder(join(layout.images, name));
    await rename(staging, baseFolder(layout, { name, folder }));
    const record: ImageRecord = {
      version: 1,
      name,
      recipe: hash,
      folder,
      builtAt: new Date().toISOString(),
      size,
    };
    await writeJson(join(layout.images, name, 'image.json'), record);
    return record;
  } finally {
    await discard(layout, staging);
  }
}

/** `<recipe>-<n>`: a rebuilt image gets a new one, as machines may stand on the old. */
async function nextFolder(layout: Layout, name: string, hash: string): Promise<string> {
  const numbers = (await foldersIn(join(layout.images, name))).map((folder) =>
    Number(folder.split('-')[1] ?? 0),
  );
  return `${hash}-${Math.max(0, ...numbers) + 1}`;
}

async function discard(layout: Layout, folder: string): Promise<void> {
  await unmountBelow(folder);
  await moveAway(layout, folder);
  await sweep(layout);
}

/** Out of sight in one step, so that an interrupted removal never leaves half an image under its name. */
async function moveAway(layout: Layout, folder: string): Promise<void> {
  try {
    await rename(folder, join(layout.images, `.removing-${randomUUID()}`));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

async function sweep(layout: Layout): Promise<void> {
  for (const name of await foldersIn(layout.images)) {
    if (name.startsWith('.removing-')) await removeTree(join(layout.images, name));
  }
}

async function pruneImage(layout: Layout, record: ImageRecord): Promise<void> {
  await withComputerLock(layout, {}, async () => {
    const used = await buildsInUse(layout, record.name);
    if (!used) return;
    for (const folder of await foldersIn(join(layout.images, record.name))) {
      if (folder !== record.folder && !used.has(folder))
        await moveAway(layout, baseFolder(layout, { name: record.name, folder }));
    }
  });
  await sweep(layout);
}

async function hasOldBuilds(layout: Layout, { name, folder }: ImageRecord): Promise<boolean> {
  return (await foldersIn(join(layout.images, name))).some((one) => one !== folder);
}

/** Undefined where a damaged record leaves open which build its machine stands on. */
async function buildsInUse(layout: Layout, name: string): Promise<Set<string> | undefined> {
  const entries = await readEntries(layout);
  const builds = new Set<string>();
  for (const entry of entries) {
    if ('damage' in entry) return undefined;
    if (entry.record.image.name === name) builds.add(entry.record.image.folder);
  }
  return builds;
}

/** @throws UserError that names the machines on it. A damaged record may be of one. */
async function refuseInUse(layout: Layout, name: string): Promise<void> {
  const machines: string[] = [];
  for (const entry of await readEntries(layout)) {
    if ('damage' in entry) throw entry.damage;
    if (entry.record.image.name === name)
      machines.push(`${entry.record.name} (${entry.record.cluster.name})`);
  }
  if (machines.length === 0) return;
  throw new UserError(`the image ${name} is in use by ${machines.join(', ')}`, {
    hint: 'remove those machines first: belt rm NODES',
  });
}

async function withMachines(layout: Layout, records: readonly ImageRecord[]): Promise<Image[]> {
  const entries = await readEntries(layout);
  return records.map(({ name, size, builtAt }) => ({
    name,
    size,
    builtAt,
    machines: entries.filter((entry) => 'record' in entry && entry.record.image.name === name).length,
  }));
}

async function oneWithMachines(layout: Layout, record: ImageRecord): Promise<Image> {
  const [image] = await withMachines(layout, [record]);
  if (!image) throw new Error(`no image of ${record.name}`);
  return image;
}

async function readImage(layout: Layout, name: string): Promise<ImageRecord | undefined> {
  return readJson(join(layout.images, name, 'image.json'), imageSchema);
}

async function imageFolders(layout: Layout): Promise<string[]> {
  return (await foldersIn(layout.images)).filter((name) => !name.startsWith('.'));
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function notThere(name: string): UserError {
  return new UserError(`the image ${name} is not on this computer`, { hint: `belt image build ${name}` });
}
