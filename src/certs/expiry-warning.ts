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

export async function warnOfExpiry({
  cluster,
  reporter,
}: Pick<Context, 'cluster' | 'reporter'>): Promise<void> {
  const warning = await expiryWarning(cluster);
  if (warning !== undefined) reporter.warn(warning);
}

/**
 * Reads no certificates before the date of `expiryPath`.
 * @returns undefined also when certificates cannot be read, which `certs status` reports
 */
export async function expiryWarning(cluster: ClusterStore, now = new Date()): Promise<string | undefined> {
  try {
    if (await isQuiet(cluster, now)) return undefined;
    const expiries = await readExpiries(cluster);
    const expiring = expiries.filter((expiry) => daysLeft(expiry, now) < renewalDays);
    const isRelevantByIndex = await mapLimited(expiring, 32, (expiry) => isRelevant(expiry, cluster));
    const relevant = expiring.filter((_, index) => isRelevantByIndex[index]);
    if (relevant.length > 0) return formatWarning(relevant, now);
    if (expiring.length === 0) await postponeCheck(expiries, cluster);
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

async function expiriesIn(path: string, owner: Omit<Expiry, 'notAfter'>): Promise<Expiry[]> {
  try {
    const certificates = splitPem((await readText(path)) ?? '');
    return certificates.map((pem) => ({ ...owner, notAfter: readCertificate(pem).notAfter }));
  } catch {
    return [];
  }
}

/** An engine that no longer uses TLS keeps its old certificate in the machine's folder. */
async function isRelevant({ machine }: Expiry, cluster: ClusterStore): Promise<boolean> {
  return machine === undefined || usesTls(await cluster.machine(machine), cluster);
}

async function isQuiet(cluster: ClusterStore, now: Date): Promise<boolean> {
  const record = await readRecord(expiryPath(cluster), expiryRecord, 'the record of an expiry');
  if (record) return now < new Date(record.quietUntil);
  return (await readText(clusterPaths(cluster).authority.certificate)) === undefined;
}

async function postponeCheck(expiries: readonly Expiry[], cluster: ClusterStore): Promise<void> {
  if (expiries.length === 0) return;
  const first = Math.min(...expiries.map(({ notAfter }) => notAfter.getTime()));
  const quietUntil = new Date(first - renewalDays * dayMs).toISOString();
  await writeRecord(expiryPath(cluster), { quietUntil }, cluster.files);
}

/** `the client certificate expires in 3 days (2026-01-04), and 2 more: belt regenerate-certs` */
function formatWarning(expiries: readonly Expiry[], now: Date): string {
  const [first] = expiries.toSorted((a, b) => a.notAfter.getTime() - b.notAfter.getTime());
  if (!first) throw new Error('no certificate expires');
  const others = expiries.length > 1 ? `, and ${expiries.length - 1} more` : '';
  return `${nameOf(first)} ${describeExpiry(first, now)}${others}: ${renewalCommand(expiries)}`;
}

function nameOf({ kind, machine }: Expiry): string {
  if (kind === 'authority') return "the certificate of the cluster's authority";
  return kind === 'client' ? 'the client certificate' : `the certificate of ${machine}`;
}

function describeExpiry(expiry: Expiry, now: Date): string {
  const date = expiry.notAfter.toISOString().slice(0, 10);
  const days = daysLeft(expiry, now);
  if (days < 0) return `expired on ${date}`;
  return `expires in ${plural(days, 'day')} (${date})`;
}

/** A new CA comes with new certificates for all. */
function renewalCommand(expiries: readonly Expiry[]): string {
  if (expiries.some(({ kind }) => kind === 'authority')) return 'belt certs rotate';
  const client = expiries.some(({ kind }) => kind === 'client') ? ' --client-certs' : '';
  const machines = expiries.flatMap(({ machine }) => machine ?? []);
  const nodes = machines.length === 0 || machines.length > 5 ? '--all' : machines.join(' ');
  return `belt regenerate-certs${client} ${nodes}`;
}
