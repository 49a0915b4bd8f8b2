import { dirname, join } from 'node:path';
import * as z from 'zod/mini';
import { readText } from '../base/files.js';
import { readRecord, writeRecord } from '../base/record-file.js';
import type { ClusterStore } from '../state/cluster-store.js';
import type { CertificatePair } from './model/certificate-terms.js';

/** docker-machine's layout: `certs/`, and copies of the client files in each machine's folder. */

interface PairPaths {
  certificate: string;
  key: string;
}

interface ClusterPaths {
  /** `certificate`: all trusted CAs. `key`: the signing CA's. */
  authority: PairPaths;
  client: PairPaths;
}

export function clusterPaths({ certsFolder }: ClusterStore): ClusterPaths {
  return pathsIn(certsFolder);
}

/** Replaces the cluster's certificates at the end of a rotation. */
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

interface MachinePaths {
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

/** The key is written first: where the certificate exists, the pair is complete. */
export async function writePair(
  paths: PairPaths,
  { certificate, key }: CertificatePair,
  cluster: ClusterStore,
): Promise<void> {
  await writeChanged(paths.key, key, cluster);
  await writeChanged(paths.certificate, certificate, cluster);
}

export async function writeChanged(path: string, text: string, cluster: ClusterStore): Promise<void> {
  if ((await readText(path)) === text) return;
  await cluster.files.write(path, text);
  // The client's expires first: server certificates do not affect the date.
  if (dirname(path) === cluster.certsFolder) await cluster.files.remove(expiryPath(cluster));
}

/** The date before which no expiry warning is due; writing a cluster certificate removes it. */
export function expiryPath({ certsFolder }: ClusterStore): string {
  return join(certsFolder, 'expiry.json');
}

/** `overlap`: both CAs are trusted. `drop`: all engines have certificates of the new CA. */
const rotationRecord = z.object({ phase: z.enum(['overlap', 'drop']), startedAt: z.string() });

export type RotationRecord = z.infer<typeof rotationRecord>;

/** @throws UserError when its record is damaged */
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
