import { Flags } from '@oclif/core';
import type { Context } from '../../app/context.js';
import { type KeyType, keyTypes } from '../../certs/model/key-type.js';
import { type RotationReport, rotateAuthority } from '../../certs/rotate-authority.js';
import { BaseCommand } from '../../cli/base-command.js';
import { yesFlag } from '../../cli/flags.js';
import { askOverTls, installOverSsh } from '../../engine/install-certificates.js';
import { confirm, notAgreed } from '../../ui/prompt.js';

export default class CertsRotate extends BaseCommand<typeof CertsRotate> {
  static override summary = 'give the cluster a new certificate authority while its engines go on answering';
  static override description = [
    'All engines and this computer first trust both authorities, then everybody gets new certificates, then the old authority is',
    'dropped. It goes over SSH, so it also works when certificates have expired. Each engine restarts twice, those of swarm',
    'managers one after the other; containers stop for that moment unless the engine has "live-restore". An interrupted rotation',
    'is finished by the same command. Copies of the client certificate that you gave away have to be replaced.',
  ].join(' ');
  static override warnsOfExpiry = false;
  static override flags = {
    ...yesFlag,
    force: Flags.boolean({
      char: 'f',
      summary: 'do not ask, and leave machines behind that cannot be reached',
    }),
    'key-type': Flags.option({
      options: keyTypes,
      summary: "type of the new keys; that of the old authority's if absent",
    })(),
  };
  static override examples = [
    { description: 'asks first', command: '<%= config.bin %> certs rotate' },
    {
      description: 'to keys that are quicker to make',
      command: '<%= config.bin %> certs rotate --yes --key-type ecdsa-p256',
    },
  ];

  async run(): Promise<RotationReport> {
    const { yes, force } = this.flags;
    const keyType: KeyType | undefined = this.flags['key-type'];
    const context = await this.context();
    if (!(yes || force || (await this.agreed(context.signal)))) throw notAgreed('changed');
    const report = await rotateAuthority(
      {
        install: installOverSsh(context),
        ask: askOverTls(context),
        force,
        ...(keyType !== undefined && { keyType }),
      },
      context,
    );
    if (!report.finished) this.unfinished(report, context);
    return report;
  }

  private agreed(signal: AbortSignal): Promise<boolean> {
    process.stderr.write(
      'Each engine of the cluster restarts twice; without "live-restore" its containers stop meanwhile.\n',
    );
    return confirm('Rotate the certificate authority? (y/n): ', {
      input: process.stdin,
      output: process.stderr,
      signal,
    });
  }

  private unfinished({ failed, skipped }: RotationReport, { reporter }: Context): void {
    const names = [...failed.map(({ name }) => name), ...skipped];
    reporter.warn(
      `not finished because of ${names.join(', ')}; meanwhile both authorities are trusted. Go on with "belt certs rotate", or without these machines: belt certs rotate --force`,
    );
    this.fail();
  }
}
