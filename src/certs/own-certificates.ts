import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import { clusterPaths } from './certificate-files.js';

/** docker-machine's `--tls-*`; absolute paths. */
interface GivenCertificates {
  authorityCertificate?: string | undefined;
  authorityKey?: string | undefined;
  clientCertificate?: string | undefined;
  clientKey?: string | undefined;
}

/** @throws UserError for a missing file, or when the cluster has a different one */
export async function copyGivenCertificates(given: GivenCertificates, { cluster }: Context): Promise<void> {
  const { authority, client } = clusterPaths(cluster);
  const copies: [from: string | undefined, to: string][] = [
    [given.authorityKey, authority.key],
    [given.authorityCertificate, authority.certificate],
    [given.clientKey, client.key],
    [given.clientCertificate, client.certificate],
  ];
  for (const [from, to] of copies) {
    if (from === undefined || from === to) continue;
    const [source, existing] = await Promise.all([readText(from), readText(to)]);
    if (source === undefined) throw new UserError(`${from} does not exist`);
    if (existing === source) continue;
    if (existing !== undefined) {
      throw new UserError(`the cluster's ${to} differs from ${from}`, {
        hint: 'use another cluster (--cluster NAME); the machines of this one trust its current CA',
      });
    }
    await cluster.files.write(to, source);
  }
}
