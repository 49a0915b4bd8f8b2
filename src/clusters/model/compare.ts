import {
  type EngineChange,
  type EngineChangeRequest,
  engineChanges,
} from '../../engine/model/engine-changes.js';
import type { EngineSettings } from '../../engine/model/engine-settings.js';
import type { MachineState } from '../../machines/model/machine.js';
import { parseSize, sameSize } from '../../machines/model/sizes.js';
import type { Role } from '../../swarm/model/swarm-node.js';
import type { Availability, Group } from './group.js';

export interface Wanted {
  name: string;
  group: string;
  role: Role;
  size?: string;
  availability: Availability;
  labels: Readonly<Record<string, string>>;
  /** Omitted: the engine is left as it is. */
  engine?: EngineChangeRequest;
}

/** What exists under a name: a machine, a node of the swarm, or both. */
export interface Present {
  name: string;
  machine?: PresentMachine;
  /** The machine's node; without a machine, a node not managed by belt. */
  node?: PresentNode;
  /** Stale nodes of earlier machines of this name. */
  stale: readonly PresentNode[];
}

interface PresentMachine {
  /** `missing`: recorded, but not found at the provider. */
  state: MachineState;
  /** Its creation has finished. */
  finished: boolean;
  size?: string;
  /** Mebibytes. */
  memory?: number;
  /** Undefined for machines that belt does not provision. */
  engine?: EngineSettings;
}

export interface PresentNode {
  id: string;
  role: Role;
  /** The node is ready, and reachable if it is a manager. */
  ready: boolean;
  availability: string;
  labels: Readonly<Record<string, string>>;
}

export interface ClusterState {
  /** `unknown`: machines are off or do not respond; nodes are then not compared. */
  swarm: 'present' | 'none' | 'unknown';
  present: readonly Present[];
}

export type Difference =
  | { what: 'machine'; is: MachineState | 'unfinished'; wanted: 'running' }
  | { what: 'size'; is: string; wanted: string }
  | ({ what: 'engine' } & EngineChange)
  | { what: 'node'; is: 'not ready'; wanted: 'ready' }
  | { what: 'left-over node'; is: string; wanted: 'removed' }
  | { what: 'role'; is: Role | 'none'; wanted: Role }
  | { what: 'availability'; is: string; wanted: Availability }
  | { what: 'label'; key: string; is?: string; wanted: string };

export interface NodeDifference {
  name: string;
  /** Undefined: no group names it. */
  group?: string;
  /** `missing`: the machine does not exist or is not in the swarm. `extra`: no group names it. */
  status: 'missing' | 'different' | 'extra';
  differences: readonly Difference[];
}

export function wantedOf(groups: readonly Group[]): Wanted[] {
  return groups.flatMap(({ name: group, nodes, role, size, availability, labels, engine, ownEngineKeys }) =>
    nodes.map((name) => ({
      name,
      group,
      role,
      ...(size !== undefined && { size }),
      availability,
      labels,
      engine: { settings: engine, keys: ownEngineKeys },
    })),
  );
}

/** In the order of the groups, followed by what no group names. Empty when the cluster matches. */
export function compare(wanted: readonly Wanted[], { present, swarm }: ClusterState): NodeDifference[] {
  const byName = new Map(present.map((each) => [each.name, each]));
  const named = new Set(wanted.map(({ name }) => name));
  const differing = wanted.flatMap((each): NodeDifference[] => {
    const differences = differencesOf(each, byName.get(each.name), swarm);
    if (differences.length === 0) return [];
    return [{ name: each.name, group: each.group, status: statusOf(differences), differences }];
  });
  const extra = present
    .filter(({ name }) => !named.has(name))
    .map(({ name }): NodeDifference => ({ name, status: 'extra', differences: [] }));
  return [...differing, ...extra];
}

function statusOf(differences: readonly Difference[]): NodeDifference['status'] {
  const missing = differences.some(
    ({ what, is }) => (what === 'machine' && (is === 'missing' || is === 'unfinished')) || is === 'none',
  );
  return missing ? 'missing' : 'different';
}

function differencesOf(
  wanted: Wanted,
  present: Present | undefined,
  swarm: ClusterState['swarm'],
): Difference[] {
  const { machine, node, stale = [] } = present ?? {};
  return [
    ...machineDifference(machine),
    ...(machine ? sizeDifference(wanted, machine) : []),
    ...(machine ? engineDifferences(wanted, machine) : []),
    ...stale.map(({ id }): Difference => ({ what: 'left-over node', is: id, wanted: 'removed' })),
    ...(swarm === 'unknown' ? [] : nodeDifferences(wanted, node)),
  ];
}

function machineDifference(machine: PresentMachine | undefined): Difference[] {
  const is = !machine
    ? 'missing'
    : machine.state === 'missing' || machine.finished
      ? machine.state
      : 'unfinished';
  return is === 'running' ? [] : [{ what: 'machine', is, wanted: 'running' }];
}

/** An unknown size is not compared. */
function sizeDifference(
  { size: wanted }: Wanted,
  { size, memory, finished, state }: PresentMachine,
): Difference[] {
  if (wanted === undefined || !finished || state === 'missing') return [];
  // The provider may have rounded the requested size up.
  if (size !== undefined && sameSize(size, wanted)) return [];
  if (memory !== undefined && memory === parseSize(wanted)?.memoryMb) return [];
  const is = size ?? (memory === undefined ? undefined : `${memory}mb`);
  return is === undefined ? [] : [{ what: 'size', is, wanted }];
}

function engineDifferences(
  { engine: wanted }: Wanted,
  { engine, finished, state }: PresentMachine,
): Difference[] {
  if (!wanted || !engine || !finished || state === 'missing') return [];
  return engineChanges(engine, wanted).map((change) => ({ what: 'engine', ...change }));
}

function nodeDifferences(wanted: Wanted, node: PresentNode | undefined): Difference[] {
  const { role = 'none', availability = 'active', labels = {}, ready = true } = node ?? {};
  const odd = Object.entries(wanted.labels).filter(([key, value]) => labels[key] !== value);
  return [
    ...(ready ? [] : [{ what: 'node', is: 'not ready', wanted: 'ready' } as const]),
    ...(role === wanted.role ? [] : [{ what: 'role', is: role, wanted: wanted.role } as const]),
    ...(availability === wanted.availability
      ? []
      : [{ what: 'availability', is: availability, wanted: wanted.availability } as const]),
    ...odd.map(([key, value]): Difference => {
      const is = labels[key];
      return { what: 'label', key, ...(is !== undefined && { is }), wanted: value };
    }),
  ];
}
