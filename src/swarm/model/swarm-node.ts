/**
 * Swarm nodes and memberships, read from the engine's API
 * (https://docs.docker.com/reference/api/engine/: `GET /nodes`, `GET /info`, `GET /swarm`).
 */

import { byNaturalOrder } from '../../base/natural-order.js';
import { field, list, text, texts } from './json-fields.js';

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

export interface JoinTokens {
  worker: string;
  manager: string;
}

/** Docker's default for the managers' API. */
export const managerPort = 2377;

export function readMembership(info: unknown): Membership {
  const swarm = field(info, 'Swarm');
  return {
    state: text(swarm, 'LocalNodeState'),
    nodeId: text(swarm, 'NodeID'),
    nodeAddress: text(swarm, 'NodeAddr'),
    manager: field(swarm, 'ControlAvailable') === true,
    swarmId: text(field(swarm, 'Cluster'), 'ID'),
    managers: list(field(swarm, 'RemoteManagers')).map((manager) => text(manager, 'Addr')),
    error: text(swarm, 'Error'),
  };
}

/** From `GET /swarm`. */
export interface NodeCertificateSettings {
  /** Lifetime of new certificates, nanoseconds. */
  validFor: number;
  /** CA certificate, PEM. */
  authority: string;
}

export function readCertificateSettings(swarm: unknown): NodeCertificateSettings {
  const validFor = field(field(field(swarm, 'Spec'), 'CAConfig'), 'NodeCertExpiry');
  return {
    validFor: typeof validFor === 'number' ? validFor : 0,
    authority: text(field(swarm, 'TLSInfo'), 'TrustRoot'),
  };
}

export function readTokens(swarm: unknown): JoinTokens {
  const tokens = field(swarm, 'JoinTokens');
  return { worker: text(tokens, 'Worker'), manager: text(tokens, 'Manager') };
}

/** The leader first, then managers, then workers, each by host name. */
export function readNodes(nodes: unknown): SwarmNode[] {
  return list(nodes).map(readNode).sort(byRank);
}

function readNode(node: unknown): SwarmNode {
  const spec = field(node, 'Spec');
  const description = field(node, 'Description');
  const manager = field(node, 'ManagerStatus');
  const reachability = text(manager, 'Reachability');
  const managerAddress = text(manager, 'Addr');
  return {
    id: text(node, 'ID'),
    hostname: text(description, 'Hostname'),
    role: text(spec, 'Role') === 'manager' ? 'manager' : 'worker',
    status: text(field(node, 'Status'), 'State'),
    availability: text(spec, 'Availability'),
    address: addressOf(text(field(node, 'Status'), 'Addr'), managerAddress),
    engineVersion: text(field(description, 'Engine'), 'EngineVersion'),
    labels: texts(field(spec, 'Labels')),
    ...(reachability && { reachability }),
    ...(managerAddress && { managerAddress }),
    leader: field(manager, 'Leader') === true,
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
