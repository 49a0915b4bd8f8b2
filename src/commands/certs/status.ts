import { type CertificatesReport, certificateStatus } from '../../certs/certificate-status.js';
import { certificateTable } from '../../certs/views/certificate-table.js';
import { BaseCommand } from '../../cli/base-command.js';

export default class CertsStatus extends BaseCommand<typeof CertsStatus> {
  static override summary =
    'until when the certificates of the cluster are good, and what is wrong with them';
  static override warnsOfExpiry = false;
  static override examples = [
    { description: 'authority, client and machines', command: '<%= config.bin %> certs status' },
    { description: 'for a program that watches', command: '<%= config.bin %> certs status --json' },
  ];

  async run(): Promise<CertificatesReport> {
    const context = await this.context();
    const report = await certificateStatus(context);
    if (report.certificates.length === 0) context.reporter.note('there are no certificates yet');
    else this.print(certificateTable(report.certificates));
    if (report.rotating)
      context.reporter.note('a rotation is not finished; go on with it: belt certs rotate');
    return report;
  }
}
