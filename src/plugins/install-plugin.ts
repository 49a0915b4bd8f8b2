import type { Context } from '../app/context.js';
import { UsageError, UserError } from '../base/errors.js';
import { folderExists } from '../base/files.js';
import { loadPackage } from '../drivers/load-plugin.js';
import { type PluginPackage, readPackage, type StagedPlugin } from '../state/plugin-store.js';
import { describePlugin, type Plugin } from './list-plugins.js';
import { npmInstall } from './npm-install.js';

/** As npm-package-arg decides. */
export function isLocal(spec: string): boolean {
  return (
    /^(\.{1,2}[/\\]|\.{1,2}$|~?[/\\]|[a-z]:[\\/]|file:)/i.test(spec) || /^[^:]+\.(tgz|tar\.gz)$/i.test(spec)
  );
}

/**
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

/** @param folder absolute. @throws UserError when the package is not a usable plugin */
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
    await refuseOtherPackage(name, await draft.read(), context);
    await draft.activate(name);
    return await describePlugin(name, context);
  } catch (error) {
    await draft.discard();
    throw error;
  }
}

/** Only another version of the same package may replace a plugin. */
async function refuseOtherPackage(
  driver: string,
  { name }: PluginPackage,
  { plugins }: Context,
): Promise<void> {
  if (!(await plugins.drivers()).includes(driver)) return;
  const current = await plugins.read(driver).catch(() => undefined);
  if (!current || current.name === name) return;
  throw new UserError(`${current.name} has a driver called "${driver}" already`, {
    hint: `belt plugins uninstall ${current.name}`,
  });
}
