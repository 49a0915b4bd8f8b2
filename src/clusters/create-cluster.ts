import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import { changeConfig, newConfig, readDefinitions } from './cluster-config.js';

interface NewCluster {
  name: string;
  /** Default: what .belt.yaml and the environment set. */
  driver?: string | undefined;
  /** `KEY=VALUE` */
  definitions: readonly string[];
}

export interface CreatedCluster {
  cluster: string;
  driver: string;
  /** Path of config.yml. */
  path: string;
}

/** @throws UsageError, UserError for an unusable name or setting, with nothing changed */
export async function createCluster(
  { name, driver: named, definitions }: NewCluster,
  { clusters }: Context,
): Promise<CreatedCluster> {
  const { cluster, settings, drivers, templates } = await clusters.context(name);
  // Some file systems ignore case.
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
  return new UserError(`cluster "${name}" already exists`, {
    hint: `belt use ${name}, or belt --cluster ${name} cluster update KEY=VALUE to change its settings`,
  });
}
