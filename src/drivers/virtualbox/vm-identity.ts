import { createHash } from 'node:crypto';

export interface Cluster {
  id: string;
  name: string;
}

/**
 * The UUID that the VM of a machine gets. It follows from the cluster's id and the machine's name, and so is known before the VM is:
 * whatever happens to a create, the next one asks VirtualBox for this UUID and knows what is there. A UUID of version 5 (RFC 9562, 5.5),
 * with the cluster's id as the name space.
 */
export function uuidOf({ id }: Cluster, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(id.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

/**
 * VirtualBox's windows show the machines of a cluster in this group, and their folders are in one of this name. Clusters of several
 * projects are called the same.
 */
export function groupOf({ id, name }: Cluster): string {
  return `/belt/${name}-${id.slice(0, 8)}`;
}
