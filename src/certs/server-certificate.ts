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

export interface ServerOptions {
  /** Makes a new pair even where there is a good one. */
  renew?: boolean;
  /** The cluster's, where they have been read. */
  certificates?: ClusterCertificates;
}

/**
 * Puts the certificate and the trusted authorities onto the machine and restarts its engine if one
 * of them changed. Then records what is installed (`keepInstalled`) and queries the engine.
 * Calling it again changes nothing.
 */
export type InstallCertificate = (
  machine: Machine,
  certificate: ServerCertificate,
  step: Step,
) => Promise<void>;

/**
 * The certificate of the machine's engine; a new one when there is none, it lacks a name that it needs, it ends within 30 days,
 * or another authority issued it. Nothing is written: the machine's folder goes on telling what its engine has until `keepInstalled`.
 * @throws UserError when nothing can be issued, or a name given with --tls-san can stand in no certificate
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
  if (!renew && isComplete(existing) && isGood(machine, existing, clusterCertificates)) {
    return { ca: trusted, ...existing };
  }
  const signer = requireSigner(clusterCertificates, cluster);
  const { issueServer } = await import('./model/issue.js');
  const pair = await issueServer(signer, { commonName: machine.name, names: serverNames(machine) });
  return { ca: trusted, ...pair };
}

/**
 * Writes down what the machine's engine has now, and brings the copies for clients in its folder up to date. After an interruption
 * before it the next install puts another pair on the machine.
 */
export async function recordInstalled(
  name: string,
  { ca, ...pair }: ServerCertificate,
  context: Context,
): Promise<void> {
  const { client } = await ensureClusterCertificates(context);
  await writePair(machinePaths(context.cluster, name).server, pair, context.cluster);
  await copyClientFiles(name, { trusted: ca, client }, context);
}

function isGood(machine: Machine, pair: CertificatePair, { authority }: ClusterCertificates): boolean {
  return (
    serverProblems(machine, pair, authority.certificate).length === 0 &&
    !endsSoon(pair.certificate, authority.certificate)
  );
}

/** Whether the engine is reached with TLS, as far as belt knows: of docker-machine's own machines, those that have a certificate. */
export async function usesTls(machine: Machine, cluster: ClusterStore): Promise<boolean> {
  const { name, engine } = machine;
  // belt does not manage the certificates of an engine without SSH.
  if (hasNoSsh(machine)) return false;
  if (engine !== undefined) return engine.access === 'secure';
  return (await readText(machinePaths(cluster, name).server.certificate)) !== undefined;
}

/** All that the engine may be called by: what a new certificate holds. */
function serverNames({ name, addresses, engine }: Machine): string[] {
  const own = [name, 'localhost', '127.0.0.1', addresses.public ?? [], addresses.private ?? []].flat();
  return canonicalNames([...own, ...(engine?.tlsSans ?? [])]);
}

/**
 * Those without which a certificate is not good: what clients call the engine by, and what was asked for. docker-machine's hold
 * neither the machine's name nor 127.0.0.1.
 */
export function requiredNames(machine: Machine): string[] {
  return canonicalNames([reachAddress(machine) ?? [], machine.engine?.tlsSans ?? []].flat());
}

/** What is wrong with the machine's pair, apart from its expiry; empty when it is fine. */
export function serverProblems(
  machine: Machine,
  pair: Partial<CertificatePair>,
  authority: string,
  now = new Date(),
): string[] {
  if (pair.certificate === undefined) return ['missing'];
  try {
    const certificate = readCertificate(pair.certificate);
    const lacking = missingNames(certificate, requiredNames(machine));
    return [
      ...(isIssuedBy(pair.certificate, authority) ? [] : ['signed by another CA']),
      ...(lacking.length > 0 ? [`lacks ${lacking.join(', ')}`] : []),
      ...(certificate.notBefore > now ? ['not valid yet'] : []),
      ...keyProblems(pair),
    ];
  } catch (error) {
    return [messageOf(error)];
  }
}

/** Whether it ends soon and a new one would last longer: none outlives its authority. */
function endsSoon(certificate: string, authority: string): boolean {
  const { notAfter } = readCertificate(certificate);
  return daysLeft({ notAfter }, new Date()) < renewalDays && notAfter < readCertificate(authority).notAfter;
}

function keyProblems(pair: Partial<CertificatePair>): string[] {
  if (!isComplete(pair)) return ['the private key is missing'];
  return matchesKey(pair) ? [] : ['the private key does not match the certificate'];
}

/** So that the machine's folder serves as DOCKER_CERT_PATH. */
export async function copyClientFiles(
  name: string,
  { trusted, client }: Pick<ClusterCertificates, 'trusted' | 'client'>,
  { cluster }: Context,
): Promise<void> {
  const paths = machinePaths(cluster, name);
  await writeChanged(paths.ca, trusted, cluster);
  await writePair(paths.client, client, cluster);
}
