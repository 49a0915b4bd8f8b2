import { isNothing, planHostname } from '../../engine/plan.js';
import type { Machine } from '../../machines/machine.js';
import type { Context } from '../context.js';
import { onEach } from '../each.js';
import type { Outcome } from '../fan-out.js';
import { reach } from '../machines/reach.js';
import { applyPlan } from './apply.js';
import { surveyMachine } from './facts.js';
import { refuseOnlyUrl } from './provision-machines.js';

export interface Renamed {
  from: string;
  to: string;
}

/**
 * Gives each machine its own name as host name. Engines need no restart for it: they look the name up when asked, and a swarm hears of it
 * within 20 s (swarmkit, agent/agent.go: `nodeUpdatePeriod`).
 */
export function setHostnames(machines: readonly Machine[], context: Context): Promise<Outcome<Renamed>[]> {
  return onEach<Renamed>(
    machines,
    {
      what: 'given its host name',
      doneText: ({ from, to }) => (from === to ? 'is called so already' : `was called ${from}`),
      run: (machine, step) => setHostname(machine, step, context),
    },
    context,
  );
}

async function setHostname(
  machine: Machine,
  step: (text: string) => void,
  context: Context,
): Promise<Renamed> {
  refuseOnlyUrl(machine);
  const connection = await reach(machine, context);
  const survey = await surveyMachine(connection, context);
  const plan = planHostname(survey.facts, machine.name);
  if (!isNothing(plan)) await applyPlan(connection, plan, survey, step, context);
  return { from: survey.facts.hostname, to: machine.name };
}
