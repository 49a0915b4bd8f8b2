import type { NodeDocument, SwarmDocument, TlsInfo } from '../../engine/model/api-documents.js';

/** Computed as in `docker swarm ca --rotate` (cli/command/swarm/progress). */
interface CaProgress {
  pending: { id: string; hostname: string; status: string }[];
  nodes: number;
  done: boolean;
}

export function readCaProgress(
  { TLSInfo, RootRotationInProgress }: Pick<SwarmDocument, 'TLSInfo' | 'RootRotationInProgress'>,
  nodes: readonly Pick<NodeDocument, 'ID' | 'Description' | 'Status'>[],
): CaProgress {
  const wanted = tlsText(TLSInfo);
  const pending = nodes.filter(({ Description }) => tlsText(Description?.TLSInfo) !== wanted);
  return {
    pending: pending.map(({ ID, Description, Status }) => ({
      id: ID,
      hostname: Description?.Hostname ?? '',
      status: Status?.State ?? '',
    })),
    nodes: nodes.length,
    done: pending.length === 0 && !RootRotationInProgress,
  };
}

function tlsText({ TrustRoot = '', CertIssuerSubject = '', CertIssuerPublicKey = '' }: TlsInfo = {}): string {
  return [TrustRoot, CertIssuerSubject, CertIssuerPublicKey].join('\n');
}

const shownNodes = 3;

/** Such as `4 of 5 nodes use the new CA; waiting for node3 (down)`. */
export function caProgressText({ pending, nodes }: CaProgress): string {
  const shown = pending
    .slice(0, shownNodes)
    .map(({ hostname, id, status }) => `${hostname || id} (${status})`);
  const more = pending.length - shown.length;
  const names =
    shown.length > 0 ? `; waiting for ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}` : '';
  return `${nodes - pending.length} of ${nodes} nodes use the new CA${names}`;
}
