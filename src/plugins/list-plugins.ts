import type { Context } from '../app/context.js';
import { explanationOf } from '../base/errors.js';
import { loadPackage } from '../drivers/load-plugin.js';

export interface Plugin {
  driver: string;
  package?: string;
  version?: string;
  /** What the driver creates. */
  summary?: string;
  /** The folder of a linked plugin. Undefined: npm installed it. */
  linkedTo?: string;
  /** Why it cannot be used. */
  error?: string;
}

export async function listPlugins(context: Context): Promise<Plugin[]> {
  const drivers = await context.plugins.drivers();
  return Promise.all(drivers.sort().map((driver) => describePlugin(driver, context)));
}

export async function describePlugin(driver: string, { plugins }: Context): Promise<Plugin> {
  const plugin: Plugin = { driver };
  try {
    const { name, version, linkedTo, ...rest } = await plugins.read(driver);
    Object.assign(plugin, { package: name, version, ...(linkedTo !== undefined && { linkedTo }) });
    const { summary } = await loadPackage({ name, version, ...rest });
    return { ...plugin, summary };
  } catch (error) {
    return { ...plugin, error: explanationOf(error) };
  }
}
