import { randomBytes } from 'node:crypto';
import { readdir, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod/mini';
import { codeOf } from '../base/errno.js';
import { UserError } from '../base/errors.js';
import {
  ignoreMissing,
  listFolders,
  readJson,
  type StateFiles,
  stateFiles,
  withExplainedErrors,
} from '../base/files.js';
import type { Environment } from './environment.js';

/** An npm package with a driver, as it lies on the disk. */
export interface PluginPackage {
  /** `belt-driver-lxd` */
  name: string;
  version: string;
  /** Its own folder; absolute. */
  folder: string;
  /** The `belt` key of its package.json. */
  declared?: { driver: string; api: number };
  /** The folder of a linked plugin. Undefined: npm installed it. */
  linkedTo?: string;
}

/**
 * Where plugins are: one folder each, called as the driver, and in it what npm made: so no plugin's
 * dependencies meet another's, what is installed is what the folder holds, and looking whether
 * there is any is one call of the file system.
 */
export interface PluginStore {
  /** The names of their drivers. */
  drivers(): Promise<string[]>;
  /** @throws UserError when the folder no longer holds a plugin */
  read(driver: string): Promise<PluginPackage>;
  /** A hidden folder to install a plugin in. The caller puts it in place or discards it. */
  stage(): Promise<StagedPlugin>;
  /** @throws UserError when it may not be removed */
  remove(driver: string): Promise<void>;
  /** Who the files belong to, where that is not who belt runs as: who called sudo. */
  owner?: { uid: number; gid: number; home: string };
}

/** A plugin in the making. */
export interface StagedPlugin {
  /** npm installs here. */
  folder: string;
  /** Makes it a plugin that is a folder elsewhere. */
  link(name: string, target: string): Promise<void>;
  /** What was installed or linked. @throws UserError when there is nothing */
  read(): Promise<PluginPackage>;
  /** Makes it the plugin of that driver, in place of the one that is there. */
  activate(driver: string): Promise<void>;
  discard(): Promise<void>;
}

const linkPrefix = 'link:';
const stagedPrefix = '.new-';
/** Much longer than npm takes: who made a draft that is older was killed. */
const abandonedMs = 3_600_000;
const wrapper = z.object({ dependencies: z.record(z.string(), z.string()) });
const manifest = z.object({
  name: z.string(),
  version: z.optional(z.string()),
  belt: z.optional(z.unknown()),
});
const declaration = z.object({ driver: z.string(), api: z.int() });

/**
 * $BELT_DATA_DIR, else `belt` in $XDG_DATA_HOME (on Windows %LOCALAPPDATA%), else
 * ~/.local/share/belt.
 */
export function openPlugins(environment: Environment): PluginStore {
  const { home, sudo } = environment;
  const root = join(dataFolder(environment), 'plugins');
  const files = stateFiles(sudo);
  return {
    drivers: () => listFolders(root),
    read: (driver) => readPlugin(join(root, driver), `the plugin with the driver ${driver}`),
    async stage() {
      await removeAbandoned(root, files);
      const folder = hiddenFolder(root);
      await files.write(join(folder, 'package.json'), '{"private":true}\n');
      return stagedPlugin(folder, root, files);
    },
    remove: (driver) => files.remove(join(root, driver)),
    ...(sudo && { owner: { ...sudo, home } }),
  };
}

function dataFolder({ variables, cwd, home, platform }: Environment): string {
  const chosen = variables['BELT_DATA_DIR'];
  if (chosen) return resolve(cwd, chosen);
  const ofSystem = variables['XDG_DATA_HOME'] || (platform === 'win32' && variables['LOCALAPPDATA']);
  return join(ofSystem || join(home, '.local', 'share'), 'belt');
}

/** Removes drafts whose process has ended. */
async function removeAbandoned(root: string, files: StateFiles): Promise<void> {
  const names = (await ignoreMissing(root, () => readdir(root))) ?? [];
  for (const name of names.filter((one) => one.startsWith(stagedPrefix))) {
    const folder = join(root, name);
    const found = await ignoreMissing(folder, () => stat(folder));
    if (found && Date.now() - found.mtimeMs > abandonedMs) await files.remove(folder);
  }
}

function stagedPlugin(folder: string, root: string, files: StateFiles): StagedPlugin {
  return {
    folder,
    async link(name, target) {
      const dependencies = { [name]: `${linkPrefix}${target}` };
      await files.write(join(folder, 'package.json'), `${JSON.stringify({ private: true, dependencies })}\n`);
    },
    read: () => readPlugin(folder, 'what was installed'),
    activate: (driver) => replaceFolder(folder, join(root, driver), files),
    discard: () => files.remove(folder),
  };
}

/**
 * Replaces a folder and removes the old one afterwards: a kill in between leaves one of the two.
 */
async function replaceFolder(folder: string, place: string, files: StateFiles): Promise<void> {
  const old = hiddenFolder(dirname(place));
  const replaces = await withExplainedErrors('make', place, () => renameIfThere(place, old));
  try {
    await withExplainedErrors('make', place, () => rename(folder, place));
  } catch (error) {
    if (replaces) await rename(old, place);
    throw error;
  }
  if (replaces) await files.remove(old);
}

/** A name that no driver has, in the folder of all plugins. */
function hiddenFolder(root: string): string {
  return join(root, `${stagedPrefix}${randomBytes(4).toString('hex')}`);
}

/** @returns whether there was anything */
async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** @param what for errors: `the plugin with the driver lxd` */
async function readPlugin(folder: string, what: string): Promise<PluginPackage> {
  const { success, data } = wrapper.safeParse(await readJson(join(folder, 'package.json')));
  const [name, wanted] = success ? (Object.entries(data.dependencies)[0] ?? []) : [];
  if (name === undefined || wanted === undefined)
    throw new UserError(`${what} is not an npm package: ${folder}`);
  const linkedTo = wanted.startsWith(linkPrefix) ? wanted.slice(linkPrefix.length) : undefined;
  const own = linkedTo ?? join(folder, 'node_modules', name);
  return { ...(await readPackage(own)), ...(linkedTo !== undefined && { linkedTo }) };
}

/** @param folder of a package; absolute. @throws UserError when there is none */
export async function readPackage(folder: string): Promise<PluginPackage> {
  const path = join(folder, 'package.json');
  const content = await readJson(path);
  if (content === undefined) throw new UserError(`${path} is not there`);
  const { success, data } = manifest.safeParse(content);
  if (!success) throw new UserError(`${path} is not a package.json: it has no name`);
  const declared = declaration.safeParse(data.belt);
  return {
    name: data.name,
    version: data.version ?? '0.0.0',
    folder,
    ...(declared.success && { declared: declared.data }),
  };
}
