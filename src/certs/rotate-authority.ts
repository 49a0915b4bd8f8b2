import { type BatchReport, reportOf } from '../app/batch-report.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { inStage } from '../app/in-stage.js';
import type { EngineWork } from '../app/rolling-restart.js';
import type { Machine } from '../machines/model/machine.js';
import {
  clusterPaths,
  nextFolder,
  nextPaths,
  type RotationRecord,
  readRotation,
  removeRotation,
  writeChanged,
  writePair,
  writeRotation,
} from './certificate-files.js';
import {
  authorityName,
  ensureClusterCertificates,
  readAuthority,
  readNextAuthority,
} from './cluster-certificates.js';
import type { KeyType } from './model/certificate-terms.js';
import { keyTypeOf } from './model/private-keys.js';
import { copyClientFilesToAll } from './regenerate-certificates.js';
import { type InstallCertificate, serverCertificateFor, usesTls } from './server-certificate.js';

interface RotateInput {
  install: InstallCertificate;
  /** Queries the engine over TLS, if this computer can reach it. @throws ExternalError */
  verify: (machine: Machine) => Promise<unknown>;
  /** Key type of the new CA; default: the old one's. */
  keyType?: KeyType;
  /** Skip unreachable machines; `regenerate-certs` updates them later. */
  force: boolean;
}

/** `ok` are the machines that trust only the new CA. */
export interface RotationReport extends BatchReport<string> {
  /** Whether the old CA is dropped. Otherwise both are trusted, and the same call continues. */
  finished: boolean;
}

/**
 * Replaces the CA while engines keep serving their clients. Each engine restarts twice:
 *
 * 1. `overlap`: clients, then engines trust both CAs, and engines get certificates of the new one.
 * 2. `drop`: the client's certificate is replaced, and verified, before engines drop the old CA.
 *
 * Everything goes over SSH, so expired certificates do not matter. Progress is recorded before each
 * step, so that the same call continues after an interruption.
 * @throws UserError when another belt has claimed one of the machines
 */
export async function rotateAuthority(input: RotateInput, context: Context): Promise<RotationReport> {
  const machines = await machinesWithTls(context);
  await using _claim = await context.cluster.claim(machines, 'given new certificates');
  const rotation = await beginRotation(input, context);
  let remaining: readonly Machine[] = machines;
  const skipped: Outcome<Machine>[] = [];
  if (rotation.phase === 'overlap') {
    const outcomes = await trustBoth(machines, input, context);
    if (!canContinue(outcomes, input, context)) return reportOn(outcomes, false);
    skipped.push(...outcomes.filter(({ status }) => status !== 'ok'));
    remaining = outcomes.flatMap((outcome) => (outcome.status === 'ok' ? [outcome.value] : []));
    await writeRotation({ ...rotation, phase: 'drop' }, context.cluster);
  }
  const outcomes = await dropOldAuthority(remaining, input, context);
  if (!canContinue(outcomes, input, context)) return reportOn([...outcomes, ...skipped], false);
  await finishRotation(context);
  return reportOn([...outcomes, ...skipped], true);
}

async function machinesWithTls({ cluster }: Context): Promise<Machine[]> {
  const { machines, damaged } = await cluster.machines();
  const [unreadable] = damaged;
  if (unreadable) throw unreadable.error;
  const withTls = await Promise.all(machines.map((machine) => usesTls(machine, cluster)));
  return machines.filter((_, index) => withTls[index]);
}

/** The rotation's record is written last: without it the files before it do not count. */
async function beginRotation({ keyType }: RotateInput, context: Context): Promise<RotationRecord> {
  const { cluster, reporter } = context;
  return cluster.lock(async () => {
    const unfinished = await readRotation(cluster);
    if (unfinished) {
      reporter.note(`Resuming the rotation of ${unfinished.startedAt.slice(0, 16).replace('T', ' ')} UTC`);
      return unfinished;
    }
    const old = await readAuthority(cluster);
    const type = keyType ?? (old ? keyTypeOf(old.authority.certificate) : await context.keyType());
    const { createAuthority } = await import('./model/issue.js');
    const next = await createAuthority({ commonName: authorityName(cluster), keyType: type });
    await writePair(nextPaths(cluster).authority, next, cluster);
    if (!old) await writeChanged(clusterPaths(cluster).authority.certificate, next.certificate, cluster);
    const rotation: RotationRecord = { phase: 'overlap', startedAt: new Date().toISOString() };
    await writeRotation(rotation, cluster);
    return rotation;
  });
}

/** Clients first: they must trust the new CA before the first engine has a certificate of it. */
async function trustBoth(
  machines: readonly Machine[],
  { install, force }: RotateInput,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const { cluster } = context;
  const certificates = await ensureClusterCertificates(context);
  await writeChanged(clusterPaths(cluster).authority.certificate, certificates.trusted, cluster);
  await copyClientFilesToAll(certificates, context);
  const work: EngineWork<Machine>['work'] = async (machine, step, beforeRestart) => {
    await beforeRestart();
    await install(machine, await serverCertificateFor(machine, context), step);
    return machine;
  };
  return inStage('Installing certificates of the new CA', context, async (stage) => {
    const { restartEngines } = await stage.rollingRestart();
    const doneMessage = (): string => 'trusts both CAs';
    return restartEngines(machines, { work, doneMessage, continueOnError: force, force });
  });
}

async function dropOldAuthority(
  machines: readonly Machine[],
  { install, verify, force }: RotateInput,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const { cluster } = context;
  await writePair(clusterPaths(cluster).authority, await readNextAuthority(cluster), cluster);
  // Replaces the client pair, which was issued by the old CA.
  const certificates = await ensureClusterCertificates(context);
  await copyClientFilesToAll(certificates, context);
  const work: EngineWork<Machine>['work'] = async (machine, step, beforeRestart) => {
    step('connecting with the new client certificate');
    await verify(machine);
    await beforeRestart();
    await install(machine, await serverCertificateFor(machine, context), step);
    return machine;
  };
  return inStage('Dropping the old CA', context, async (stage) => {
    const { restartEngines } = await stage.rollingRestart();
    const doneMessage = (): string => 'trusts only the new CA';
    return restartEngines(machines, { work, doneMessage, continueOnError: force, force });
  });
}

async function finishRotation({ cluster }: Context): Promise<void> {
  await cluster.lock(async () => {
    await removeRotation(cluster);
    await cluster.files.remove(nextFolder(cluster));
  });
}

/** @throws the signal's reason */
function canContinue(
  outcomes: readonly Outcome<unknown>[],
  { force }: RotateInput,
  { signal }: Context,
): boolean {
  signal.throwIfAborted();
  return force || outcomes.every(({ status }) => status === 'ok');
}

function reportOn(outcomes: readonly Outcome<Machine>[], finished: boolean): RotationReport {
  return { ...reportOf(outcomes, (name) => name), finished };
}
