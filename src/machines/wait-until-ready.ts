import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { machinePaths, readPair } from '../certs/certificate-files.js';
import { missingNames, readCertificate } from '../certs/model/read-certificate.js';
import { requiredNames, serverCertificateFor } from '../certs/server-certificate.js';
import { waitForEngine } from '../engine/connect-engine.js';
import { engineSettingsOf, provisionEngine } from '../engine/provision-engine.js';
import { type Connection, ConnectionLost } from '../ssh/connection-types.js';
import { hasNoSsh, type Machine } from './model/machine.js';

export interface ReadyOptions {
  timeoutMs: number;
  step: Step;
}

/** @throws ExternalError with the last problem; UserError when provisioning fails; AbortError */
export async function setUpMachine(machine: Machine, options: ReadyOptions, context: Context): Promise<void> {
  const { step } = options;
  // Keys are generated while the machine boots.
  const certificatePromise =
    engineSettingsOf(machine).access === 'secure' ? serverCertificateFor(machine, context) : undefined;
  certificatePromise?.catch(() => {});
  const provision = async () => {
    const connection = await logIn(machine, options, context);
    const certificate = await certificatePromise;
    await provisionEngine(machine, connection, { step, ...(certificate && { certificate }) }, context);
  };
  // A first boot may restart the network or sshd after the login; provisioning is idempotent.
  await provision().catch((error) => {
    if (!(error instanceof ConnectionLost)) throw error;
    return provision();
  });
}

/** Reissues the certificate of a machine whose address has changed. @throws as `setUpMachine` */
export async function waitUntilReady(
  machine: Machine,
  options: ReadyOptions,
  context: Context,
): Promise<void> {
  if (hasNoSsh(machine)) return;
  const deadline = Date.now() + options.timeoutMs;
  const connection = await logIn(machine, options, context);
  options.step('waiting for the engine');
  await waitForEngine(connection, {
    timeoutMs: Math.max(deadline - Date.now(), 1_000),
    signal: context.signal,
  });
  if (await addressChanged(machine, context)) await provisionEngine(machine, connection, options, context);
}

/** Clients refuse a certificate without the machine's address. */
async function addressChanged(machine: Machine, { cluster }: Context): Promise<boolean> {
  if (machine.engine?.access !== 'secure') return false;
  const { certificate } = await readPair(machinePaths(cluster, machine.name).server);
  return (
    certificate !== undefined && missingNames(readCertificate(certificate), requiredNames(machine)).length > 0
  );
}

async function logIn(
  machine: Machine,
  { timeoutMs, step }: ReadyOptions,
  context: Context,
): Promise<Connection> {
  step('waiting for SSH');
  const ssh = await context.ssh();
  const onProblem = (problem: string): void => step(`waiting for SSH (${problem})`);
  return ssh.waitFor(sshTarget(machine), { timeoutMs, signal: context.signal, onProblem });
}
