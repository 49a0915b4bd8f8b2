import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import { changeConfig, newConfig, readDefinitions } from './config-file.js';

export interface NewCluster {
  name: string;
  /** Default: what .belt.yaml and the environment set. */
  driver?: string | undefined;
  /** `KEY=VALUE` */
  definitions: readonly string[];
}

export interface CreatedCluster {
  cluster: string;
  driver: string;
  /** Of its config.yml. */
  path: string;
}

/**
 * Creates a cluster: writes its config.yml and makes it the cluster in use.
 * @throws UsageError for a name or a setting that cannot be; UserError when there is one of that
 * name; nothing is changed then
 */
export async function createCluster(
  { name, driver: named, definitions }: NewCluster,
  { clusters }: Context,
): Promise<CreatedCluster> {
  const { cluster, settings, drivers, templates } = await clusters.context(name);
  // Folders that differ only in case are one on some file systems.
  const taken = (await clusters.names()).find((other) => other.toLowerCase() === name.toLowerCase());
  if (taken !== undefined) throw takenError(taken);
  const driver = await drivers.load(await settings.driver(named));
  const path = cluster.settingsPath;
  const edits = readDefinitions(definitions, driver);
  const text = await changeConfig(
    path,
    await newConfig(name, driver, templates),
    edits,
    driver,
    drivers.names,
  );
  await cluster.lock(async () => {
    if ((await readText(path)) !== undefined) throw takenError(name);
    await cluster.files.write(path, text);
  });
  await clusters.use(name);
  return { cluster: name, driver: driver.name, path };
}

function takenError(name: string): UserError {
  return new UserError(`there is a cluster called "${name}" already`, {
    hint: `work with it: belt use ${name}; change its settings: belt --cluster ${name} cluster update KEY=VALUE`,
  });
}
