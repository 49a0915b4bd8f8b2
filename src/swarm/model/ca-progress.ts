import { field, list, text } from './json-fields.js';

/**
 * Progress of a CA rotation, computed as `docker swarm ca --rotate` does
 * (cli/command/swarm/progress).
 */
export interface CaProgress {
  /** Nodes that do not use the new CA yet. */
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
  const pending = all.filter((node) => tlsOf(field(node, 'Description')) !== wanted);
  return {
    pending: pending.map((node) => ({
      id: text(node, 'ID'),
      hostname: text(field(node, 'Description'), 'Hostname'),
      status: text(field(node, 'Status'), 'State'),
    })),
    nodes: all.length,
    done: pending.length === 0 && field(swarm, 'RootRotationInProgress') !== true,
  };
}

/** Issuer and trusted root. */
function tlsOf(holder: unknown): string {
  const info = field(holder, 'TLSInfo');
  return [text(info, 'TrustRoot'), text(info, 'CertIssuerSubject'), text(info, 'CertIssuerPublicKey')].join(
    '\n',
  );
}

const shownNodes = 3;

/** As in `4 of 5 nodes use the new CA; waiting for node3 (down)`. */
export function caProgressText({ pending, nodes }: CaProgress): string {
  const shown = pending
    .slice(0, shownNodes)
    .map(({ hostname, id, status }) => `${hostname || id} (${status})`);
  const more = pending.length - shown.length;
  const names =
    shown.length > 0 ? `; waiting for ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}` : '';
  return `${nodes - pending.length} of ${nodes} nodes use the new CA${names}`;
}
