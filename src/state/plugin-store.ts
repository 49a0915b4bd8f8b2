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

/** An installed npm package with a driver. */
export interface PluginPackage {
  /** For example `belt-driver-lxd`. */
  name: string;
  version: string;
  /** The package's folder; absolute. */
  folder: string;
  /** The `belt` key of its package.json. */
  declared?: { driver: string; api: number };
  /** The folder of a linked plugin. Undefined: npm installed it. */
  linkedTo?: string;
}

/** One folder per driver with its own node_modules: plugins do not share dependencies. */
export interface PluginStore {
  /** Driver names. */
  drivers(): Promise<string[]>;
  /** @throws UserError when the folder no longer holds a plugin */
  read(driver: string): Promise<PluginPackage>;
  /** A hidden folder to install a plugin in. The caller activates or discards it. */
  stage(): Promise<StagedPlugin>;
  /** @throws UserError without permission */
  remove(driver: string): Promise<void>;
  /** The owner of the files when not belt's user: the caller of sudo. */
  owner?: { uid: number; gid: number; home: string };
}

export interface StagedPlugin {
  /** npm installs here. */
  folder: string;
  /** Makes it a link to a plugin in another folder. */
  link(name: string, target: string): Promise<void>;
  /** @throws UserError when nothing was installed or linked */
  read(): Promise<PluginPackage>;
  /** Replaces the driver's current plugin. */
  activate(driver: string): Promise<void>;
  discard(): Promise<void>;
}

const linkPrefix = 'link:';
const stagedPrefix = '.new-';
/** Much longer than npm takes: whatever is older was left by a killed process. */
const abandonedMs = 3_600_000;
const wrapper = z.object({ dependencies: z.record(z.string(), z.string()) });
const manifest = z.object({
  name: z.string(),
  version: z.optional(z.string()),
  belt: z.optional(z.unknown()),
});
const declaration = z.object({ driver: z.string(), api: z.int() });

/** The root is in $BELT_DATA_DIR, $XDG_DATA_HOME or %LOCALAPPDATA%, else ~/.local/share. */
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
  const systemFolder = variables['XDG_DATA_HOME'] || (platform === 'win32' && variables['LOCALAPPDATA']);
  return join(systemFolder || join(home, '.local', 'share'), 'belt');
}

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

/** A kill in between leaves either the new or the old folder. */
async function replaceFolder(folder: string, target: string, files: StateFiles): Promise<void> {
  const old = hiddenFolder(dirname(target));
  const replaces = await withExplainedErrors('create', target, () => renameIfThere(target, old));
  try {
    await withExplainedErrors('create', target, () => rename(folder, target));
  } catch (error) {
    if (replaces) await rename(old, target);
    throw error;
  }
  if (replaces) await files.remove(old);
}

/** Not a valid driver name. */
function hiddenFolder(root: string): string {
  return join(root, `${stagedPrefix}${randomBytes(4).toString('hex')}`);
}

/** @returns whether `from` existed */
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
  const [name, specifier] = success ? (Object.entries(data.dependencies)[0] ?? []) : [];
  if (name === undefined || specifier === undefined)
    throw new UserError(`${what} is not an npm package: ${folder}`);
  const linkedTo = specifier.startsWith(linkPrefix) ? specifier.slice(linkPrefix.length) : undefined;
  const packageFolder = linkedTo ?? join(folder, 'node_modules', name);
  return { ...(await readPackage(packageFolder)), ...(linkedTo !== undefined && { linkedTo }) };
}

/** @param folder of a package; absolute. @throws UserError when there is none */
export async function readPackage(folder: string): Promise<PluginPackage> {
  const path = join(folder, 'package.json');
  const content = await readJson(path);
  if (content === undefined) throw new UserError(`${path} does not exist`);
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
