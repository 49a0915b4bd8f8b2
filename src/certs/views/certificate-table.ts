import { capitalize, formatTable } from '../../ui/table.js';
import { oneLine } from '../../ui/text-width.js';

/** What `certs status` shows of a certificate. */
export interface CertificateRow {
  kind: 'authority' | 'client' | 'server';
  /** Of a server. */
  machine?: string;
  status: string;
  problems: readonly string[];
  /** ISO 8601. */
  expires?: string;
  daysLeft?: number;
}

export function certificateTable(rows: readonly CertificateRow[]): string {
  return formatTable(
    ['certificate', 'of', 'expires', 'days left', 'status', 'problems'],
    rows.map(({ kind, machine, expires, daysLeft, status, problems }) => [
      kind,
      machine ?? 'the cluster',
      expires?.slice(0, 10) ?? '-',
      daysLeft === undefined ? '-' : String(daysLeft),
      status === 'soon' ? 'Expires soon' : capitalize(status),
      oneLine(problems.join('; ')),
    ]),
  );
}
