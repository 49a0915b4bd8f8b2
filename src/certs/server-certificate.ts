import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { messageOf } from '../base/errors.js';
import { readText } from '../base/files.js';
import { hasNoSsh, type Machine, reachAddress } from '../machines/model/machine.js';
import type { ClusterStore } from '../state/cluster-store.js';
import { isComplete, machinePaths, readPair, writeChanged, writePair } from './certificate-files.js';
import {
  type ClusterCertificates,
  ensureClusterCertificates,
  requireSigner,
} from './cluster-certificates.js';
import { type CertificatePair, renewalDays, type ServerCertificate } from './model/certificate-terms.js';
import { daysLeft, isIssuedBy, matchesKey, missingNames, readCertificate } from './model/read-certificate.js';
import { canonicalNames } from './model/server-names.js';

interface ServerOptions {
  /** Reissue a valid pair too. */
  renew?: boolean;
  /** Default: read from the cluster's folder. */
  certificates?: ClusterCertificates;
}

/**
 * Installs certificate and CAs, restarts the engine if they changed, then calls `recordInstalled`.
 */
export type InstallCertificate = (
  machine: Machine,
  certificate: ServerCertificate,
  step: Step,
) => Promise<void>;

/**
 * Writes nothing: until `recordInstalled` the machine's folder shows what its engine has.
 * @throws UserError when nothing can be issued, or for an invalid name of --tls-san
 */
export async function serverCertificateFor(
  machine: Machine,
  context: Context,
  { renew = false, certificates }: ServerOptions = {},
): Promise<ServerCertificate> {
  const { cluster } = context;
  const clusterCertificates = certificates ?? (await ensureClusterCertificates(context));
  const { trusted } = clusterCertificates;
  const existing = await readPair(machinePaths(cluster, machine.name).server);
  if (!renew && isComplete(existing) && isUsable(machine, existing, clusterCertificates)) {
    return { ca: trusted, ...existing };
  }
  const signer = requireSigner(clusterCertificates, cluster);
  const { issueServer } = await import('./model/issue.js');
  const pair = await issueServer(signer, { commonName: machine.name, names: serverNames(machine) });
  return { ca: trusted, ...pair };
}

/** Records the engine's pair and updates the client files in the machine's folder. */
export async function recordInstalled(
  name: string,
  { ca, ...pair }: ServerCertificate,
  context: Context,
): Promise<void> {
  const { client } = await ensureClusterCertificates(context);
  await writePair(machinePaths(context.cluster, name).server, pair, context.cluster);
  await copyClientFiles(name, { trusted: ca, client }, context);
}

function isUsable(machine: Machine, pair: CertificatePair, { authority }: ClusterCertificates): boolean {
  return (
    serverProblems(machine, pair, authority.certificate).length === 0 &&
    !expiresSoon(pair.certificate, authority.certificate)
  );
}

/** For docker-machine's own machines: whether they have a certificate. */
export async function usesTls(machine: Machine, cluster: ClusterStore): Promise<boolean> {
  const { name, engine } = machine;
  // belt does not manage the certificates of an engine without SSH.
  if (hasNoSsh(machine)) return false;
  if (engine !== undefined) return engine.access === 'secure';
  return (await readText(machinePaths(cluster, name).server.certificate)) !== undefined;
}

/** All names and addresses of the engine. */
function serverNames({ name, addresses, engine }: Machine): string[] {
  const ownNames = [name, 'localhost', '127.0.0.1', addresses.public ?? [], addresses.private ?? []].flat();
  return canonicalNames([...ownNames, ...(engine?.tlsSans ?? [])]);
}

/**
 * The names that clients use. docker-machine's certificates lack the machine's name and 127.0.0.1.
 */
export function requiredNames(machine: Machine): string[] {
  // A zone (fe80::1%eth0) names an interface of this computer.
  const address = reachAddress(machine)?.replace(/%.*/, '');
  return canonicalNames([address ?? [], machine.engine?.tlsSans ?? []].flat());
}

/** Ignores expiry; empty without problems. */
export function serverProblems(
  machine: Machine,
  pair: Partial<CertificatePair>,
  authority: string,
  now = new Date(),
): string[] {
  if (pair.certificate === undefined) return ['missing'];
  try {
    const certificate = readCertificate(pair.certificate);
    const missing = missingNames(certificate, requiredNames(machine));
    return [
      ...(isIssuedBy(pair.certificate, authority) ? [] : ['signed by another CA']),
      ...(missing.length > 0 ? [`lacks ${missing.join(', ')}`] : []),
      ...(certificate.notBefore > now ? ['not valid yet'] : []),
      ...keyProblems(pair),
    ];
  } catch (error) {
    return [messageOf(error)];
  }
}

/** Whether it expires soon and a new one would last longer: none outlives its CA. */
function expiresSoon(certificate: string, authority: string): boolean {
  const { notAfter } = readCertificate(certificate);
  return daysLeft({ notAfter }, new Date()) < renewalDays && notAfter < readCertificate(authority).notAfter;
}

function keyProblems(pair: Partial<CertificatePair>): string[] {
  if (!isComplete(pair)) return ['the private key is missing'];
  return matchesKey(pair) ? [] : ['the private key does not match the certificate'];
}

/** Lets the machine's folder serve as DOCKER_CERT_PATH. */
export async function copyClientFiles(
  name: string,
  { trusted, client }: Pick<ClusterCertificates, 'trusted' | 'client'>,
  { cluster }: Context,
): Promise<void> {
  const paths = machinePaths(cluster, name);
  await writeChanged(paths.ca, trusted, cluster);
  await writePair(paths.client, client, cluster);
}
