import { resolve } from 'node:path';
import type { Context } from '../app/context.js';
import { copyGivenCertificates } from '../certs/own-certificates.js';
import type { Environment } from '../state/environment.js';
import type { FlagValues, globalFlags } from './global-flags.js';

/** Installs certificates from flags or the environment in a cluster without any. */
export async function installGivenCertificates(
  flags: FlagValues<typeof globalFlags>,
  { cwd, variables }: Environment,
  context: Context,
): Promise<void> {
  const path = (flag: keyof typeof globalFlags, variable: string): string | undefined => {
    const value = flags[flag] || variables[variable];
    return typeof value === 'string' ? resolve(cwd, value) : undefined;
  };
  await copyGivenCertificates(
    {
      authorityCertificate: path('tls-ca-cert', 'MACHINE_TLS_CA_CERT'),
      authorityKey: path('tls-ca-key', 'MACHINE_TLS_CA_KEY'),
      clientCertificate: path('tls-client-cert', 'MACHINE_TLS_CLIENT_CERT'),
      clientKey: path('tls-client-key', 'MACHINE_TLS_CLIENT_KEY'),
    },
    context,
  );
}
