import type { Context } from '../app/context.js';
import { messageOf, UserError } from '../base/errors.js';
import { damagedFileError, readText } from '../base/files.js';
import { hasNoSsh } from '../machines/model/machine.js';
import type { ClusterStore } from '../state/cluster-store.js';
import {
  clusterPaths,
  isComplete,
  machinePaths,
  nextPaths,
  readPair,
  readRotation,
  writePair,
} from './certificate-files.js';
import type { CertificatePair } from './model/certificate-terms.js';
import { certificateOfKey, isValid, joinPem, matchesKey, readCertificate } from './model/read-certificate.js';

export interface ClusterCertificates {
  /** The CAs that clients and engines trust: two during a rotation. */
  trusted: string;
  /** The signing CA. `key` is undefined in a copy of the folder without it. */
  authority: { certificate: string; key?: string };
  client: CertificatePair;
}

interface EnsureOptions {
  /** Reissue a valid client pair too. */
  renewClient?: boolean;
}

/**
 * Never replaces an expired CA: a new one would cut off all machines.
 * @throws UserError when the CA is expired or lost, or a machine trusts another one
 */
export async function ensureClusterCertificates(
  context: Context,
  { renewClient = false }: EnsureOptions = {},
): Promise<ClusterCertificates> {
  const { cluster } = context;
  const current = await readClusterCertificates(cluster);
  if (current && !renewClient) return current;
  return cluster.lock(async () => {
    const authority = (await readAuthority(cluster)) ?? (await createClusterAuthority(context));
    const existing = await readClusterCertificates(cluster);
    if (existing && !renewClient) return existing;
    return { ...authority, client: await createClientPair(authority.authority, context) };
  });
}

/** Undefined when the CA or a valid client pair is missing. */
export async function readClusterCertificates(
  cluster: ClusterStore,
): Promise<ClusterCertificates | undefined> {
  const trust = await readAuthority(cluster);
  if (!trust) return undefined;
  const client = await readPair(clusterPaths(cluster).client);
  if (!isComplete(client) || !isUsableClient(client, trust.trusted)) return undefined;
  return { ...trust, client };
}

/** A damaged pair counts as unusable: a client pair can be reissued at any time. */
function isUsableClient(client: CertificatePair, trusted: string): boolean {
  try {
    return matchesKey(client) && isValid(client.certificate, trusted, new Date());
  } catch {
    return false;
  }
}

export type Trust = Omit<ClusterCertificates, 'client'>;

/** @throws UserError when a file is damaged */
export async function readAuthority(cluster: ClusterStore): Promise<Trust | undefined> {
  const paths = clusterPaths(cluster).authority;
  const [{ certificate, key }, rotation] = await Promise.all([readPair(paths), readRotation(cluster)]);
  if (certificate === undefined) return undefined;
  requireCertificate(certificate, paths.certificate);
  if (!rotation) return { trusted: certificate, authority: signer(certificate, key) };
  const next = await readNextAuthority(cluster);
  const trusted = rotation.phase === 'overlap' ? joinPem(certificate, next.certificate) : next.certificate;
  return { trusted, authority: next };
}

/** @throws UserError when the new CA of an unfinished rotation is lost */
export async function readNextAuthority(cluster: ClusterStore): Promise<CertificatePair> {
  const paths = nextPaths(cluster).authority;
  const pair = await readPair(paths);
  if (!isComplete(pair))
    throw damagedFileError(paths.certificate, 'a rotation was started, but its new CA is missing');
  requireCertificate(pair.certificate, paths.certificate);
  return pair;
}

function signer(certificates: string, key: string | undefined): Trust['authority'] {
  if (key === undefined) return { certificate: certificates };
  return { certificate: certificateOfKey(certificates, key) ?? certificates, key };
}

/** @throws UserError when the CA has expired or its key is missing */
export function requireSigner({ authority }: Trust, cluster: ClusterStore): CertificatePair {
  const { key, certificate } = authority;
  const { notAfter } = readCertificate(certificate);
  if (notAfter < new Date()) {
    throw new UserError(`the cluster CA expired on ${notAfter.toISOString().slice(0, 10)}`, {
      hint: 'belt certs rotate',
    });
  }
  if (key !== undefined) return { certificate, key };
  throw new UserError(`the CA key ${clusterPaths(cluster).authority.key} is missing`, {
    hint: 'restore it from a backup, or create a new CA: belt certs rotate',
  });
}

/** Called under the cluster's lock. */
async function createClusterAuthority({ cluster, reporter, keyType }: Context): Promise<Trust> {
  const paths = clusterPaths(cluster);
  // A client certificate without its CA: a new CA would cut off all machines that trust the old.
  if ((await readText(paths.client.certificate)) !== undefined) {
    throw new UserError(`the CA certificate ${paths.authority.certificate} is missing`, {
      hint: `copy it from a machine's folder: cp ${cluster.machinesFolder}/NAME/ca.pem ${cluster.certsFolder}/`,
    });
  }
  await refuseForeignMachines(cluster);
  reporter.note(`Creating CA: ${paths.authority.certificate}`);
  const { createAuthority } = await import('./model/issue.js');
  const authority = await createAuthority({
    commonName: authorityName(cluster),
    keyType: await keyType(),
  });
  await writePair(paths.authority, authority, cluster);
  return { trusted: authority.certificate, authority };
}

/** Engines that trust another CA would refuse clients of a new one. */
async function refuseForeignMachines(cluster: ClusterStore): Promise<void> {
  const { machines } = await cluster.machines();
  for (const { name } of machines.filter((machine) => !hasNoSsh(machine))) {
    const { ca } = machinePaths(cluster, name);
    if ((await readText(ca)) === undefined) continue;
    throw new UserError(`${name} trusts a CA that is not in ${cluster.certsFolder}`, {
      hint: `copy its ca.pem and ca-key.pem there, use another cluster (--cluster NAME), or create a new CA: belt certs rotate`,
    });
  }
}

async function createClientPair(
  authority: Trust['authority'],
  { cluster, reporter }: Context,
): Promise<CertificatePair> {
  const paths = clusterPaths(cluster).client;
  reporter.note(`Creating client certificate: ${paths.certificate}`);
  const signer = requireSigner({ authority, trusted: authority.certificate }, cluster);
  const { issueClient } = await import('./model/issue.js');
  const client = await issueClient(signer, { commonName: clientName });
  await writePair(paths, client, cluster);
  return client;
}

export function authorityName({ name }: ClusterStore): string {
  return `belt cluster ${name}`;
}

/** Docker's authorization plugins know the client by this name. */
const clientName = 'belt';

function requireCertificate(pem: string, path: string): void {
  try {
    readCertificate(pem);
  } catch (error) {
    throw damagedFileError(path, messageOf(error));
  }
}
