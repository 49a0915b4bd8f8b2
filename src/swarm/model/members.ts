import { groupBy } from '../../base/group-by.js';
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
  const { atAddress, withName } = indexEntries(nodes);
  const byId = groupBy(nodes, ({ id }) => id);
  const reported: Entries = ({ name }) => byId.get(ownIds.get(name) ?? '') ?? [];
  for (const entriesOf of [reported, atAddress, withName]) {
    const known = new Set(assigned.values());
    for (const machine of machines) {
      if (known.has(machine)) continue;
      const node = preferReady(entriesOf(machine).filter((entry) => !assigned.has(entry)));
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
  const { atAddress, withName } = indexEntries(nodes.filter(({ status }) => status !== 'down'));
  return machines.filter((machine) => new Set([...atAddress(machine), ...withName(machine)]).size > 1);
}

type Entries = (machine: Machine) => readonly SwarmNode[];

/** A swarm may have thousands of nodes. */
function indexEntries(nodes: readonly SwarmNode[]): { atAddress: Entries; withName: Entries } {
  const byAddress = groupBy(nodes, ({ address }) => address);
  const byName = groupBy(nodes, ({ hostname }) => hostname);
  return {
    atAddress: ({ addresses }) =>
      [addresses.public, addresses.private].flatMap((address) =>
        address ? (byAddress.get(address) ?? []) : [],
      ),
    withName: ({ name }) => byName.get(name) ?? [],
  };
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
  const byName = groupBy(members, ({ name }) => name);
  return members.map(({ name, node: { id, hostname } }) => {
    if ((byName.get(name)?.length ?? 0) > 1) return `${name} (${id})`;
    return hostname === '' || hostname === name ? name : `${name} (${hostname})`;
  });
}

export function memberName({ node, machine }: Member): string {
  return machine?.name ?? (node.hostname || node.id);
}

function preferReady(nodes: readonly SwarmNode[]): SwarmNode | undefined {
  return nodes.find(({ status }) => status === 'ready') ?? nodes[0];
}
