import type { Context } from '../app/context.js';
import { messageOf, UserError } from '../base/errors.js';
import { damaged, readText } from '../base/files.js';
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
  /** What clients and engines are to trust: one authority, or two while one takes the other's place. */
  trusted: string;
  /** The one that signs. `key` is absent in a copy of the folder that was given away without it. */
  authority: { certificate: string; key?: string };
  client: CertificatePair;
}

export interface EnsureOptions {
  /** Makes a new client pair even where there is a good one. */
  renewClient?: boolean;
}

/**
 * The cluster's certificates; what is missing is made, once. Existing ones stay, docker-machine's too; a client pair that is
 * expired, or of another authority, is replaced. An expired authority is not: with it all machines would be cut off.
 * @throws UserError when the authority has expired, its certificate or key is lost, or a machine trusts another one
 */
export async function ensureClusterCertificates(
  context: Context,
  { renewClient = false }: EnsureOptions = {},
): Promise<ClusterCertificates> {
  const { cluster } = context;
  const found = await readClusterCertificates(cluster);
  if (found && !renewClient) return found;
  return cluster.lock(async () => {
    const authority = (await readAuthority(cluster)) ?? (await createClusterAuthority(context));
    const existing = await readClusterCertificates(cluster);
    if (existing && !renewClient) return existing;
    return { ...authority, client: await createClientPair(authority.authority, context) };
  });
}

/** What is there and good; undefined when the authority or a good client pair is missing. */
export async function readClusterCertificates(
  cluster: ClusterStore,
): Promise<ClusterCertificates | undefined> {
  const trust = await readAuthority(cluster);
  if (!trust) return undefined;
  const client = await readPair(clusterPaths(cluster).client);
  if (!isComplete(client) || !isGoodClient(client, trust.trusted)) return undefined;
  return { ...trust, client };
}

/** A damaged pair counts as unusable: a client pair can be reissued at any time. */
function isGoodClient(client: CertificatePair, trusted: string): boolean {
  try {
    return matchesKey(client) && isValid(client.certificate, trusted, new Date());
  } catch {
    return false;
  }
}

export type Trust = Omit<ClusterCertificates, 'client'>;

/** Who is trusted and who signs. @throws UserError when a file is damaged */
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

/** The authority that takes the other's place. @throws UserError when it is lost while a rotation is under way */
export async function readNextAuthority(cluster: ClusterStore): Promise<CertificatePair> {
  const paths = nextPaths(cluster).authority;
  const pair = await readPair(paths);
  if (!isComplete(pair))
    throw damaged(paths.certificate, 'a rotation was begun and its new authority is not there');
  requireCertificate(pair.certificate, paths.certificate);
  return pair;
}

function signer(certificates: string, key: string | undefined): Trust['authority'] {
  if (key === undefined) return { certificate: certificates };
  return { certificate: certificateOfKey(certificates, key) ?? certificates, key };
}

/** @throws UserError when nothing can be issued with it */
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
  // Where the client's is, there once was one: another would cut off all machines that trust the first.
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

/** Engines of another authority would refuse the clients of a new one. Who is known by a URL alone trusts whom it will. */
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
  const signing = requireSigner({ authority, trusted: authority.certificate }, cluster);
  const { issueClient } = await import('./model/issue.js');
  const client = await issueClient(signing, { commonName: clientName });
  await writePair(paths, client, cluster);
  return client;
}

export function authorityName({ name }: ClusterStore): string {
  return `belt cluster ${name}`;
}

/** Docker's authorization plugins know the client by this name. */
export const clientName = 'belt';

function requireCertificate(pem: string, path: string): void {
  try {
    readCertificate(pem);
  } catch (error) {
    throw damaged(path, messageOf(error));
  }
}
