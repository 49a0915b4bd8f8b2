import type { Context } from '../app/context.js';
import type { Machine } from '../machines/model/machine.js';
import type { Group } from './model/group.js';
import type { PlanStep } from './model/plan-stages.js';
import type { Observation } from './observe-cluster.js';

export interface StageInput {
  groups: readonly Group[];
  /** Ignore the quorum. */
  force: boolean;
  /** Timeout from the start of a machine to the first response of its engine. */
  timeoutMs: number;
}

export interface StageContext {
  input: StageInput;
  observation: Observation;
  context: Context;
}

export type StepKind = PlanStep['does'];
export type StepOf<K extends StepKind> = Extract<PlanStep, { does: K }>;

export function namesOf(steps: readonly PlanStep[]): string[] {
  return steps.map(({ name }) => name);
}

export function machinesOf(steps: readonly PlanStep[], { observation }: StageContext): Machine[] {
  return steps.flatMap(({ name }) => observation.machines.get(name) ?? []);
}

export function groupOf(name: string, { groups }: StageInput): Group {
  const group = groups.find(({ nodes }) => nodes.includes(name));
  if (!group) throw new Error(`no group names ${name}`);
  return group;
}
