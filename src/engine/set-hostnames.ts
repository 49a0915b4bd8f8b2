import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { runTasks, type Task } from '../app/run-tasks.js';
import { type Machine, requireSsh } from '../machines/model/machine.js';
import { applyPlan } from './apply-plan.js';
import { surveyMachine } from './gather-facts.js';
import { isEmptyPlan, planHostname } from './model/engine-plan.js';
import { provisionerFor } from './provisioners/index.js';

export interface Renamed {
  from: string;
  to: string;
}

/** Needs no restart: a swarm has the new name within 20 s (swarmkit, `nodeUpdatePeriod`). */
export function setHostnames(machines: readonly Machine[], context: Context): Promise<Outcome<Renamed>[]> {
  return runTasks<Renamed>(
    machines,
    {
      activity: 'given its host name',
      doneText: ({ from, to }) => (from === to ? 'hostname already set' : `hostname set (was ${from})`),
      run: setHostname,
    },
    context,
  );
}

async function setHostname(task: Task): Promise<Renamed> {
  const { subject: machine, context } = task;
  requireSsh(machine);
  const connection = await reach(machine, context);
  const survey = await surveyMachine(connection, context);
  const { facts } = survey;
  const plan = planHostname(provisionerFor(facts), facts, machine.name);
  if (!isEmptyPlan(plan)) await applyPlan(connection, plan, survey, task);
  return { from: facts.hostname, to: machine.name };
}
