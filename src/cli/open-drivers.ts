import type { DriverModule } from '../drivers/driver.js';
import { type Drivers, driversWith } from '../drivers/registry.js';
import { readEnvironment } from '../state/environment.js';
import { openPlugins, type PluginStore } from '../state/plugin-store.js';

/** belt's own drivers and those of plugins, which are read and loaded when one is first used. */
export async function driversOf(plugins: PluginStore): Promise<Drivers> {
  const names = await plugins.drivers();
  return driversWith(new Map(names.map((name) => [name, () => load(name, plugins)])));
}

async function load(name: string, plugins: PluginStore) {
  const { loadPackage } = await import('../drivers/load-plugin.js');
  return loadPackage(await plugins.read(name));
}

/**
 * The plugins' drivers whose flags a command line uses: `--NAME-...`, with one dash too. One that is broken troubles only who asks
 * for it.
 * @throws UserError when it cannot be loaded
 */
export async function pluginDriversIn(argv: readonly string[]): Promise<DriverModule[]> {
  const plugins = openPlugins(readEnvironment());
  const used = (await plugins.drivers()).filter((name) =>
    argv.some((word) => word.startsWith(`--${name}-`) || word.startsWith(`-${name}-`)),
  );
  if (used.length === 0) return [];
  const drivers = await driversOf(plugins);
  return Promise.all(used.map(drivers.load));
}
