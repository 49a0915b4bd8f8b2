import { createHash } from 'node:crypto';

export interface Cluster {
  id: string;
  name: string;
}

/**
 * The UUID of a machine's VM, derived from the cluster's id and the machine's name. It is known
 * before the VM exists, so a create finds what an interrupted one left. A UUID of version 5 (RFC
 * 9562, 5.5) with the cluster's id as the namespace.
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
 * VirtualBox Manager shows a cluster's machines in this group, and their folders are in a folder of
 * this name. Part of the id is added, because clusters of different projects may have the same
 * name.
 */
export function groupOf({ id, name }: Cluster): string {
  return `/belt/${name}-${id.slice(0, 8)}`;
}
