import type { Context } from '../app/context.js';
import { UsageError, UserError } from '../base/errors.js';
import { folderExists } from '../base/files.js';
import { loadPackage } from '../drivers/load-plugin.js';
import { type PluginPackage, readPackage, type StagedPlugin } from '../state/plugin-store.js';
import { describePlugin, type Plugin } from './list-plugins.js';
import { npmInstall } from './npm-install.js';

/** Whether npm takes it for a file or folder of this computer, as npm-package-arg does. */
export function isLocal(spec: string): boolean {
  return (
    /^(\.{1,2}[/\\]|\.{1,2}$|~?[/\\]|[a-z]:[\\/]|file:)/i.test(spec) || /^[^:]+\.(tgz|tar\.gz)$/i.test(spec)
  );
}

/**
 * Has npm install a package, and takes its driver into use. One that has no usable driver leaves
 * nothing behind, and the one that was there stays.
 * @param spec a package's name with or without a version, a URL, or an absolute path
 * @throws UserError when the package is not a usable plugin; ExternalError when npm fails
 */
export async function installPlugin(spec: string, context: Context): Promise<Plugin> {
  if (spec.startsWith('-')) throw new UsageError(`"${spec}" is not a package`);
  const { plugins, reporter, signal } = context;
  return addPlugin(context, ({ folder }) =>
    reporter.stage(spec, async (stage) => {
      stage.step('installing');
      await npmInstall({ folder, spec, owner: plugins.owner, signal });
    }),
  );
}

/**
 * Takes the driver of a package into use that somebody works on in a folder: what changes there is
 * there at belt's next start.
 * @param folder absolute
 * @throws UserError when the package is not a usable plugin
 */
export async function linkPlugin(folder: string, context: Context): Promise<Plugin> {
  if (!(await folderExists(folder))) throw new UserError(`there is no folder ${folder}`);
  const { name } = await readPackage(folder);
  return addPlugin(context, (draft) => draft.link(name, folder));
}

async function addPlugin(context: Context, fill: (draft: StagedPlugin) => Promise<void>): Promise<Plugin> {
  const draft = await context.plugins.stage();
  try {
    await fill(draft);
    const { name } = await loadPackage(await draft.read());
    await refuseTaken(name, await draft.read(), context);
    await draft.activate(name);
    return await describePlugin(name, context);
  } catch (error) {
    await draft.discard();
    throw error;
  }
}

/**
 * Another version of the same package takes the place of the one that is there; another package
 * does not.
 */
async function refuseTaken(driver: string, { name }: PluginPackage, { plugins }: Context): Promise<void> {
  if (!(await plugins.drivers()).includes(driver)) return;
  const there = await plugins.read(driver).catch(() => undefined);
  if (!there || there.name === name) return;
  throw new UserError(`${there.name} has a driver called "${driver}" already`, {
    hint: `belt plugins uninstall ${there.name}`,
  });
}
