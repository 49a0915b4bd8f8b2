import type { Context } from '../app/context.js';
import { quoteArgs } from '../base/quote-args.js';
import { type SettingValue, valuesOf } from '../state/settings.js';

/**
 * The driver that a cluster's machines are made by, with its settings as they are in effect,
 * secrets left out.
 */
export interface ClusterConfig {
  driver: string;
  settings: Record<string, SettingValue>;
}

export async function clusterConfig({ settings }: Context): Promise<ClusterConfig> {
  const driver = await settings.driver();
  const resolved = Object.entries(await settings.of(driver)).filter(([, { secret }]) => !secret);
  resolved.sort(([one], [other]) => (one < other ? -1 : 1));
  return { driver, settings: valuesOf(Object.fromEntries(resolved)) };
}

/** As a section of a settings file. */
export async function configYaml({ driver, settings }: ClusterConfig): Promise<string> {
  const { stringify } = await import('../base/yaml.js');
  return stringify({ [driver]: settings }, { lineWidth: 0 }).trimEnd();
}

/** As the flags that make another cluster with the same settings. */
export function configFlags({ driver, settings }: ClusterConfig): string {
  const defines = Object.entries(settings).map(
    ([key, value]) => `--define ${key}=${quoteArgs([String(value)])}`,
  );
  return [`--driver ${driver}`, ...defines].join(' ');
}
