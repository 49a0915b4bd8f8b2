import * as z from 'zod/mini';
import type { Context } from '../app/context.js';
import { listFolders, readText } from '../base/files.js';
import { mapLimited } from '../base/map-limit.js';
import { readRecord, writeRecord } from '../base/record-file.js';
import type { ClusterStore } from '../state/cluster-store.js';
import { clusterPaths, expiryPath, machinePaths } from './certificate-files.js';
import { renewalDays } from './model/certificate-terms.js';
import { daysLeft, readCertificate, splitPem } from './model/read-certificate.js';
import { usesTls } from './server-certificate.js';

const expiryRecord = z.object({ quietUntil: z.string() });

const dayMs = 24 * 60 * 60 * 1000;

/** Tells the person, in one line, if there is something to tell. */
export async function warnOfExpiry({
  cluster,
  reporter,
}: Pick<Context, 'cluster' | 'reporter'>): Promise<void> {
  const warning = await expiryWarning(cluster);
  if (warning !== undefined) reporter.warn(warning);
}

/**
 * What every command warns of: certificates that have expired or will within 30 days, with the command that renews them. Reads
 * one small file that holds the date of the next warning; it reads the certificates only after it.
 * @returns undefined when there is nothing to say, and also when what is there cannot be read: that is for `certs status` to say
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

/** Of all certificates; what cannot be read has none. */
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

/** An engine that is not reached with TLS any more keeps its old certificate in the folder. */
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

/** One line: what ends first and when, how many more, and what to type. */
function formatWarning(ends: readonly Expiry[], now: Date): string {
  const [first] = ends.toSorted((one, other) => one.notAfter.getTime() - other.notAfter.getTime());
  if (!first) throw new Error('nothing ends');
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
  return `expires in ${days} ${days === 1 ? 'day' : 'days'} (${date})`;
}

/** A new authority brings new certificates for all. */
function renewalCommand(ends: readonly Expiry[]): string {
  if (ends.some(({ kind }) => kind === 'authority')) return 'belt certs rotate';
  const client = ends.some(({ kind }) => kind === 'client') ? ' --client-certs' : '';
  const machines = ends.flatMap(({ machine }) => machine ?? []);
  const nodes = machines.length === 0 || machines.length > 5 ? '--all' : machines.join(' ');
  return `belt regenerate-certs${client} ${nodes}`;
}
