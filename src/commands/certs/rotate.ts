import { Flags } from '@oclif/core';
import type { Context } from '../../app/context.js';
import { UserError } from '../../base/errors.js';
import { plural } from '../../base/plural.js';
import { readAuthority } from '../../certs/cluster-certificates.js';
import { type KeyType, keyTypes } from '../../certs/model/key-type.js';
import { type RotationReport, rotateAuthority } from '../../certs/rotate-authority.js';
import { BaseCommand } from '../../cli/base-command.js';
import { yesFlag } from '../../cli/flags.js';
import { installOverSsh, verifyOverTls } from '../../engine/provision-engine.js';
import { noMachines } from '../../machines/select-machines.js';

export default class CertsRotate extends BaseCommand<typeof CertsRotate> {
  static override summary = "Rotate the cluster's CA without downtime";
  static override description =
    `Engines and this computer first trust both CAs, then get new certificates, then drop the old CA. Works
over SSH, even after certificates have expired. Each engine restarts twice, those of swarm managers
one at a time. Containers stop briefly unless the engine has "live-restore". Rerun the same command
to resume an interrupted rotation. Replace the copies of the client certificate that you gave to
others.`;
  static override warnsOfExpiry = false;
  static override resumes = true;
  static override flags = {
    ...yesFlag,
    force: Flags.boolean({
      char: 'f',
      summary: 'Skip confirmation, and leave unreachable machines behind',
    }),
    'key-type': Flags.option({
      options: keyTypes,
      summary: 'Type of the new keys (default: that of the old CA)',
    })(),
  };
  static override examples = [
    { description: 'Rotate the CA after confirmation', command: '<%= config.bin %> certs rotate' },
    {
      description: 'Switch to ECDSA keys',
      command: '<%= config.bin %> certs rotate --yes --key-type ecdsa-p256',
    },
  ];

  async run(): Promise<RotationReport> {
    const { yes, force } = this.flags;
    const keyType: KeyType | undefined = this.flags['key-type'];
    const context = await this.context();
    const restarts = await this.restartsEngines(context);
    if (restarts && !(yes || force)) await this.confirmRotation();
    const report = await rotateAuthority(
      {
        install: installOverSsh(context),
        verify: verifyOverTls(context),
        force,
        ...(keyType !== undefined && { keyType }),
      },
      context,
    );
    if (report.finished) this.print(`Rotated the CA of ${plural(report.ok.length, 'machine')}`);
    else this.unfinished(report, context);
    return report;
  }

  /** @throws UserError without any certificates */
  private async restartsEngines({ cluster }: Context): Promise<boolean> {
    const { machines, damaged } = await cluster.machines();
    if (machines.length + damaged.length > 0) return true;
    if (await readAuthority(cluster)) return false;
    throw new UserError('there are no certificates to rotate yet', { hint: noMachines.next[1] });
  }

  private async confirmRotation(): Promise<void> {
    this.explain(
      'Each engine of the cluster restarts twice; without "live-restore" its containers stop while it does.',
    );
    await this.confirm('Rotate the certificate authority?', 'changed');
  }

  private unfinished({ failed, skipped }: RotationReport, { reporter }: Context): void {
    const names = [...failed.map(({ name }) => name), ...skipped];
    reporter.warn(
      `the rotation is unfinished because of ${names.join(', ')}, and both CAs are trusted. To resume: belt certs rotate. To leave these machines behind: belt certs rotate --force`,
    );
    this.fail();
  }
}
