import type { Context } from '../app/context.js';
import { UsageError, UserError } from '../base/errors.js';
import { folderExists, readText } from '../base/files.js';
import { type LineChange, lineDiff } from '../base/line-diff.js';
import { changeConfig, newConfig, readDefinitions } from './cluster-config.js';

interface ClusterUpdate {
  /** The driver for new machines, whose settings are changed. */
  driver?: string | undefined;
  /** `KEY=VALUE`; `KEY=` removes the key. */
  definitions: readonly string[];
}

export interface UpdatedCluster {
  cluster: string;
  /** Path of config.yml. */
  path: string;
  /** Empty when nothing has changed. */
  changes: LineChange[];
}

/** Keeps the rest of the file. @throws UsageError, UserError, with nothing changed */
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
