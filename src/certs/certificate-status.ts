import { messageOf } from '../base/errors.js';
import { mapLimited } from '../base/map-limit.js';
import type { Machine } from '../machines/model/machine.js';
import type { ClusterStore } from '../state/cluster-store.js';
import { clusterPaths, isComplete, machinePaths, readPair, readRotation } from './certificate-files.js';
import { readAuthority, type Trust } from './cluster-certificates.js';
import { type CertificatePair, renewalDays } from './model/certificate-terms.js';
import {
  type Certificate,
  daysLeft,
  isIssuedBy,
  matchesKey,
  readCertificate,
  splitPem,
} from './model/read-certificate.js';
import { serverProblems, usesTls } from './server-certificate.js';

interface CertificateState {
  kind: 'authority' | 'client' | 'server';
  /** Of a server. */
  machine?: string;
  path: string;
  /** `soon`: expires within 30 days. `wrong`: unusable, see `problems`. */
  status: 'ok' | 'soon' | 'expired' | 'missing' | 'wrong';
  problems: string[];
  subject?: string;
  /** ISO 8601, UTC. */
  expires?: string;
  /** Whole days; negative when expired. */
  daysLeft?: number;
  names?: string[];
  /** SHA-256. */
  fingerprint?: string;
}

export interface CertificatesReport {
  certificates: CertificateState[];
  rotating: boolean;
}

/** Queries no machine. @throws UserError when the CA's file is damaged */
export async function certificateStatus(
  { cluster }: { cluster: ClusterStore },
  now = new Date(),
): Promise<CertificatesReport> {
  const [trust, rotation] = await Promise.all([readAuthority(cluster), readRotation(cluster)]);
  if (!trust) return { certificates: [], rotating: false };
  const { machines } = await cluster.machines();
  const servers = await mapLimited(machines, 32, (machine) => serverState(machine, trust, cluster, now));
  return {
    certificates: [
      ...authorityStates(trust, cluster, now),
      await clientState(trust, cluster, now),
      ...servers.flat(),
    ],
    rotating: rotation !== undefined,
  };
}

function authorityStates({ trusted }: Trust, cluster: ClusterStore, now: Date): CertificateState[] {
  const { certificate: path } = clusterPaths(cluster).authority;
  return splitPem(trusted).map((pem) => describeCertificate({ kind: 'authority', path }, pem, () => [], now));
}

async function clientState({ trusted }: Trust, cluster: ClusterStore, now: Date): Promise<CertificateState> {
  const paths = clusterPaths(cluster).client;
  const pair = await readPair(paths);
  const problems = (): string[] => [
    ...(isIssuedBy(pair.certificate ?? '', trusted) ? [] : ['signed by another CA']),
    ...(isComplete(pair)
      ? matchesKey(pair)
        ? []
        : ['the private key does not match the certificate']
      : ['the private key is missing']),
  ];
  return describeCertificate({ kind: 'client', path: paths.certificate }, pair.certificate, problems, now);
}

/** Empty for an engine without TLS. */
async function serverState(
  machine: Machine,
  { authority, trusted }: Trust,
  cluster: ClusterStore,
  now: Date,
): Promise<CertificateState[]> {
  const paths = machinePaths(cluster, machine.name).server;
  const pair: Partial<CertificatePair> = await readPair(paths);
  if (!(await usesTls(machine, cluster))) return [];
  // During a rotation the certificates of both CAs are valid.
  const issuer =
    splitPem(trusted).find((pem) => isIssuedByOrDamaged(pair.certificate, pem)) ?? authority.certificate;
  const problems = (): string[] => serverProblems(machine, pair, issuer, now);
  return [
    describeCertificate(
      { kind: 'server', machine: machine.name, path: paths.certificate },
      pair.certificate,
      problems,
      now,
    ),
  ];
}

function isIssuedByOrDamaged(pem: string | undefined, authority: string): boolean {
  try {
    return pem !== undefined && isIssuedBy(pem, authority);
  } catch {
    return false;
  }
}

function describeCertificate(
  identity: Pick<CertificateState, 'kind' | 'machine' | 'path'>,
  pem: string | undefined,
  problemsOf: () => string[],
  now: Date,
): CertificateState {
  if (pem === undefined) return { ...identity, status: 'missing', problems: [] };
  try {
    const certificate = readCertificate(pem);
    const problems = problemsOf();
    return {
      ...identity,
      status: statusOf(certificate, problems, now),
      problems,
      ...displayedFields(certificate, now),
    };
  } catch (error) {
    return { ...identity, status: 'wrong', problems: [messageOf(error)] };
  }
}

function statusOf(
  certificate: Certificate,
  problems: readonly string[],
  now: Date,
): CertificateState['status'] {
  const days = daysLeft(certificate, now);
  if (days < 0) return 'expired';
  if (problems.length > 0) return 'wrong';
  return days < renewalDays ? 'soon' : 'ok';
}

function displayedFields(
  certificate: Certificate,
  now: Date,
): Pick<CertificateState, 'subject' | 'expires' | 'daysLeft' | 'names' | 'fingerprint'> {
  const { subject, notAfter, names, fingerprint } = certificate;
  return {
    subject,
    expires: notAfter.toISOString(),
    daysLeft: daysLeft(certificate, now),
    ...(names.length > 0 && { names }),
    fingerprint,
  };
}
