import * as z from 'zod/mini';
import type { Context } from '../app/context.js';
import { listFolders, readText } from '../base/files.js';
import { mapLimited } from '../base/map-limit.js';
import { plural } from '../base/plural.js';
import { readRecord, writeRecord } from '../base/record-file.js';
import type { ClusterStore } from '../state/cluster-store.js';
import { clusterPaths, expiryPath, machinePaths } from './certificate-files.js';
import { dayMs, renewalDays } from './model/certificate-terms.js';
import { daysLeft, readCertificate, splitPem } from './model/read-certificate.js';
import { usesTls } from './server-certificate.js';

const expiryRecord = z.object({ quietUntil: z.string() });

/** Warns in one line, if any certificate expires soon. */
export async function warnOfExpiry({
  cluster,
  reporter,
}: Pick<Context, 'cluster' | 'reporter'>): Promise<void> {
  const warning = await expiryWarning(cluster);
  if (warning !== undefined) reporter.warn(warning);
}

/**
 * The warning that every command prints about certificates that have expired or will within 30
 * days, with the command that renews them. A small file holds the date of the next warning; the
 * certificates are read only after that date.
 * @returns undefined without such certificates, and when they cannot be read: `certs status`
 * reports that
 */
export async function expiryWarning(cluster: ClusterStore, now = new Date()): Promise<string | undefined> {
  try {
    if (await isQuiet(cluster, now)) return undefined;
    const ends = await readExpiries(cluster);
    const near = ends.filter((end) => daysLeft(end, now) < renewalDays);
    const counting = await mapLimited(near, 32, (end) => isRelevant(end, cluster));
    const warned = near.filter((_, index) => counting[index]);
    if (warned.length > 0) return formatWarning(warned, now);
    if (near.length === 0) await postponeCheck(ends, cluster);
    return undefined;
  } catch {
    return undefined;
  }
}

interface Expiry {
  kind: 'authority' | 'client' | 'server';
  /** Of a server. */
  machine?: string;
  notAfter: Date;
}

/** Of all certificates that can be read. */
async function readExpiries(cluster: ClusterStore): Promise<Expiry[]> {
  const { authority, client } = clusterPaths(cluster);
  const machines = await listFolders(cluster.machinesFolder);
  const servers = await mapLimited(machines, 32, async (machine) =>
    expiriesIn(machinePaths(cluster, machine).server.certificate, { kind: 'server', machine }),
  );
  return [
    ...(await expiriesIn(authority.certificate, { kind: 'authority' })),
    ...(await expiriesIn(client.certificate, { kind: 'client' })),
    ...servers.flat(),
  ];
}

async function expiriesIn(path: string, whose: Omit<Expiry, 'notAfter'>): Promise<Expiry[]> {
  try {
    const certificates = splitPem((await readText(path)) ?? '');
    return certificates.map((pem) => ({ ...whose, notAfter: readCertificate(pem).notAfter }));
  } catch {
    return [];
  }
}

/** The folder of an engine that no longer uses TLS still holds its old certificate. */
async function isRelevant({ machine }: Expiry, cluster: ClusterStore): Promise<boolean> {
  return machine === undefined || usesTls(await cluster.machine(machine), cluster);
}

async function isQuiet(cluster: ClusterStore, now: Date): Promise<boolean> {
  const record = await readRecord(expiryPath(cluster), expiryRecord, 'the record of an expiry');
  if (record) return now < new Date(record.quietUntil);
  return (await readText(clusterPaths(cluster).authority.certificate)) === undefined;
}

async function postponeCheck(ends: readonly Expiry[], cluster: ClusterStore): Promise<void> {
  if (ends.length === 0) return;
  const first = Math.min(...ends.map(({ notAfter }) => notAfter.getTime()));
  const quietUntil = new Date(first - renewalDays * dayMs).toISOString();
  await writeRecord(expiryPath(cluster), { quietUntil }, cluster.files);
}

/** `the client certificate expires in 3 days (2026-01-04), and 2 more: belt regenerate-certs ...` */
function formatWarning(ends: readonly Expiry[], now: Date): string {
  const [first] = ends.toSorted((one, other) => one.notAfter.getTime() - other.notAfter.getTime());
  if (!first) throw new Error('no certificate expires');
  const others = ends.length > 1 ? `, and ${ends.length - 1} more` : '';
  return `${nameOf(first)} ${describeExpiry(first, now)}${others}: ${renewalCommand(ends)}`;
}

function nameOf({ kind, machine }: Expiry): string {
  if (kind === 'authority') return "the certificate of the cluster's authority";
  return kind === 'client' ? 'the client certificate' : `the certificate of ${machine}`;
}

function describeExpiry(end: Expiry, now: Date): string {
  const date = end.notAfter.toISOString().slice(0, 10);
  const days = daysLeft(end, now);
  if (days < 0) return `expired on ${date}`;
  return `expires in ${plural(days, 'day')} (${date})`;
}

/** A new authority issues new certificates for everyone. */
function renewalCommand(ends: readonly Expiry[]): string {
  if (ends.some(({ kind }) => kind === 'authority')) return 'belt certs rotate';
  const client = ends.some(({ kind }) => kind === 'client') ? ' --client-certs' : '';
  const machines = ends.flatMap(({ machine }) => machine ?? []);
  const nodes = machines.length === 0 || machines.length > 5 ? '--all' : machines.join(' ');
  return `belt regenerate-certs${client} ${nodes}`;
}
