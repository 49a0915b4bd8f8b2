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

export interface RotateInput {
  install: InstallCertificate;
  /**
   * Asks the engine over TLS, as clients will.
   * @throws ExternalError when the engine refuses; an engine that this computer cannot reach does not fail
   */
  verify: (machine: Machine) => Promise<unknown>;
  /** Key type of the new CA; default: as the old one's. */
  keyType?: KeyType;
  /** Leaves machines behind that cannot be reached; `regenerate-certs` brings them back later. */
  force: boolean;
}

/** `ok` are the machines that trust only the new CA. */
export interface RotationReport extends BatchReport<string> {
  /** Whether the old CA is dropped. Otherwise both are trusted, and the same call continues. */
  finished: boolean;
}

/**
 * Gives the cluster a new authority while its engines go on answering all who could ask before. Each engine restarts twice:
 *
 * 1. `overlap`: the clients here trust both CAs, then each engine does and gets a certificate of the
 *    new one.
 * 2. `drop`: once every engine has it, the client's certificate is replaced, belt connects to each
 *    engine with it, and each engine then trusts only the new CA.
 *
 * All goes over SSH, so certificates that have expired do not matter. What has been reached is written down before the next step
 * begins: after an interruption at any point the same call goes on from there.
 * @throws UserError when another belt works on one of the machines
 */
export async function rotateAuthority(input: RotateInput, context: Context): Promise<RotationReport> {
  const machines = await machinesWithTls(context);
  const claim = await context.cluster.claim(
    machines.map(({ name }) => name),
    'given new certificates',
  );
  try {
    const rotation = await beginRotation(input, context);
    let going: readonly Machine[] = machines;
    const left: Outcome<Machine>[] = [];
    if (rotation.phase === 'overlap') {
      const outcomes = await trustBoth(machines, input, context);
      if (!canContinue(outcomes, input, context)) return reportOn(outcomes, false);
      left.push(...outcomes.filter(({ status }) => status !== 'ok'));
      going = outcomes.flatMap((outcome) => (outcome.status === 'ok' ? [outcome.value] : []));
      await writeRotation({ ...rotation, phase: 'drop' }, context.cluster);
    }
    const outcomes = await dropOld(going, input, context);
    if (!canContinue(outcomes, input, context)) return reportOn([...outcomes, ...left], false);
    await finishRotation(context);
    return reportOn([...outcomes, ...left], true);
  } finally {
    await claim.release();
  }
}

async function machinesWithTls({ cluster }: Context): Promise<Machine[]> {
  const { machines, damaged } = await cluster.machines();
  const [unreadable] = damaged;
  if (unreadable) throw unreadable.error;
  const withTls = await Promise.all(machines.map((machine) => usesTls(machine, cluster)));
  return machines.filter((_, index) => withTls[index]);
}

/** The record of the rotation is written last: without it, what was made before it counts for nothing. */
async function beginRotation({ keyType }: RotateInput, context: Context): Promise<RotationRecord> {
  const { cluster, reporter } = context;
  return cluster.lock(async () => {
    const begun = await readRotation(cluster);
    if (begun) {
      reporter.note(`resuming the rotation of ${begun.startedAt.slice(0, 16).replace('T', ' ')} UTC`);
      return begun;
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

/** Clients first: they must know the new authority before the first engine shows a certificate of it. */
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

async function dropOld(
  machines: readonly Machine[],
  { install, verify, force }: RotateInput,
  context: Context,
): Promise<Outcome<Machine>[]> {
  const { cluster } = context;
  await writePair(clusterPaths(cluster).authority, await readNextAuthority(cluster), cluster);
  // The client's pair is still of the old authority, which is trusted no longer: it is replaced here.
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
