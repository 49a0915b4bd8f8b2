import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterStore } from './cluster-store.js';

/** What a Docker client shows and checks, by the names that it looks for in DOCKER_CERT_PATH. */
export interface ClientCertificates {
  /** Absolute. */
  folder: string;
  authority: string;
  certificate: string;
  key: string;
}

/**
 * The files with which a Docker client talks to a machine's engine: in the machine's folder, where docker-machine keeps a copy, else
 * in the cluster's.
 * @returns undefined where neither has all three
 */
export async function clientCertificates(
  cluster: Pick<ClusterStore, 'certsFolder' | 'machineFolder'>,
  name: string,
): Promise<ClientCertificates | undefined> {
  for (const folder of [cluster.machineFolder(name), cluster.certsFolder]) {
    const [authority, certificate, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) => join(folder, file));
    const files = { authority, certificate, key } as Omit<ClientCertificates, 'folder'>;
    if (await allReadable(Object.values(files))) return { folder, ...files };
  }
  return undefined;
}

async function allReadable(paths: readonly string[]): Promise<boolean> {
  const found = await Promise.allSettled(paths.map((path) => access(path)));
  return found.every(({ status }) => status === 'fulfilled');
}
