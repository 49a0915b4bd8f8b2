import type { DriverOptions } from '../driver.js';

type Cluster = DriverOptions['cluster'];

/** Of all that belt makes in the account; people find it by this. */
const everywhere = 'belt';

/** Only the cluster's own machines have it: what belt lists, and what the firewall is for. */
export function idTag({ id }: Cluster): string {
  return `belt-id:${id}`;
}

/** Given in the same call that makes the droplets, so that none is ever without. */
export function tagsOf(cluster: Cluster, more: readonly string[]): string[] {
  const name = cluster.name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  return [...new Set([everywhere, `belt-cluster:${name}`, idTag(cluster), ...more])];
}

/** What the cluster's key and firewall are called. */
export function sharedName({ name, id }: Cluster): string {
  return `belt-${name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}-${id}`;
}
