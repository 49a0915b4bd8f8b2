import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { readText } from '../base/files.js';
import { readRecord, writeRecord } from '../base/record-file.js';
import type { ClusterStore } from '../state/cluster-store.js';
import type { CertificatePair } from './model/certificate-terms.js';

/**
 * Where certificates are, in docker-machine's layout: the cluster's in `certs/`, and in each machine's folder its server pair
 * beside copies of what a client needs, so that the folder can be given to docker as DOCKER_CERT_PATH.
 */

export interface PairPaths {
  certificate: string;
  key: string;
}

export interface ClusterPaths {
  /** `certificate`: all authorities that are trusted. `key`: of the one that signs. */
  authority: PairPaths;
  client: PairPaths;
}

export function clusterPaths({ certsFolder }: ClusterStore): ClusterPaths {
  return pathsIn(certsFolder);
}

/** What takes the place of the cluster's own at the end of a rotation. */
export function nextFolder({ certsFolder }: ClusterStore): string {
  return join(certsFolder, 'next');
}

export function nextPaths(cluster: ClusterStore): ClusterPaths {
  return pathsIn(nextFolder(cluster));
}

function pathsIn(folder: string): ClusterPaths {
  return {
    authority: { certificate: join(folder, 'ca.pem'), key: join(folder, 'ca-key.pem') },
    client: { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
  };
}

export interface MachinePaths {
  ca: string;
  client: PairPaths;
  server: PairPaths;
}

export function machinePaths(cluster: ClusterStore, name: string): MachinePaths {
  const folder = cluster.machineFolder(name);
  return {
    ca: join(folder, 'ca.pem'),
    client: { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') },
    server: { certificate: join(folder, 'server.pem'), key: join(folder, 'server-key.pem') },
  };
}

/** Which files of a key pair exist. */
export async function readPair({ certificate, key }: PairPaths): Promise<Partial<CertificatePair>> {
  const [certificateText, keyText] = await Promise.all([readText(certificate), readText(key)]);
  return {
    ...(certificateText !== undefined && { certificate: certificateText }),
    ...(keyText !== undefined && { key: keyText }),
  };
}

export function isComplete(pair: Partial<CertificatePair>): pair is CertificatePair {
  return pair.certificate !== undefined && pair.key !== undefined;
}

/** The key goes first: where the certificate is, the pair is complete. */
export async function writePair(
  paths: PairPaths,
  { certificate, key }: CertificatePair,
  cluster: ClusterStore,
): Promise<void> {
  await writeChanged(paths.key, key, cluster);
  await writeChanged(paths.certificate, certificate, cluster);
}

/** Writes what is not there yet. */
export async function writeChanged(path: string, text: string, cluster: ClusterStore): Promise<void> {
  if ((await readText(path)) === text) return;
  await cluster.files.write(path, text);
  // A server's never ends before the client's, which is older: thousands of new machines change nothing about the first end.
  if (dirname(path) === cluster.certsFolder) await cluster.files.remove(expiryPath(cluster));
}

/** Holds the date before which no expiry warning is due; writing a cluster certificate removes it. */
export function expiryPath({ certsFolder }: ClusterStore): string {
  return join(certsFolder, 'expiry.json');
}

/**
 * The progress of a CA rotation. `overlap`: engines and clients trust both CAs, and engines get
 * servers' certificates of the new one. `drop`: all of them have that; the client goes over to the new one and the old one is
 * forgotten.
 */
const rotationRecord = z.object({ phase: z.enum(['overlap', 'drop']), startedAt: z.string() });

export type RotationRecord = z.infer<typeof rotationRecord>;

/** The rotation that was begun and is not finished. @throws UserError when its record is damaged */
export function readRotation(cluster: ClusterStore): Promise<RotationRecord | undefined> {
  return readRecord(rotationPath(cluster), rotationRecord, 'the record of a rotation');
}

export function writeRotation(rotation: RotationRecord, cluster: ClusterStore): Promise<void> {
  return writeRecord(rotationPath(cluster), rotation, cluster.files);
}

export function removeRotation(cluster: ClusterStore): Promise<void> {
  return cluster.files.remove(rotationPath(cluster));
}

function rotationPath({ certsFolder }: ClusterStore): string {
  return join(certsFolder, 'rotation.json');
}
