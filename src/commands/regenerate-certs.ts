import { Flags } from '@oclif/core';
import type { BatchReport } from '../app/batch-report.js';
import { regenerateCertificates } from '../certs/regenerate-certificates.js';
import { allFlag, yesFlag } from '../cli/flags.js';
import { LifecycleCommand, nothingDone } from '../cli/lifecycle-command.js';
import { installOverSsh } from '../engine/provision-engine.js';
import { hasNoSsh } from '../machines/model/machine.js';
import { selectMachines } from '../machines/select-machines.js';

export default class RegenerateCerts extends LifecycleCommand<typeof RegenerateCerts> {
  static override summary = 'Regenerate TLS certificates for machines';
  static override description =
    `Works over SSH, even after certificates have expired or the address has changed. Engines
restart.`;
  static override usage = 'regenerate-certs [--client-certs] NODES...';
  static override warnsOfExpiry = false;
  static override flags = {
    ...allFlag,
    ...yesFlag,
    force: Flags.boolean({
      char: 'f',
      summary: 'Skip confirmation, and restart managers even if their swarm loses its quorum',
    }),
    'client-certs': Flags.boolean({ summary: 'Also regenerate the client certificate' }),
  };
  static override examples = [
    {
      description: 'Regenerate the certificate of one machine',
      command: '<%= config.bin %> regenerate-certs node1',
    },
    {
      description: 'Regenerate all certificates without confirmation',
      command: '<%= config.bin %> regenerate-certs --client-certs --all --yes',
    },
  ];

  async run(): Promise<BatchReport<string>> {
    const { all, yes, force, 'client-certs': clientCerts } = this.flags;
    const context = await this.context();
    const machines = await selectMachines(await this.namedOrDefault(all), context, { all });
    const names = machines.filter((machine) => !all || !hasNoSsh(machine)).map(({ name }) => name);
    if (names.length === 0) return nothingDone;
    if (!(yes || force))
      await this.confirm('Regenerate TLS machine certs?  Warning: this is irreversible.', 'changed');
    this.print('Regenerating TLS certificates');
    const install = installOverSsh(context);
    return this.actOn(names, false, (machines) =>
      regenerateCertificates({ machines, clientCerts, force, install }, context),
    );
  }
}
