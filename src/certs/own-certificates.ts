import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import { clusterPaths } from './certificate-files.js';

/** Files that the person names for the cluster's certificates, docker-machine's `--tls-*`; absolute paths. */
export interface GivenCertificates {
  authorityCertificate?: string | undefined;
  authorityKey?: string | undefined;
  clientCertificate?: string | undefined;
  clientKey?: string | undefined;
}

/**
 * Copies them to where the cluster keeps its own, before any are made.
 * @throws UserError for a file that is not there, and where the cluster has another one already
 */
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
    const [wanted, existing] = await Promise.all([readText(from), readText(to)]);
    if (wanted === undefined) throw new UserError(`${from} does not exist`);
    if (existing === wanted) continue;
    if (existing !== undefined) {
      throw new UserError(`the cluster's ${to} differs from ${from}`, {
        hint: 'use another cluster (--cluster NAME); the machines of this one trust its current CA',
      });
    }
    await cluster.files.write(to, wanted);
  }
}
