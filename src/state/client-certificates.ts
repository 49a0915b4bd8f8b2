import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterStore } from './cluster-store.js';

/** File paths, as in DOCKER_CERT_PATH. */
export interface ClientCertificates {
  /** Absolute. */
  folder: string;
  authority: string;
  certificate: string;
  key: string;
}

/** From the machine's folder, as in docker-machine, else the cluster's; undefined if incomplete. */
export async function clientCertificates(
  cluster: Pick<ClusterStore, 'certsFolder' | 'machineFolder'>,
  name: string,
): Promise<ClientCertificates | undefined> {
  return (await certificatesIn(cluster.machineFolder(name))) ?? certificatesIn(cluster.certsFolder);
}

/** @returns undefined unless all three files are readable */
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
