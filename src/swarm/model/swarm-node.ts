/**
 * Swarm nodes and memberships, read from the engine's API
 * (https://docs.docker.com/reference/api/engine/: `GET /nodes`, `GET /info`, `GET /swarm`).
 */

import { byNaturalOrder } from '../../base/natural-order.js';
import type { InfoDocument, NodeDocument, SwarmDocument } from '../../engine/model/api-documents.js';

export type Role = 'manager' | 'worker';

export interface SwarmNode {
  id: string;
  hostname: string;
  role: Role;
  /** `ready`, `down`, `unknown`, `disconnected`. */
  status: string;
  /** `active`, `pause`, `drain`. */
  availability: string;
  /** Empty: unknown to the managers. */
  address: string;
  engineVersion: string;
  labels: Readonly<Record<string, string>>;
  /** Managers only: `reachable`, `unreachable`, `unknown`. */
  reachability?: string;
  /** Managers only: the advertised `host:port`. */
  managerAddress?: string;
  leader: boolean;
}

export function isNodeReady({ role, status, reachability }: SwarmNode): boolean {
  return status === 'ready' && (role === 'worker' || reachability === 'reachable');
}

/** An engine's own view of its swarm (`Swarm` of `GET /info`). */
export interface Membership {
  /** `inactive`, `pending`, `active`, `error`, `locked`. */
  state: string;
  nodeId: string;
  nodeAddress: string;
  manager: boolean;
  /** Empty on workers. */
  swarmId: string;
  /** `host:port` of the managers it knows. */
  managers: string[];
  error: string;
}

/** Docker's default for the managers' API. */
export const managerPort = 2377;

export function readMembership({ Swarm }: InfoDocument): Membership {
  return {
    state: Swarm.LocalNodeState,
    nodeId: Swarm.NodeID ?? '',
    nodeAddress: Swarm.NodeAddr ?? '',
    manager: Swarm.ControlAvailable ?? false,
    swarmId: Swarm.Cluster?.ID ?? '',
    managers: (Swarm.RemoteManagers ?? []).map(({ Addr }) => Addr),
    error: Swarm.Error ?? '',
  };
}

/** From `GET /swarm`. */
export interface NodeCertificateSettings {
  /** Lifetime of new certificates, nanoseconds. */
  validFor: number;
  /** CA certificate, PEM. */
  authority: string;
}

export function readCertificateSettings({ Spec, TLSInfo }: SwarmDocument): NodeCertificateSettings {
  return { validFor: Spec.CAConfig?.NodeCertExpiry ?? 0, authority: TLSInfo?.TrustRoot ?? '' };
}

/** The leader first, then managers, then workers, each by host name. */
export function readNodes(nodes: readonly NodeDocument[]): SwarmNode[] {
  return nodes.map(readNode).sort(byRank);
}

function readNode({ ID, Spec, Description, Status, ManagerStatus }: NodeDocument): SwarmNode {
  const { Reachability: reachability, Addr: managerAddress = '', Leader = false } = ManagerStatus ?? {};
  return {
    id: ID,
    hostname: Description?.Hostname ?? '',
    role: Spec.Role,
    status: Status?.State ?? '',
    availability: Spec.Availability,
    address: addressOf(Status?.Addr ?? '', managerAddress),
    engineVersion: Description?.Engine?.EngineVersion ?? '',
    labels: Spec.Labels ?? {},
    ...(reachability && { reachability }),
    ...(managerAddress && { managerAddress }),
    leader: Leader,
  };
}

/** Of reachable managers, the leader first. */
export function managerAddresses(nodes: readonly SwarmNode[]): string[] {
  return nodes.flatMap(({ reachability, managerAddress }) =>
    reachability === 'reachable' && managerAddress ? [managerAddress] : [],
  );
}

/** A manager may report its own address as `0.0.0.0`: use the one it advertises. */
function addressOf(status: string, advertised: string): string {
  if (status !== '' && status !== '0.0.0.0') return status;
  return hostOf(advertised);
}

/** The host of `host:port`, without the brackets of an IPv6 address. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function byRank(a: SwarmNode, b: SwarmNode): number {
  const rank = (node: SwarmNode): number => (node.leader ? 0 : node.role === 'manager' ? 1 : 2);
  return rank(a) - rank(b) || byNaturalOrder(a.hostname, b.hostname);
}
