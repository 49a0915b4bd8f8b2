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

export interface CertificateState {
  kind: 'authority' | 'client' | 'server';
  /** Of a server: the machine's name. */
  machine?: string;
  path: string;
  /** `soon`: it ends within 30 days. `wrong`: what it is for does not work with it, see `problems`. */
  status: 'ok' | 'soon' | 'expired' | 'missing' | 'wrong';
  problems: string[];
  subject?: string;
  /** ISO 8601, UTC. */
  expires?: string;
  /** Whole days; negative when it has expired. */
  daysLeft?: number;
  names?: string[];
  /** SHA-256. */
  fingerprint?: string;
}

export interface CertificatesReport {
  certificates: CertificateState[];
  /** A change of the authority was begun and is not finished. */
  rotating: boolean;
}

/**
 * All certificates of the cluster as belt keeps them: the authorities', the client's, then the machines'. Empty when there are none yet. Asks no machine.
 * @throws UserError when the authority's file is damaged
 */
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
  return splitPem(trusted).map((pem) => stateOf({ kind: 'authority', path }, pem, () => [], now));
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
  return stateOf({ kind: 'client', path: paths.certificate }, pair.certificate, problems, now);
}

/** None for an engine that is not reached with TLS. */
async function serverState(
  machine: Machine,
  { authority, trusted }: Trust,
  cluster: ClusterStore,
  now: Date,
): Promise<CertificateState[]> {
  const paths = machinePaths(cluster, machine.name).server;
  const pair: Partial<CertificatePair> = await readPair(paths);
  if (!(await usesTls(machine, cluster))) return [];
  // While one authority takes the other's place, servers of both are good.
  const issuer =
    splitPem(trusted).find((pem) => isIssuedByOrDamaged(pair.certificate, pem)) ?? authority.certificate;
  const problems = (): string[] => serverProblems(machine, pair, issuer, now);
  return [
    stateOf(
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

function stateOf(
  what: Pick<CertificateState, 'kind' | 'machine' | 'path'>,
  pem: string | undefined,
  problemsOf: () => string[],
  now: Date,
): CertificateState {
  if (pem === undefined) return { ...what, status: 'missing', problems: [] };
  try {
    const certificate = readCertificate(pem);
    const problems = problemsOf();
    return { ...what, status: statusOf(certificate, problems, now), problems, ...shown(certificate, now) };
  } catch (error) {
    return { ...what, status: 'wrong', problems: [messageOf(error)] };
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

function shown(
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
