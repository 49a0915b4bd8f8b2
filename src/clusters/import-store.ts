import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../app/context.js';
import { fanOut, type Outcome } from '../app/fan-out.js';
import { explanationOf, UserError } from '../base/errors.js';
import { readJson, readText } from '../base/files.js';
import { mapLimited } from '../base/map-limit.js';
import { clusterPaths, machinePaths } from '../certs/certificate-files.js';
import { copyGivenCertificates } from '../certs/own-certificates.js';
import { hasNoSsh, type Machine } from '../machines/model/machine.js';
import { clientCertificates } from '../state/client-certificates.js';
import type { ClusterStore } from '../state/cluster-store.js';
import { certificatePathsIn } from '../state/machine-file.js';

interface ImportInput {
  /** Absolute path of docker-machine's store, which contains `machines/`. */
  folder: string;
  name: string;
}

/**
 * Imports docker-machine's store in place, so that docker-machine still works with it. An older
 * format is kept as config.json.bak. Machines that cannot be imported cause warnings.
 * @throws UserError when the folder is not a docker-machine store
 */
export async function importStore(
  { folder, name }: ImportInput,
  context: Context,
): Promise<Outcome<Machine>[]> {
  await requireStore(folder);
  const store = await context.clusters.open(name, folder);
  const { machines, damaged } = await store.machines();
  await context.clusters.link(name, folder);
  await copyExternalCertificates(machines, store, context);
  const importMachine = async (machine: Machine): Promise<Machine> => {
    await keepOldFormat(machine.name, store);
    await store.save(machine);
    await warnOfGaps(machine, store, context);
    return machine;
  };
  const outcomes = await fanOut(machines, importMachine, { signal: context.signal });
  context.signal.throwIfAborted();
  const unread = damaged.map(
    ({ name: failed, error }): Outcome<Machine> => ({ name: failed, status: 'failed', error }),
  );
  const all = [...outcomes, ...unread];
  for (const outcome of all) if (outcome.status === 'failed') warnOfFailure(outcome, context);
  return all;
}

async function requireStore(folder: string): Promise<void> {
  const found = await stat(join(folder, 'machines')).catch(() => undefined);
  if (found?.isDirectory()) return;
  throw new UserError(`${folder} is not a docker-machine store: it has no "machines" folder`, {
    hint: 'belt import ~/.docker/machine',
  });
}

/**
 * Copies the CA and client certificate if they are outside the store and the same for all machines.
 */
async function copyExternalCertificates(
  machines: readonly Machine[],
  store: ClusterStore,
  context: Context,
): Promise<void> {
  const { authority, client } = clusterPaths(store);
  if ((await readText(authority.certificate)) !== undefined) return;
  const trusted = await mapLimited(
    machines.filter((machine) => !hasNoSsh(machine)),
    32,
    async ({ name }) => {
      const paths = certificatePathsIn(await store.document(name));
      const given = await readText(paths.CaCertPath);
      return { paths, given, ca: given ?? (await readText(machinePaths(store, name).ca)) };
    },
  );
  const authorities = new Set(trusted.flatMap(({ ca }) => ca ?? []));
  const one = trusted.find(({ given }) => given !== undefined);
  if (!one || authorities.size !== 1) return;
  const { CaCertPath, CaPrivateKeyPath, ClientCertPath, ClientKeyPath } = one.paths;
  const hasClient = (await readText(client.certificate)) !== undefined;
  await copyGivenCertificates(
    {
      authorityCertificate: CaCertPath,
      authorityKey: CaPrivateKeyPath,
      ...(!hasClient && { clientCertificate: ClientCertPath, clientKey: ClientKeyPath }),
    },
    { ...context, cluster: store },
  );
}

async function keepOldFormat(name: string, store: ClusterStore): Promise<void> {
  const path = join(store.machineFolder(name), 'config.json');
  const { ConfigVersion: version = 0 } = ((await readJson(path)) ?? {}) as { ConfigVersion?: number };
  const text = await readText(path);
  if (version < 3 && text !== undefined) await store.files.write(`${path}.bak`, text);
}

function warnOfFailure({ name, error }: { name: string; error: Error }, { reporter }: Context): void {
  reporter.warn(`${name} was not imported: ${explanationOf(error)}`);
}

/** Incomplete machines are imported with a warning. */
async function warnOfGaps(machine: Machine, store: ClusterStore, { reporter }: Context): Promise<void> {
  const { name, ssh, engine } = machine;
  if (ssh.keyPath !== undefined && (await readText(ssh.keyPath)) === undefined)
    reporter.warn(`${name}: its SSH key ${ssh.keyPath} is missing`);
  if (engine && !hasNoSsh(machine) && !(await clientCertificates(store, name)))
    reporter.warn(`${name}: no client certificates in ${store.machineFolder(name)}`);
}
