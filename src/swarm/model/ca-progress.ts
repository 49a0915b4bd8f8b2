import { field, list, text } from './json-fields.js';

/** How far a swarm's new certificate authority has come, as `docker swarm ca --rotate` reckons it (cli/command/swarm/progress). */
export interface CaProgress {
  /** The nodes that do not have all of it. */
  pending: { id: string; hostname: string; status: string }[];
  nodes: number;
  done: boolean;
}

/**
 * @param swarm the answer to `GET /swarm`
 * @param nodes the answer to `GET /nodes`
 */
export function readCaProgress(swarm: unknown, nodes: unknown): CaProgress {
  const wanted = tlsOf(swarm);
  const all = list(nodes);
  const lacking = all.filter((node) => tlsOf(field(node, 'Description')) !== wanted);
  return {
    pending: lacking.map((node) => ({
      id: text(node, 'ID'),
      hostname: text(field(node, 'Description'), 'Hostname'),
      status: text(field(node, 'Status'), 'State'),
    })),
    nodes: all.length,
    done: lacking.length === 0 && field(swarm, 'RootRotationInProgress') !== true,
  };
}

/** Who has issued the certificate, and whom it trusts. */
function tlsOf(holder: unknown): string {
  const info = field(holder, 'TLSInfo');
  return [text(info, 'TrustRoot'), text(info, 'CertIssuerSubject'), text(info, 'CertIssuerPublicKey')].join(
    '\n',
  );
}

const shownNodes = 3;

/** As in `4 of 5 nodes have the new certificate authority; not node3 (down)`. */
export function caProgressText({ pending, nodes }: CaProgress): string {
  const shown = pending
    .slice(0, shownNodes)
    .map(({ hostname, id, status }) => `${hostname || id} (${status})`);
  const more = pending.length - shown.length;
  const names = shown.length > 0 ? `; not ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}` : '';
  return `${nodes - pending.length} of ${nodes} nodes have the new certificate authority${names}`;
}
