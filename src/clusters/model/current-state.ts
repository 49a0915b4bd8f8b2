import { defaultEngineSettings } from '../../engine/model/engine-settings.js';
import { hasNoSsh, type Machine, type MachineState } from '../../machines/model/machine.js';
import { type Member, memberName } from '../../swarm/model/members.js';
import { isNodeReady, type SwarmNode } from '../../swarm/model/swarm-node.js';
import type { Present, PresentNode } from './compare.js';

export interface MachineWithState {
  machine: Machine;
  state: MachineState;
}

/** A node that is not ready and whose machine is missing is stale. */
export function presentOf(machines: readonly MachineWithState[], members: readonly Member[]): Present[] {
  const nodes = new Map(
    members.flatMap(({ node, machine }) => (machine ? [[machine.name, node] as const] : [])),
  );
  const present = new Map<string, Present>();
  for (const { machine, state } of machines)
    present.set(machine.name, ofMachine(machine, state, nodes.get(machine.name)));
  for (const member of members) {
    if (member.machine) continue;
    const name = memberName(member);
    const other = present.get(name) ?? { name, stale: [] };
    const node = presentNode(member.node);
    if (member.node.status !== 'ready') present.set(name, { ...other, stale: [...other.stale, node] });
    else if (other.machine || other.node) present.set(node.id, { name: node.id, node, stale: [] });
    else present.set(name, { ...other, node });
  }
  return [...present.values()];
}

function ofMachine(machine: Machine, state: MachineState, node: SwarmNode | undefined): Present {
  const { name, phase, size, memory, engine } = machine;
  const isStale = state === 'missing' && node?.status !== 'ready';
  return {
    name,
    machine: {
      state,
      finished: phase === 'ready',
      ...(size !== undefined && { size }),
      ...(memory !== undefined && { memory }),
      ...(!hasNoSsh(machine) && { engine: engine ?? defaultEngineSettings }),
    },
    ...(node && !isStale && { node: presentNode(node) }),
    stale: node && isStale ? [presentNode(node)] : [],
  };
}

function presentNode(node: SwarmNode): PresentNode {
  const { id, role, availability, labels } = node;
  return { id, role, ready: isNodeReady(node), availability, labels };
}
