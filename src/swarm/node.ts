/**
 * Swarm nodes and memberships as the engine's API tells them
 * (https://docs.docker.com/reference/api/engine/: `GET /nodes`, `GET /info`, `GET /swarm`).
 */

export type Role = 'manager' | 'worker';

export interface SwarmNode {
  id: string;
  hostname: string;
  role: Role;
  /** `ready`, `down`, `unknown`, `disconnected`. */
  status: string;
  /** `active`, `pause`, `drain`. */
  availability: string;
  address: string;
  engineVersion: string;
  /** Managers only: `reachable`, `unreachable`, `unknown`. */
  reachability?: string;
  leader: boolean;
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
  return {
    id: text(node, 'ID'),
    hostname: text(description, 'Hostname'),
    role: text(spec, 'Role') === 'manager' ? 'manager' : 'worker',
    status: text(field(node, 'Status'), 'State'),
    availability: text(spec, 'Availability'),
    address: text(field(node, 'Status'), 'Addr'),
    engineVersion: text(field(description, 'Engine'), 'EngineVersion'),
    ...(reachability && { reachability }),
    leader: field(manager, 'Leader') === true,
  };
}

function byRank(a: SwarmNode, b: SwarmNode): number {
  const rank = (node: SwarmNode): number => (node.leader ? 0 : node.role === 'manager' ? 1 : 2);
  return rank(a) - rank(b) || a.hostname.localeCompare(b.hostname, 'en', { numeric: true });
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function text(value: unknown, key: string): string {
  const found = field(value, key);
  return typeof found === 'string' ? found : '';
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
