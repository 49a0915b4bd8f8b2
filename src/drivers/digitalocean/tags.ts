import type { DriverOptions } from '../driver.js';

type Cluster = DriverOptions['cluster'];

/** Marks everything that belt creates in the account. */
export const sharedTag = 'belt';

const idPrefix = 'belt-id:';
const namePrefix = 'belt-cluster:';

/** Identifies the cluster's droplets, in lists and for the firewall. */
export function idTag({ id }: Cluster): string {
  return `${idPrefix}${id}`;
}

/** Part of the create request, so that no droplet is ever without them. */
export function tagsOf(cluster: Cluster, more: readonly string[]): string[] {
  const name = cluster.name.replaceAll(/[^A-Za-z0-9_-]/g, '_');
  return [...new Set([sharedTag, `${namePrefix}${name}`, idTag(cluster), ...more])];
}

/** Undefined: belt's tags were removed. Characters that tags cannot have are `_` in the name. */
export function clusterOf(tags: readonly string[]): Cluster | undefined {
  const of = (prefix: string) => tags.find((tag) => tag.startsWith(prefix))?.slice(prefix.length);
  const [id, name] = [of(idPrefix), of(namePrefix)];
  return id && name ? { id, name } : undefined;
}

/** Name of the cluster's key and firewall. */
export function sharedName({ name, id }: Cluster): string {
  return `belt-${name.replaceAll(/[^A-Za-z0-9.-]/g, '-')}-${id}`;
}
