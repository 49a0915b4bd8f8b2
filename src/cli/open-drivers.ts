import type { DriverModule } from '../drivers/driver.js';
import { type Drivers, driversWith } from '../drivers/registry.js';
import { readEnvironment } from '../state/environment.js';
import { openPlugins, type PluginStore } from '../state/plugin-store.js';

/** The built-in drivers and those of plugins, loaded on first use. */
export async function driversOf(plugins: PluginStore): Promise<Drivers> {
  const names = await plugins.drivers();
  return driversWith(new Map(names.map((name) => [name, () => load(name, plugins)])));
}

async function load(name: string, plugins: PluginStore) {
  const { loadPackage } = await import('../drivers/load-plugin.js');
  return loadPackage(await plugins.read(name));
}

/**
 * Loads only plugins whose flags are used (`--NAME-...`, `-NAME-...`), as one may be broken.
 * @throws UserError if a driver cannot be loaded
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
