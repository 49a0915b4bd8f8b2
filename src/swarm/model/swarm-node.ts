/**
 * Swarm nodes and memberships as the engine's API tells them
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
  /** Where the other nodes reach it; empty where the managers do not know. */
  address: string;
  engineVersion: string;
  labels: Readonly<Record<string, string>>;
  /** Managers only: `reachable`, `unreachable`, `unknown`. */
  reachability?: string;
  /** Managers only: `host:port` at which the others reach it. */
  managerAddress?: string;
  leader: boolean;
}

/** Its managers have it: it is ready, and as a manager reachable. */
export function isNodeReady({ role, status, reachability }: SwarmNode): boolean {
  return status === 'ready' && (role === 'worker' || reachability === 'reachable');
}

/** What an engine says of its own place in a swarm (`Swarm` of `GET /info`). */
export interface Membership {
  /** `inactive`, `pending`, `active`, `error`, `locked`. */
  state: string;
  nodeId: string;
  nodeAddress: string;
  /** This node is a manager. */
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

/** Port of the managers' API that joining nodes talk to; docker's default and only documented one. */
export const managerPort = 2377;

/** @throws Error when the answer is not what the API documents. */
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

/** What `GET /swarm` tells of the nodes' certificates. */
export interface NodeCertificateSettings {
  /** How long a new one is good for, nanoseconds. */
  validFor: number;
  /** PEM of the authority. */
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

/** Managers first, the leader at their head, then by host name. */
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

/** Where nodes join: the managers that can be reached, the leader first. */
export function managerAddresses(nodes: readonly SwarmNode[]): string[] {
  return nodes.flatMap(({ reachability, managerAddress }) =>
    reachability === 'reachable' && managerAddress ? [managerAddress] : [],
  );
}

/** A manager's own entry may be `0.0.0.0`: what it advertises to the others (`host:port`) is its address then. */
function addressOf(status: string, advertised: string): string {
  if (status !== '' && status !== '0.0.0.0') return status;
  return hostOf(advertised);
}

/** Of `host:port`, the latter with brackets around an IPv6 address. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
}

function byRank(a: SwarmNode, b: SwarmNode): number {
  const rank = (node: SwarmNode): number => (node.leader ? 0 : node.role === 'manager' ? 1 : 2);
  return rank(a) - rank(b) || byNaturalOrder(a.hostname, b.hostname);
}
