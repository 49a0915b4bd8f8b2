import { type CertificatesReport, certificateStatus } from '../../certs/certificate-status.js';
import { certificateTable } from '../../certs/views/certificate-table.js';
import { BaseCommand } from '../../cli/base-command.js';

export default class CertsStatus extends BaseCommand<typeof CertsStatus> {
  static override summary = 'Show when certificates expire, and problems with them';
  static override warnsOfExpiry = false;
  static override examples = [
    { description: 'Show all certificates', command: '<%= config.bin %> certs status' },
    { description: 'Print JSON for monitoring', command: '<%= config.bin %> certs status --json' },
  ];

  async run(): Promise<CertificatesReport> {
    const context = await this.context();
    const report = await certificateStatus(context);
    if (report.certificates.length === 0) context.reporter.note('No certificates yet');
    else this.print(certificateTable(report.certificates, { wide: this.wide }));
    if (report.rotating) context.reporter.note('A CA rotation is unfinished; to resume: belt certs rotate');
    return report;
  }
}
