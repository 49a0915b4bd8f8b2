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
 * The files with which a Docker client talks to a machine's engine: in the machine's folder, where
 * docker-machine keeps a copy, else in the cluster's.
 * @returns undefined where neither has all three
 */
export async function clientCertificates(
  cluster: Pick<ClusterStore, 'certsFolder' | 'machineFolder'>,
  name: string,
): Promise<ClientCertificates | undefined> {
  return (await certificatesIn(cluster.machineFolder(name))) ?? certificatesIn(cluster.certsFolder);
}

/** Of a folder that serves as DOCKER_CERT_PATH. @returns undefined where it has not all three */
export async function certificatesIn(folder: string): Promise<ClientCertificates | undefined> {
  const files = {
    authority: join(folder, 'ca.pem'),
    certificate: join(folder, 'cert.pem'),
    key: join(folder, 'key.pem'),
  };
  return (await allReadable(Object.values(files))) ? { folder, ...files } : undefined;
}

async function allReadable(paths: readonly string[]): Promise<boolean> {
  const found = await Promise.allSettled(paths.map((path) => access(path)));
  return found.every(({ status }) => status === 'fulfilled');
}
