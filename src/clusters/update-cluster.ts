import type { Context } from '../app/context.js';
import { UsageError, UserError } from '../base/errors.js';
import { folderExists, readText } from '../base/files.js';
import { type LineChange, lineDiff } from '../base/line-diff.js';
import { changeConfig, newConfig, readDefinitions } from './config-file.js';

export interface ClusterUpdate {
  /** Driver of new machines from now on, and the driver whose settings are changed. */
  driver?: string | undefined;
  /** `KEY=VALUE`; nothing behind the `=` takes the key out. */
  definitions: readonly string[];
}

export interface UpdatedCluster {
  cluster: string;
  /** Of its config.yml. */
  path: string;
  /** Line by line; empty when all was so already. */
  changes: LineChange[];
}

/**
 * Changes a cluster's config.yml, and nothing else in it.
 * @throws UsageError for a setting that cannot be; UserError when the file would not be good
 * afterwards; nothing is changed then
 */
export async function updateCluster(
  { driver: named, definitions }: ClusterUpdate,
  { cluster, settings, drivers, templates }: Context,
): Promise<UpdatedCluster> {
  if (named === undefined && definitions.length === 0)
    throw new UsageError('nothing to change', { hint: 'belt cluster update KEY=VALUE' });
  const driver = await drivers.load(await settings.driver(named));
  const edits = readDefinitions(definitions, driver);
  if (named !== undefined) edits.unshift({ key: 'driver', value: named });
  if (!(await folderExists(cluster.folder)) && cluster.name !== 'default')
    throw new UserError(`no cluster is called "${cluster.name}"`, {
      hint: `belt cluster new ${cluster.name}`,
    });
  const path = cluster.settingsPath;
  const changes = await cluster.lock(async () => {
    const before = await readText(path);
    const text = before ?? (await newConfig(cluster.name, driver, templates));
    const after = await changeConfig(path, text, edits, driver, drivers.names);
    if (after !== before) await cluster.files.write(path, after);
    return lineDiff(before ?? '', after);
  });
  return { cluster: cluster.name, path, changes };
}
