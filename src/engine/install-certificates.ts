import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { InstallCertificate } from '../certs/server-certificate.js';
import type { Machine } from '../machines/model/machine.js';
import { askFromOutside } from './probe-tls.js';
import { engineSettingsOf, provisionEngine } from './provision-engine.js';

/** Over SSH, as a part of setting the engine up. */
export function installOverSsh(context: Context): InstallCertificate {
  return async (machine, certificate, step) => {
    const connection = await reach(machine, context);
    await provisionEngine(machine, connection, { step, certificate }, context);
  };
}

/** One behind a jump host is not for this computer to reach. */
export function askOverTls(context: Context): (machine: Machine) => Promise<void> {
  return async (machine) => {
    if (machine.ssh.jump === undefined)
      await askFromOutside(machine, engineSettingsOf(machine).port, context);
  };
}
