import type { Outcome } from '../app/fan-out.js';
import { groupBy } from '../base/group-by.js';
import type { Machine } from '../machines/model/machine.js';
import { initSwarm } from '../swarm/init-swarm.js';
import { type JoinedMember, joinMembers } from '../swarm/join-swarm.js';
import { type Swarm, withSwarm } from '../swarm/session.js';
import { groupOf, machinesOf, type StepOf, type Work } from './stage-work.js';

export async function beginSwarm(steps: readonly StepOf<'init'>[], work: Work): Promise<Outcome<unknown>[]> {
  const [machine] = machinesOf(steps, work) as [Machine];
  const { availability } = groupOf(machine.name, work.input);
  const value = await initSwarm(machine, { availability }, work.context);
  work.context.reporter.note(`${machine.name}: ${value.message}`);
  return [{ name: machine.name, status: 'ok', value }];
}

/**
 * Has machines join the cluster's swarm, with the availability that they are to have: workers at
 * the same time, managers one by one, and none after one that did not come.
 */
export function joinAll(steps: readonly StepOf<'join'>[], work: Work): Promise<Outcome<unknown>[]> {
  const role = steps[0]?.role ?? 'worker';
  const alike = groupBy(machinesOf(steps, work), ({ name }) => groupOf(name, work.input).availability);
  return withSwarm({}, work.context, async (swarm) => {
    const outcomes: Outcome<JoinedMember>[] = [];
    for (const machines of alike.values()) {
      const joined = await joinAlike(machines, role, swarm, work);
      outcomes.push(...joined);
      if (role === 'manager' && joined.some(({ status }) => status !== 'ok')) break;
    }
    return outcomes;
  });
}

function joinAlike(
  machines: readonly Machine[],
  role: StepOf<'join'>['role'],
  swarm: Swarm,
  { input, context }: Work,
): Promise<Outcome<JoinedMember>[]> {
  const [first] = machines as [Machine];
  const { availability } = groupOf(first.name, input);
  return joinMembers(swarm, { machines, role, availability, stopAtFailure: true, quiet: true }, context);
}
