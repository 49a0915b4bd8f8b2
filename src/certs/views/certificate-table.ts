import { capitalize, formatTable } from '../../ui/table.js';

interface CertificateRow {
  kind: 'authority' | 'client' | 'server';
  /** Of a server. */
  machine?: string;
  status: string;
  problems: readonly string[];
  /** ISO 8601. */
  expires?: string;
  daysLeft?: number;
  names?: readonly string[];
  path: string;
  /** SHA-256. */
  fingerprint?: string;
}

export function certificateTable(rows: readonly CertificateRow[], { wide = false } = {}): string {
  return formatTable(
    [
      ...['certificate', 'of', 'expires', 'days left', 'status'],
      ...(wide ? ['names', 'path', 'fingerprint'] : []),
      'problems',
    ],
    rows.map(({ kind, machine, expires, daysLeft, status, names = [], path, fingerprint, problems }) => [
      kind,
      machine ?? 'the cluster',
      expires?.slice(0, 10) ?? '-',
      daysLeft === undefined ? '-' : String(daysLeft),
      status === 'soon' ? 'Expires soon' : capitalize(status),
      ...(wide ? [names.join(',') || '-', path, fingerprint ?? '-'] : []),
      problems.join('; '),
    ]),
  );
}
