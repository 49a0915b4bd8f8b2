import type { Machine } from '../../machines/model/machine.js';
import { hostOf, type SwarmNode } from './swarm-node.js';

/** `machine` is undefined when belt does not manage the node. */
export interface Member {
  node: SwarmNode;
  machine?: Machine;
}

export type NamedMember = Member & { name: string };

/**
 * Matches by the ID that the machine reports, else by address, else by host name; of several
 * entries, the ready one wins.
 * @param ownIds node IDs by machine name, see `ambiguousMachines`
 */
export function matchMembers(
  nodes: readonly SwarmNode[],
  machines: readonly Machine[],
  ownIds: ReadonlyMap<string, string> = new Map(),
): Member[] {
  const assigned = new Map<SwarmNode, Machine>();
  for (const isEntry of [hasOwnId(ownIds), hasNodeAddress, hasHostName]) {
    const known = new Set(assigned.values());
    for (const machine of machines) {
      if (known.has(machine)) continue;
      const node = preferReady(nodes.filter((node) => !assigned.has(node) && isEntry(node, machine)));
      if (node) assigned.set(node, machine);
    }
  }
  return nodes.map((node) => {
    const machine = assigned.get(node);
    return machine ? { node, machine } : { node };
  });
}

/** Right after a machine has left and joined again, its old entry still looks alive. */
export function ambiguousMachines(nodes: readonly SwarmNode[], machines: readonly Machine[]): Machine[] {
  const alive = nodes.filter(({ status }) => status !== 'down');
  const entries = (machine: Machine): SwarmNode[] =>
    alive.filter((node) => hasNodeAddress(node, machine) || hasHostName(node, machine));
  return machines.filter((machine) => entries(machine).length > 1);
}

type IsEntry = (node: SwarmNode, machine: Machine) => boolean;

function hasOwnId(ownIds: ReadonlyMap<string, string>): IsEntry {
  return ({ id }, { name }) => ownIds.get(name) === id;
}

function hasNodeAddress({ address }: SwarmNode, { addresses }: Machine): boolean {
  return address !== '' && [addresses.public, addresses.private].includes(address);
}

function hasHostName({ hostname }: SwarmNode, { name }: Machine): boolean {
  return hostname === name;
}

export function hasAddress({ name, addresses }: Machine, host: string): boolean {
  return [addresses.public, addresses.private, name].includes(host);
}

/**
 * The entry that makes a machine count for the quorum, even before it takes part. Managers from
 * before a `--force-new-cluster` do not count.
 * @param nodeId as the engine reports it; when empty, match by address
 */
export function findManagerEntry(
  nodes: readonly SwarmNode[],
  machine: Machine,
  nodeId = '',
): SwarmNode | undefined {
  const isEntry = ({ id, managerAddress = '' }: SwarmNode): boolean =>
    nodeId === '' ? hasAddress(machine, hostOf(managerAddress)) : id === nodeId;
  return nodes.find((node) => node.reachability !== undefined && isEntry(node));
}

export function named(members: readonly Member[]): NamedMember[] {
  return members.map((member) => ({ ...member, name: memberName(member) }));
}

/** For people: with the host name where it differs, and with the ID where names repeat. */
export function displayNames(members: readonly NamedMember[]): string[] {
  const repeated = (name: string): boolean => members.filter((other) => other.name === name).length > 1;
  return members.map(({ name, node: { id, hostname } }) => {
    if (repeated(name)) return `${name} (${id})`;
    return hostname === '' || hostname === name ? name : `${name} (${hostname})`;
  });
}

export function memberName({ node, machine }: Member): string {
  return machine?.name ?? (node.hostname || node.id);
}

function preferReady(nodes: readonly SwarmNode[]): SwarmNode | undefined {
  return nodes.find(({ status }) => status === 'ready') ?? nodes[0];
}
