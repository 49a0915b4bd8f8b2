import { type ClusterState, compare, type Difference, type Present, type Wanted } from './compare.js';

/** Machines first; then managers one by one; then workers; then the settings of nodes. */

export type PlanStep =
  /** `recreate`: the provider has lost the machine; its record is removed first. */
  | { does: 'create'; name: string; recreate: boolean }
  | { does: 'start'; name: string }
  /** Removes a stale node of an earlier machine of this name. */
  | { does: 'forget'; name: string; nodeId: string }
  /** Waits until the node is ready, and as a manager reachable. */
  | { does: 'await'; name: string }
  | { does: 'init'; name: string }
  | { does: 'join'; name: string; role: Wanted['role'] }
  | { does: 'promote' | 'demote'; name: string }
  /** Availability and labels, as the group has them. */
  | { does: 'set'; name: string }
  /** Applies the engine settings of its group. */
  | { does: 'engine'; name: string }
  | { does: 'resize'; name: string; size: string }
  /** Removes it from the swarm and destroys it. */
  | { does: 'remove'; name: string };

export interface PlanStage {
  /** `one by one`: a failure ends the stage. */
  order: 'together' | 'one by one';
  steps: readonly PlanStep[];
}

interface PlanOptions {
  /** Remove machines and nodes of no group. */
  prune: boolean;
}

/** No empty stages. While the swarm is unknown, machines are only created and started. */
export function planStages(
  wanted: readonly Wanted[],
  cluster: ClusterState,
  { prune }: PlanOptions,
): PlanStage[] {
  const plan = new Planner(wanted, cluster);
  const machines: PlanStage = { order: 'together', steps: plan.machines() };
  if (cluster.swarm === 'unknown') return machines.steps.length > 0 ? [machines] : [];
  const stages: PlanStage[] = [
    machines,
    { order: 'one by one', steps: plan.leftOvers() },
    { order: 'together', steps: plan.waits() },
    { order: 'one by one', steps: [...plan.newManagers(), ...plan.promotions()] },
    { order: 'one by one', steps: plan.demotions() },
    { order: 'together', steps: plan.newWorkers() },
    { order: 'together', steps: plan.nodeSettings() },
    { order: 'one by one', steps: plan.engines('manager') },
    { order: 'together', steps: plan.engines('worker') },
    { order: 'one by one', steps: plan.sizes() },
    { order: 'one by one', steps: prune ? plan.extras() : [] },
  ];
  return stages.filter(({ steps }) => steps.length > 0);
}

class Planner {
  private readonly differences: readonly { name: string; difference: Difference }[];
  private readonly present: ReadonlyMap<string, Present>;

  constructor(
    private readonly wanted: readonly Wanted[],
    private readonly cluster: ClusterState,
  ) {
    this.present = new Map(cluster.present.map((each) => [each.name, each]));
    this.differences = compare(wanted, cluster).flatMap(({ name, differences }) =>
      differences.map((difference) => ({ name, difference })),
    );
  }

  machines(): PlanStep[] {
    return this.of('machine').map(({ name, difference: { is } }): PlanStep => {
      const creates = is === 'missing' || is === 'unfinished';
      return creates
        ? { does: 'create', name, recreate: this.present.get(name)?.machine?.state === 'missing' }
        : { does: 'start', name };
    });
  }

  leftOvers(): PlanStep[] {
    return this.of('left-over node').map(({ name, difference }) => ({
      does: 'forget',
      name,
      nodeId: difference.is,
    }));
  }

  /** A node whose machine has just been started may still be listed as ready. */
  waits(): PlanStep[] {
    const started = this.machines().flatMap((step) =>
      step.does === 'start' && this.isNode(step.name) ? [step.name] : [],
    );
    const names = new Set([...started, ...this.of('node').map(({ name }) => name)]);
    return [...names].map((name) => ({ does: 'await', name }));
  }

  /** Without a swarm, the first one initializes it. */
  newManagers(): PlanStep[] {
    const managers = this.wanted.filter(({ name, role }) => role === 'manager' && !this.isNode(name));
    return managers.map(({ name }, index) =>
      index === 0 && this.cluster.swarm === 'none'
        ? { does: 'init', name }
        : { does: 'join', name, role: 'manager' },
    );
  }

  promotions(): PlanStep[] {
    return this.ofRole('worker').map((name) => ({ does: 'promote', name }));
  }

  demotions(): PlanStep[] {
    return this.ofRole('manager').map((name) => ({ does: 'demote', name }));
  }

  newWorkers(): PlanStep[] {
    const workers = this.wanted.filter(({ name, role }) => role === 'worker' && !this.isNode(name));
    return workers.map(({ name }) => ({ does: 'join', name, role: 'worker' }));
  }

  nodeSettings(): PlanStep[] {
    const names = new Set([...this.of('availability'), ...this.of('label')].map(({ name }) => name));
    return [...names].map((name) => ({ does: 'set', name }));
  }

  engines(role: Wanted['role']): PlanStep[] {
    const differing = new Set(this.of('engine').map(({ name }) => name));
    const nodes = this.wanted.filter((each) => each.role === role && differing.has(each.name));
    return nodes.map(({ name }) => ({ does: 'engine', name }));
  }

  sizes(): PlanStep[] {
    return this.of('size').map(({ name, difference: { wanted } }) => ({
      does: 'resize',
      name,
      size: wanted,
    }));
  }

  extras(): PlanStep[] {
    const named = new Set(this.wanted.map(({ name }) => name));
    return this.cluster.present.flatMap(({ name }) => (named.has(name) ? [] : [{ does: 'remove', name }]));
  }

  private of<W extends Difference['what']>(
    what: W,
  ): { name: string; difference: Extract<Difference, { what: W }> }[] {
    return this.differences.flatMap(({ name, difference }) =>
      difference.what === what ? [{ name, difference: difference as Extract<Difference, { what: W }> }] : [],
    );
  }

  /** Nodes that have this role and should have the other. */
  private ofRole(role: Wanted['role']): string[] {
    return this.of('role').flatMap(({ name, difference }) => (difference.is === role ? [name] : []));
  }

  private isNode(name: string): boolean {
    return this.present.get(name)?.node !== undefined;
  }
}
