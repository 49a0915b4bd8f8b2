import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { isMissing } from '../../base/errno.js';
import { UserError } from '../../base/errors.js';
import { parseAddress } from '../../base/ip-addresses.js';
import { readRecord as readRecordFile, writeRecord as writeRecordFile } from '../../base/record-file.js';
import { memoryForSize, requireMemory } from '../kit/memory-size.js';
import { machineFolder, type NspawnLayout } from './layout.js';

const recordSchema = z.object({
  version: z.literal(1),
  /** Also the name of its folder and its systemd-nspawn machine, and part of its unit's name. */
  id: z.string(),
  name: z.string(),
  cluster: z.object({ id: z.string(), name: z.string() }),
  /** `folder`: the build of the image, as a rebuilt one must not change under a machine. */
  image: z.object({ name: z.string(), folder: z.string() }),
  address: z.ipv4(),
  size: z.string(),
  /** Mebibytes. */
  memory: z.int().check(z.positive()),
  createdAt: z.string(),
});

export type GuestRecord = z.infer<typeof recordSchema>;

export type GuestEntry = { id: string; record: GuestRecord } | { id: string; damage: UserError };

export async function readEntries(layout: NspawnLayout): Promise<GuestEntry[]> {
  return Promise.all((await machineIds(layout)).map((id) => readEntry(layout, id)));
}

/** Folders with a leading dot are being removed. */
export async function machineIds(layout: NspawnLayout): Promise<string[]> {
  try {
    return (await readdir(layout.machines)).filter((name) => !name.startsWith('.')).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export async function readRecord(layout: NspawnLayout, id: string): Promise<GuestRecord | undefined> {
  if (!isMachineId(id)) throw new UserError(`"${id}" is not the id of an nspawn machine`);
  const { record } = machineFolder(layout, id);
  return readRecordFile(record, recordSchema, 'the record of a machine');
}

export async function writeRecord(layout: NspawnLayout, record: GuestRecord): Promise<void> {
  await writeRecordFile(machineFolder(layout, record.id).record, record);
}

/** Unique on the computer; at most 63 characters, as systemd-nspawn uses it as a host name. */
export function newMachineId(name: string): string {
  return `${name.slice(0, 56)}-${randomBytes(3).toString('hex')}`;
}

/** Ids come from state files that users can edit, and become paths. */
export function isMachineId(id: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,55}-[0-9a-f]{6}$/i.test(id);
}

/** The address of a damaged record is read from the guest's network file. */
export async function takenAddresses(
  layout: NspawnLayout,
  entries: readonly GuestEntry[],
): Promise<Set<number>> {
  const addresses = await Promise.all(
    entries.map((entry) =>
      'record' in entry ? parseAddress(entry.record.address) : configuredAddress(layout, entry.id),
    ),
  );
  return new Set(addresses.filter((address) => address !== undefined));
}

export const networkFile = 'etc/systemd/network/10-belt.network';

async function configuredAddress(layout: NspawnLayout, id: string): Promise<number | undefined> {
  const text = await readFile(join(machineFolder(layout, id).upper, networkFile), 'utf8').catch(() => '');
  return parseAddress(/^Address=([\d.]+)/m.exec(text)?.[1] ?? '');
}

async function readEntry(layout: NspawnLayout, id: string): Promise<GuestEntry> {
  const { record: path, folder } = machineFolder(layout, id);
  try {
    const record = await readRecord(layout, id);
    if (record?.id === id) return { id, record };
    const problem = record ? `${path} is damaged: it is of ${record.id}` : `${folder} has no machine.json`;
    return { id, damage: new UserError(problem) };
  } catch (error) {
    if (error instanceof UserError) return { id, damage: error };
    throw error;
  }
}

export const defaultSize = '1gb';

/** Mebibytes. @throws UserError when it is not an amount of memory, too little, or too much */
export function memoryOf(size = defaultSize): number {
  const memory = memoryForSize(size, 'nspawn');
  requireMemory(memory, size);
  return memory;
}
