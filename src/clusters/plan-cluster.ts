import type { Context } from '../app/context.js';
import { managerCountAdvice } from '../swarm/model/quorum.js';
import { type Fixed, fixedOf, fixedTexts } from './immutable-settings.js';
import { compare, type NodeDifference, wantedOf } from './model/compare.js';
import type { Group } from './model/group.js';
import { planStages, type Stage } from './model/plan-stages.js';
import { type Observation, observeCluster } from './observe-cluster.js';

export interface PlanInput {
  groups: readonly Group[];
  /** Remove what no group names. */
  prune: boolean;
}

/** What is missing, extra and different, and the steps that change it. */
export interface ClusterPlan {
  differences: NodeDifference[];
  stages: Stage[];
  /** What differs and cannot be changed: none of the differences, and no step. */
  fixed: Fixed[];
  /** Why the swarm could not be compared. */
  obstacle?: string;
}

/** Looks, and changes nothing. @throws as `observeCluster` */
export async function planCluster(input: PlanInput, context: Context): Promise<ClusterPlan> {
  for (const advice of adviceFor(input.groups)) context.reporter.warn(advice);
  const { differences, stages, fixed, observation } = await lookAndPlan(input, context);
  const { obstacle } = observation;
  if (obstacle && stages.length === 0) throw obstacle;
  for (const text of fixedTexts(fixed)) context.reporter.warn(text);
  return { differences, stages, fixed, ...(obstacle && { obstacle: obstacle.message }) };
}

export interface PlanNow extends Omit<ClusterPlan, 'obstacle'> {
  observation: Observation;
}

export async function lookAndPlan({ groups, prune }: PlanInput, context: Context): Promise<PlanNow> {
  const observation = await observeCluster(groups, context);
  const wanted = wantedOf(groups);
  return {
    differences: compare(wanted, observation.cluster),
    stages: planStages(wanted, observation.cluster, { prune }),
    fixed: await fixedOf(groups, observation, context),
    observation,
  };
}

/** Advice on the number of managers. */
export function adviceFor(groups: readonly Group[]): string[] {
  const managers = groups.filter(({ role }) => role === 'manager');
  return managerCountAdvice(managers.reduce((count, { nodes }) => count + nodes.length, 0));
}
