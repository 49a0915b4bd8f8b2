import type { Context } from '../app/context.js';
import { nameHint } from '../base/closest.js';
import { UserError } from '../base/errors.js';
import { listPlugins, type Plugin } from './list-plugins.js';

/** @throws UserError for an unknown plugin, or without `force` when its driver has machines */
export async function uninstallPlugin(
  packageOrDriver: string,
  { force }: { force: boolean },
  context: Context,
): Promise<Plugin> {
  const plugin = await findPlugin(packageOrDriver, context);
  const machines = force ? [] : await machinesOf(plugin.driver, context);
  if (machines.length > 0)
    throw new UserError(`${plugin.driver} has machines: ${machines.join(', ')}`, {
      hint: `remove them first, or: belt plugins uninstall --force ${packageOrDriver}`,
    });
  await context.plugins.remove(plugin.driver);
  return plugin;
}

async function findPlugin(packageOrDriver: string, context: Context): Promise<Plugin> {
  const plugins = await listPlugins(context);
  const found = plugins.find((plugin) => [plugin.driver, plugin.package].includes(packageOrDriver));
  if (found) return found;
  const names = plugins.map((plugin) => plugin.package ?? plugin.driver);
  throw new UserError(`no plugin is called "${packageOrDriver}"`, {
    hint: names.length === 0 ? 'belt plugins install PACKAGE' : nameHint(packageOrDriver, names),
  });
}

/** As `prod/node1`, in the clusters of this state folder. */
async function machinesOf(driver: string, { clusters }: Context): Promise<string[]> {
  const found: string[] = [];
  for (const name of await clusters.names()) {
    const { machines } = await (await clusters.context(name)).cluster.machines();
    found.push(
      ...machines.filter((machine) => machine.driver === driver).map((machine) => `${name}/${machine.name}`),
    );
  }
  return found;
}
