import type { Context } from '../app/context.js';
import { closest } from '../base/closest.js';
import { UserError } from '../base/errors.js';
import { listPlugins, type Plugin } from './list-plugins.js';

/**
 * Takes a plugin away; one that is linked stays in its folder.
 * @param named its package or its driver
 * @throws UserError when the plugin does not exist, or when its driver has machines and `force` is
 * not given
 */
export async function uninstallPlugin(
  named: string,
  { force }: { force: boolean },
  context: Context,
): Promise<Plugin> {
  const plugin = await findPlugin(named, context);
  const machines = force ? [] : await machinesOf(plugin.driver, context);
  if (machines.length > 0)
    throw new UserError(`${plugin.driver} has machines: ${machines.join(', ')}`, {
      hint: `remove them first, or: belt plugins uninstall --force ${named}`,
    });
  await context.plugins.remove(plugin.driver);
  return plugin;
}

async function findPlugin(named: string, context: Context): Promise<Plugin> {
  const plugins = await listPlugins(context);
  const found = plugins.find((plugin) => [plugin.driver, plugin.package].includes(named));
  if (found) return found;
  const names = plugins.map((plugin) => plugin.package ?? plugin.driver);
  const meant = closest(named, names);
  const known = names.length === 0 ? 'no plugin is installed' : `plugins: ${names.join(', ')}`;
  throw new UserError(`no plugin is called "${named}"`, { hint: meant ? `did you mean ${meant}?` : known });
}

/** In the clusters of this state folder: `prod/node1`. Others cannot be known of. */
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
