import type { Machine } from '../../machines/model/machine.js';
import { hostOf, type SwarmNode } from './swarm-node.js';

/** A node of a swarm, and the machine that it is; absent: none that belt knows. */
export interface Member {
  node: SwarmNode;
  machine?: Machine;
}

/** A member under the name that the user knows it by. */
export type NamedMember = Member & { name: string };

/**
 * Which machine each node is: the one that has its address, else the one that has its host name. Of several nodes with one address,
 * which a machine leaves behind that has been made anew or has joined again, the machine is the one that is there.
 * @returns as many as there are nodes, in their order
 */
export function matchMembers(nodes: readonly SwarmNode[], machines: readonly Machine[]): Member[] {
  const taken = new Map<SwarmNode, Machine>();
  const free = (node: SwarmNode): boolean => !taken.has(node);
  for (const machine of machines) {
    const { public: open, private: inner } = machine.addresses;
    const node = preferReady(
      nodes.filter((node) => free(node) && node.address !== '' && [open, inner].includes(node.address)),
    );
    if (node) taken.set(node, machine);
  }
  const known = new Set(taken.values());
  for (const machine of machines) {
    if (known.has(machine)) continue;
    const node = preferReady(nodes.filter((node) => free(node) && node.hostname === machine.name));
    if (node) taken.set(node, machine);
  }
  return nodes.map((node) => {
    const machine = taken.get(node);
    return machine ? { node, machine } : { node };
  });
}

/** Whether the machine is at a host, as nodes know of others: an address, or a name. */
export function hasAddress({ name, addresses }: Machine, host: string): boolean {
  return [addresses.public, addresses.private, name].includes(host);
}

/**
 * The entry with which a machine counts for the quorum: a manager's, from the moment that the leader has taken it in, though it may not take
 * part yet. After a new beginning, entries of managers of before do not count.
 * @param nodeId what the machine takes itself for; empty: it does not know, and its address tells
 */
export function findManagerEntry(
  nodes: readonly SwarmNode[],
  machine: Machine,
  nodeId = '',
): SwarmNode | undefined {
  const isIts = ({ id, managerAddress = '' }: SwarmNode): boolean =>
    nodeId === '' ? hasAddress(machine, hostOf(managerAddress)) : id === nodeId;
  return nodes.find((node) => node.reachability !== undefined && isIts(node));
}

export function named(members: readonly Member[]): NamedMember[] {
  return members.map((member) => ({ ...member, name: memberName(member) }));
}

/** What the person calls it. */
export function memberName({ node, machine }: Member): string {
  return machine?.name ?? (node.hostname || node.id);
}

function preferReady(nodes: readonly SwarmNode[]): SwarmNode | undefined {
  return nodes.find(({ status }) => status === 'ready') ?? nodes[0];
}
