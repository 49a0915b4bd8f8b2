import { join } from 'node:path';
import * as z from 'zod/mini';
import { readRecord, writeRecord } from '../base/record-file.js';
import type { ClusterStore } from '../state/cluster-store.js';

/**
 * The progress of a CA rotation. `overlap`: engines and clients trust both CAs, and engines get
 * servers' certificates of the new one. `drop`: all of them have that; the client goes over to the new one and the old one is
 * forgotten.
 */
const rotationRecord = z.object({ phase: z.enum(['overlap', 'drop']), startedAt: z.string() });

export type Rotation = z.infer<typeof rotationRecord>;

/** The rotation that was begun and is not finished. @throws UserError when its record is damaged */
export function readRotation(cluster: ClusterStore): Promise<Rotation | undefined> {
  return readRecord(rotationPath(cluster), rotationRecord, 'the record of a rotation');
}

export function writeRotation(rotation: Rotation, cluster: ClusterStore): Promise<void> {
  return writeRecord(rotationPath(cluster), rotation, cluster.files);
}

export function forgetRotation(cluster: ClusterStore): Promise<void> {
  return cluster.files.remove(rotationPath(cluster));
}

function rotationPath({ certsFolder }: ClusterStore): string {
  return join(certsFolder, 'rotation.json');
}
