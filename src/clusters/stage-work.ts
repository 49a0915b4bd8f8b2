import type { Context } from '../app/context.js';
import type { Machine } from '../machines/model/machine.js';
import type { Group } from './model/group.js';
import type { Step } from './model/plan-stages.js';
import type { Observation } from './observe-cluster.js';

export interface StepsInput {
  groups: readonly Group[];
  /** Whatever it does to the quorum. */
  force: boolean;
  /**
   * How long a machine may take from the provider's word that it runs to the engine's first answer.
   */
  timeoutMs: number;
}

/** What the steps of a stage are done with. */
export interface Work {
  input: StepsInput;
  observation: Observation;
  context: Context;
}

export type Kind = Step['does'];
export type StepOf<K extends Kind> = Extract<Step, { does: K }>;

export function namesOf(steps: readonly Step[]): string[] {
  return steps.map(({ name }) => name);
}

/** The recorded machines of the steps. */
export function machinesOf(steps: readonly Step[], { observation }: Work): Machine[] {
  return steps.flatMap(({ name }) => observation.machines.get(name) ?? []);
}

/** The group that names a machine. */
export function groupOf(name: string, { groups }: StepsInput): Group {
  const group = groups.find(({ nodes }) => nodes.includes(name));
  if (!group) throw new Error(`no group names ${name}`);
  return group;
}
