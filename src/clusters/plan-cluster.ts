import type { Context } from '../app/context.js';
import { findOutdatedEngines, type OutdatedEngine } from '../engine/show-engines.js';
import type { Machine } from '../machines/model/machine.js';
import { managerCountAdvice } from '../swarm/model/quorum.js';
import { findImmutable, type ImmutableDifference, immutableTexts } from './immutable-settings.js';
import { compare, type NodeDifference, wantedOf } from './model/compare.js';
import type { Group } from './model/group.js';
import { type PlanStage, planStages } from './model/plan-stages.js';
import { type Observation, observeCluster } from './observe-cluster.js';

export interface ClusterPlanInput {
  groups: readonly Group[];
  /** Remove machines and nodes of no group. */
  prune: boolean;
}

export interface ClusterPlan {
  differences: NodeDifference[];
  stages: PlanStage[];
  /** Differences that cannot be changed; they are not in `differences` and have no step. */
  fixed: ImmutableDifference[];
  /** Machines of the groups whose engines do not run what is recorded. */
  engines: OutdatedEngine[];
  obstacle?: string;
}

/** For inspecting a machine; slower ones are omitted. */
const inspectTimeoutMs = 10_000;

/** Changes nothing. @throws as `observeCluster` */
export async function planCluster(input: ClusterPlanInput, context: Context): Promise<ClusterPlan> {
  for (const advice of managerAdvice(input.groups)) context.reporter.warn(advice);
  const { differences, stages, fixed, observation } = await observeAndPlan(input, context);
  const { obstacle } = observation;
  if (obstacle && stages.length === 0) throw obstacle;
  for (const text of immutableTexts(fixed)) context.reporter.warn(text);
  const engines = await findOutdatedEngines(runningMachines(input, observation), inspectTimeoutMs, context);
  return { differences, stages, fixed, engines, ...(obstacle && { obstacle: obstacle.message }) };
}

function runningMachines({ groups }: ClusterPlanInput, { cluster, machines }: Observation): Machine[] {
  const wanted = new Set(groups.flatMap(({ nodes }) => nodes));
  return cluster.present.flatMap(({ name, machine }) =>
    wanted.has(name) && machine?.state === 'running' ? (machines.get(name) ?? []) : [],
  );
}

export interface ObservedPlan extends Omit<ClusterPlan, 'obstacle' | 'engines'> {
  observation: Observation;
}

export async function observeAndPlan(
  { groups, prune }: ClusterPlanInput,
  context: Context,
): Promise<ObservedPlan> {
  const observation = await observeCluster(groups, context);
  const wanted = wantedOf(groups);
  return {
    differences: compare(wanted, observation.cluster),
    stages: planStages(wanted, observation.cluster, { prune }),
    fixed: await findImmutable(groups, observation, context),
    observation,
  };
}

export function managerAdvice(groups: readonly Group[]): string[] {
  const managers = groups.filter(({ role }) => role === 'manager');
  return managerCountAdvice(managers.reduce((count, { nodes }) => count + nodes.length, 0));
}
