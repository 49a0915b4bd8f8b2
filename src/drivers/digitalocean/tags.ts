import type { DriverOptions } from '../driver.js';

type Cluster = DriverOptions['cluster'];

/** Of all that belt makes in the account; people find it by this. */
export const everywhere = 'belt';

const idPrefix = 'belt-id:';
const namePrefix = 'belt-cluster:';

/** Only the cluster's own machines have it: what belt lists, and what the firewall is for. */
export function idTag({ id }: Cluster): string {
  return `${idPrefix}${id}`;
}

/** Given in the same call that makes the droplets, so that none is ever without. */
export function tagsOf(cluster: Cluster, more: readonly string[]): string[] {
  const name = cluster.name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  return [...new Set([everywhere, `${namePrefix}${name}`, idTag(cluster), ...more])];
}

/** The cluster that tags name; undefined where belt's own have been taken off. Signs that tags cannot have are `_` in its name. */
export function clusterOf(tags: readonly string[]): Cluster | undefined {
  const of = (prefix: string) => tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length);
  const [id, name] = [of(idPrefix), of(namePrefix)];
  return id && name ? { id, name } : undefined;
}

/** What the cluster's key and firewall are called. */
export function sharedName({ name, id }: Cluster): string {
  return `belt-${name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}-${id}`;
}
