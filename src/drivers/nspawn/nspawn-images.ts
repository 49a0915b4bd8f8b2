import { join } from 'node:path';
import * as z from 'zod/mini';
import { UserError } from '../../base/errors.js';
import { withLock } from '../../base/file-lock.js';
import { readRecord } from '../../base/record-file.js';
import type { Templates } from '../../base/templates.js';
import type { ImageStore } from '../driver.js';
import { foldersIn, missingImageError, openBuildStore } from '../kit/image-store.js';
import type { BuildStep } from './debootstrap.js';
import { readEntries } from './guest-records.js';
import { removeTree, run } from './host-program.js';
import { ensureFolder, type NspawnLayout, withComputerLock } from './layout.js';
import { unmountBelow } from './mounts.js';
import { imageNames, recipeOf } from './recipes.js';

const imageSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  recipe: z.string(),
  /** A folder next to image.json. */
  folder: z.string(),
  builtAt: z.string(),
  size: z.number(),
});

type NspawnImage = z.infer<typeof imageSchema>;

/** Longer than any build, so only one that hangs times out. */
const buildWaitMs = 30 * 60_000;

/** A complete build of an image: the lower layer of machines. */
export interface BaseImage {
  name: string;
  folder: string;
  path: string;
}

export interface NspawnImages extends ImageStore {
  base(name: string): Promise<BaseImage>;
  prune(): Promise<void>;
}

export function openImages(layout: NspawnLayout, templates: Templates, buildStep: BuildStep): NspawnImages {
  const builds = openBuildStore<NspawnImage>({
    root: async () => layout.images,
    available: imageNames,
    read: (folder) => readRecord(join(folder, 'image.json'), imageSchema, 'the record of an image'),
    buildOf: ({ folder }) => folder,
    async withLock(name, options, work) {
      await ensureFolder(layout.images);
      await ensureFolder(layout.locks);
      const path = join(layout.locks, `image-${name}`);
      return withLock(path, { what: `the image ${name}`, waitMs: buildWaitMs, ...options }, work);
    },
    withMachinesLocked: (work) => withComputerLock(layout, {}, work),
    buildsInUse: (name) => buildsInUse(layout, name),
    refuseInUse: (name) => requireUnused(layout, name),
    async describe({ name, size, builtAt }) {
      const entries = await readEntries(layout);
      const users = entries.filter((entry) => 'record' in entry && entry.record.image.name === name);
      return { name, size, builtAt, machines: users.length };
    },
    beforeRemoval: unmountBelow,
    removeTree,
  });
  return {
    ...builds,
    async build(name, { rebuild }, progress, signal) {
      const recipe = await recipeOf(name, templates);
      const { hash } = recipe;
      const make = async (staging: string): Promise<NspawnImage> => {
        await ensureFolder(staging);
        await buildStep(staging, recipe, progress, signal);
        progress('moving the image into place', 0.99);
        const usage = await run('du', ['--summarize', '--block-size=1', staging], { signal });
        const folder = await nextFolder(layout, name, hash);
        const builtAt = new Date().toISOString();
        await ensureFolder(join(layout.images, name));
        return { version: 1, name, recipe: hash, folder, builtAt, size: Number(usage.split('\t')[0]) };
      };
      const isCurrent = (record: NspawnImage) => record.recipe === hash;
      return builds.describe(await builds.build({ name, rebuild, isCurrent, make, progress, signal }));
    },
    async base(name) {
      const record = await builds.read(name);
      if (!record) throw missingImageError(name);
      return { name, folder: record.folder, path: baseFolder(layout, record) };
    },
  };
}

export function baseFolder(layout: NspawnLayout, { name, folder }: { name: string; folder: string }): string {
  return join(layout.images, name, folder);
}

/** A rebuilt image gets a new folder, as machines may use the old one. */
async function nextFolder(layout: NspawnLayout, name: string, hash: string): Promise<string> {
  const folders = await foldersIn(join(layout.images, name));
  const numbers = folders.map((folder) => Number(folder.split('-')[1] ?? 0));
  return `${hash}-${Math.max(0, ...numbers) + 1}`;
}

/** @returns undefined when a damaged record does not show which build its machine uses */
async function buildsInUse(layout: NspawnLayout, name: string): Promise<Set<string> | undefined> {
  const builds = new Set<string>();
  for (const entry of await readEntries(layout)) {
    if ('damage' in entry) return undefined;
    if (entry.record.image.name === name) builds.add(entry.record.image.folder);
  }
  return builds;
}

/** @throws UserError that names the machines; a damaged record may belong to one */
async function requireUnused(layout: NspawnLayout, name: string): Promise<void> {
  const machines: string[] = [];
  for (const entry of await readEntries(layout)) {
    if ('damage' in entry) throw entry.damage;
    const { record } = entry;
    if (record.image.name === name) machines.push(`${record.name} (${record.cluster.name})`);
  }
  if (machines.length === 0) return;
  throw new UserError(`the image ${name} is in use by ${machines.join(', ')}`, {
    hint: 'remove those machines first: belt rm NODES',
  });
}
