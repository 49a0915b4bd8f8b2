import type { Context } from '../app/context.js';
import type { CreateRequest } from '../drivers/driver.js';
import type { ClusterStore } from '../state/cluster-store.js';

/** The cluster's own SSH key, made at its first machine. `path` is that of the private key. */
export async function clusterKey(cluster: ClusterStore): Promise<{ path: string; publicKey: string }> {
  const { generateKeyPair } = await import('../ssh/index.js');
  const { publicKey } = await cluster.sshKey(() => generateKeyPair(`belt ${cluster.name}`));
  return { path: cluster.sshKeyPath, publicKey };
}

/**
 * The host key that a machine will have, pinned before the machine exists. It stays in the machine's folder until the machine is
 * ready, so that an interrupted create goes on with the same one.
 */
export async function pinHostKey(
  name: string,
  { cluster, knownHosts }: Context,
): Promise<CreateRequest['ssh']['hostKey']> {
  const { generateKeyPair } = await import('../ssh/index.js');
  const hostKey = await cluster.hostKey(name, () => generateKeyPair(name));
  const hosts = await knownHosts();
  await hosts.add(name, hostKey.publicKey);
  return hostKey;
}
