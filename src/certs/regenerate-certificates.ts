import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { EngineWork } from '../app/rolling-restart.js';
import { whileClaimed } from '../app/with-claim.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import { hasNoSsh, type Machine, requireSsh } from '../machines/model/machine.js';
import { machinePaths } from './certificate-files.js';
import { type ClusterCertificates, ensureClusterCertificates } from './cluster-certificates.js';
import { splitPem } from './model/read-certificate.js';
import { copyClientFiles, type InstallCertificate, serverCertificateFor } from './server-certificate.js';

interface RegenerateInput {
  machines: readonly Machine[];
  /** Also reissue the client pair of the cluster. */
  clientCerts: boolean;
  /** Restart managers even when their swarm loses its quorum temporarily. */
  force?: boolean;
  install: InstallCertificate;
}

/**
 * Works over SSH, without TLS. @throws UserError for an engine without TLS or SSH, or a missing CA
 */
export async function regenerateCertificates(
  { machines, clientCerts, force = false, install }: RegenerateInput,
  context: Context,
): Promise<Outcome<Machine>[]> {
  for (const machine of machines) {
    requireSsh(machine);
    refuseWithoutTls(machine);
  }
  return whileClaimed(machines, 'given new certificates', context, async () => {
    const certificates = await ensureClusterCertificates(context, { renewClient: clientCerts });
    if (clientCerts) await copyClientFilesToAll(certificates, context);
    const work: EngineWork<Machine>['work'] = async (machine, step, beforeRestart) => {
      await beforeRestart();
      step('signing a certificate');
      const certificate = await serverCertificateFor(machine, context, { renew: true, certificates });
      await install(machine, certificate, step);
      return machine;
    };
    const { restartEngines } = await context.rollingRestart();
    return restartEngines(machines, { work, doneMessage: () => 'new certificate', force });
  });
}

function refuseWithoutTls({ name, engine }: Machine): void {
  if (engine === undefined || engine.access === 'secure') return;
  throw new UserError(
    `the engine of ${name} does not use TLS (access: ${engine.access}) and has no certificate`,
    { hint: `belt engine secure ${name}` },
  );
}

/** Skips machines that still trust another CA, and those with a damaged record. */
export async function copyClientFilesToAll(
  certificates: ClusterCertificates,
  context: Context,
): Promise<void> {
  const { machines } = await context.cluster.machines();
  for (const { name } of machines.filter((machine) => !hasNoSsh(machine))) {
    if (await trustsAnotherAuthority(certificates.trusted, name, context)) continue;
    await copyClientFiles(name, certificates, context);
  }
}

async function trustsAnotherAuthority(trusted: string, name: string, { cluster }: Context): Promise<boolean> {
  const current = splitPem((await readText(machinePaths(cluster, name).ca)) ?? '');
  const clusterAuthorities = splitPem(trusted);
  return current.length > 0 && !current.some((authority) => clusterAuthorities.includes(authority));
}
