import type { Machine } from '../../machines/model/machine.js';
import { hostOf, type SwarmNode } from './swarm-node.js';

/** `machine` is undefined when belt does not manage the node. */
export interface Member {
  node: SwarmNode;
  machine?: Machine;
}

export type NamedMember = Member & { name: string };

/** Matches by address, else by host name; of several entries, the ready one wins. */
export function matchMembers(nodes: readonly SwarmNode[], machines: readonly Machine[]): Member[] {
  const assigned = new Map<SwarmNode, Machine>();
  const free = (node: SwarmNode): boolean => !assigned.has(node);
  for (const machine of machines) {
    const { public: open, private: inner } = machine.addresses;
    const node = preferReady(
      nodes.filter((node) => free(node) && node.address !== '' && [open, inner].includes(node.address)),
    );
    if (node) assigned.set(node, machine);
  }
  const known = new Set(assigned.values());
  for (const machine of machines) {
    if (known.has(machine)) continue;
    const node = preferReady(nodes.filter((node) => free(node) && node.hostname === machine.name));
    if (node) assigned.set(node, machine);
  }
  return nodes.map((node) => {
    const machine = assigned.get(node);
    return machine ? { node, machine } : { node };
  });
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

export function memberName({ node, machine }: Member): string {
  return machine?.name ?? (node.hostname || node.id);
}

function preferReady(nodes: readonly SwarmNode[]): SwarmNode | undefined {
  return nodes.find(({ status }) => status === 'ready') ?? nodes[0];
}
