import { byNaturalOrder } from '../../base/natural-order.js';
import type { InfoDocument, NodeDocument, SwarmDocument } from '../../engine/model/api-documents.js';

export type Role = 'manager' | 'worker';

export interface SwarmNode {
  id: string;
  hostname: string;
  role: Role;
  status: string;
  /** Of a node that is down: when its entry last changed, RFC 3339. */
  downSince?: string;
  availability: string;
  /** Empty when the managers do not know it. */
  address: string;
  engineVersion: string;
  labels: Readonly<Record<string, string>>;
  /** `reachable`, `unreachable`, `unknown`; undefined for workers. */
  reachability?: string;
  /** `host:port`; undefined for workers. */
  managerAddress?: string;
  leader: boolean;
}

export function isNodeReady({ role, status, reachability }: SwarmNode): boolean {
  return status === 'ready' && (role === 'worker' || reachability === 'reachable');
}

/** As the engine itself reports it in `GET /info`. */
export interface Membership {
  /** `inactive`, `pending`, `active`, `error`, `locked`. */
  state: string;
  nodeId: string;
  nodeAddress: string;
  manager: boolean;
  /** Empty on workers. */
  swarmId: string;
  /** `host:port` */
  managers: string[];
  error: string;
  /** Of the engine; docker refuses to combine it with swarm mode. */
  liveRestore: boolean;
}

export const managerPort = 2377;

export function readMembership({ Swarm, LiveRestoreEnabled: liveRestore = false }: InfoDocument): Membership {
  return {
    state: Swarm.LocalNodeState,
    nodeId: Swarm.NodeID ?? '',
    nodeAddress: Swarm.NodeAddr ?? '',
    manager: Swarm.ControlAvailable ?? false,
    swarmId: Swarm.Cluster?.ID ?? '',
    managers: (Swarm.RemoteManagers ?? []).map(({ Addr }) => Addr),
    error: Swarm.Error ?? '',
    liveRestore,
  };
}

interface NodeCertificateSettings {
  /** In nanoseconds. */
  validFor: number;
  /** PEM. */
  authority: string;
}

export function readCertificateSettings({ Spec, TLSInfo }: SwarmDocument): NodeCertificateSettings {
  return { validFor: Spec.CAConfig?.NodeCertExpiry ?? 0, authority: TLSInfo?.TrustRoot ?? '' };
}

/** The leader first, then managers and workers, by host name. */
export function readNodes(nodes: readonly NodeDocument[]): SwarmNode[] {
  return nodes.map(readNode).sort(compareRank);
}

function readNode({ ID, UpdatedAt, Spec, Description, Status, ManagerStatus }: NodeDocument): SwarmNode {
  const { Reachability: reachability, Addr: managerAddress = '', Leader = false } = ManagerStatus ?? {};
  return {
    id: ID,
    hostname: Description?.Hostname ?? '',
    role: Spec.Role,
    status: Status?.State ?? '',
    ...(Status?.State === 'down' && UpdatedAt && { downSince: UpdatedAt }),
    availability: Spec.Availability,
    address: addressOf(Status?.Addr ?? '', managerAddress),
    engineVersion: Description?.Engine?.EngineVersion ?? '',
    labels: Spec.Labels ?? {},
    ...(reachability && { reachability }),
    ...(managerAddress && { managerAddress }),
    leader: Leader,
  };
}

/** Reachable managers only, the leader first. */
export function managerAddresses(nodes: readonly SwarmNode[]): string[] {
  return nodes.flatMap(({ reachability, managerAddress }) =>
    reachability === 'reachable' && managerAddress ? [managerAddress] : [],
  );
}

/** A manager may report `0.0.0.0`: use its advertised address. */
function addressOf(status: string, advertised: string): string {
  if (status !== '' && status !== '0.0.0.0') return status;
  return hostOf(advertised);
}

/** Without the brackets of an IPv6 address. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function compareRank(a: SwarmNode, b: SwarmNode): number {
  const rank = (node: SwarmNode): number => (node.leader ? 0 : node.role === 'manager' ? 1 : 2);
  return rank(a) - rank(b) || byNaturalOrder(a.hostname, b.hostname);
}
