import type { Outcome } from '../app/fan-out.js';
import { groupBy } from '../base/group-by.js';
import type { Machine } from '../machines/model/machine.js';
import { initSwarm } from '../swarm/init-swarm.js';
import { type JoinedMember, joinMembers } from '../swarm/join-swarm.js';
import { type Swarm, withSwarm } from '../swarm/session.js';
import { groupOf, machinesOf, type StageContext, type StepOf } from './stage-context.js';

export async function initClusterSwarm(
  steps: readonly StepOf<'init'>[],
  stage: StageContext,
): Promise<Outcome<unknown>[]> {
  const [machine] = machinesOf(steps, stage) as [Machine];
  const { availability } = groupOf(machine.name, stage.input);
  const value = await initSwarm(machine, { availability }, stage.context);
  stage.context.reporter.note(`${machine.name}: ${value.message}`);
  return [{ name: machine.name, status: 'ok', value }];
}

/** Workers at the same time, managers one at a time until one fails. */
export function joinGroups(
  steps: readonly StepOf<'join'>[],
  stage: StageContext,
): Promise<Outcome<unknown>[]> {
  const role = steps[0]?.role ?? 'worker';
  const alike = groupBy(machinesOf(steps, stage), ({ name }) => groupOf(name, stage.input).availability);
  return withSwarm({}, stage.context, async (swarm) => {
    const outcomes: Outcome<JoinedMember>[] = [];
    for (const machines of alike.values()) {
      const joined = await joinWithAvailability(machines, role, swarm, stage);
      outcomes.push(...joined);
      if (role === 'manager' && joined.some(({ status }) => status !== 'ok')) break;
    }
    return outcomes;
  });
}

function joinWithAvailability(
  machines: readonly Machine[],
  role: StepOf<'join'>['role'],
  swarm: Swarm,
  { input, context }: StageContext,
): Promise<Outcome<JoinedMember>[]> {
  const [first] = machines as [Machine];
  const { availability } = groupOf(first.name, input);
  return joinMembers(swarm, { machines, role, availability, stopAtFailure: true, quiet: true }, context);
}
