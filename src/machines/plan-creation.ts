import type { Context } from '../app/context.js';
import { fanOut, type Outcome } from '../app/fan-out.js';
import type { Step } from '../app/reporter.js';
import { explanationOf, UserError } from '../base/errors.js';
import { plural } from '../base/plural.js';
import { describePlan, type Plan } from '../engine/model/engine-plan.js';
import { planProvisioning } from '../engine/provision-engine.js';
import { firstLogin } from './adopt-servers.js';
import { type CreateInput, machinesToAdopt } from './create-machines.js';
import { hasNoSsh, type Machine, reachAddress } from './model/machine.js';
import { captureOriginalState } from './original-state.js';

export interface MachinePlan {
  name: string;
  address: string;
  /** For example `Debian GNU/Linux 13 (trixie)`. */
  system: string;
  /** The source of the engine; undefined: already installed. */
  install?: string;
  files: { path: string; change: 'write' | 'change'; why: string }[];
  commands: { run: string; why: string }[];
  /** Why the engine would restart; undefined: it keeps running. */
  restart?: string;
  /** Running containers, which belt starts again after a restart. */
  containers: number;
  /** All of the plan as text. */
  steps: string[];
}

/** Changes nothing. @throws UserError for a driver that creates its machines */
export async function planMachines(input: CreateInput, context: Context): Promise<Outcome<MachinePlan>[]> {
  const machines = await machinesToAdopt(input, context);
  if (!machines) {
    throw new UserError(
      `--dry-run works only with existing servers, and ${input.driver} creates its machines`,
      { hint: 'use it with -d generic' },
    );
  }
  const progress = context.reporter.open(machines.map(({ name }) => name));
  const plan = (machine: Machine): Promise<MachinePlan> =>
    planMachine(machine, input, (text) => progress.update(machine.name, text), context);
  const outcomes = await fanOut(machines, plan, {
    signal: context.signal,
    onEnd: (name, outcome) => {
      if (outcome.status === 'ok') progress.done(name, 'inspected');
      if (outcome.status === 'failed') progress.failed(name, explanationOf(outcome.error));
    },
  });
  await progress.close();
  return outcomes;
}

async function planMachine(
  machine: Machine,
  { timeoutMs }: CreateInput,
  step: Step,
  context: Context,
): Promise<MachinePlan> {
  const { name } = machine;
  const address = reachAddress(machine) ?? '';
  const emptyPlan = {
    name,
    address,
    system: '',
    files: [],
    commands: [],
    containers: 0,
    steps: ['nothing to do'],
  };
  if (hasNoSsh(machine)) return emptyPlan;
  const { connection, machine: loggedIn } = await firstLogin(machine, { timeoutMs, step }, context);
  step('inspecting the machine');
  const plan = await planProvisioning(loggedIn, connection, { step }, context);
  const { containers } = await captureOriginalState(machine.name, connection, context);
  return { ...emptyPlan, ...summarizePlan(plan, containers.length) };
}

function summarizePlan(plan: Plan, containers: number): Omit<MachinePlan, 'name' | 'address'> {
  const { system, install, files, commands, restart } = plan;
  const stopped = restart !== undefined && containers > 0;
  const restarted = `restart ${plural(containers, 'running container')}`;
  return {
    system,
    ...(install && { install: install.from }),
    files: files.map(({ path, exists, why }) => ({ path, change: exists ? 'change' : 'write', why })),
    commands: commands.map(({ run, why }) => ({ run, why })),
    ...(restart !== undefined && { restart }),
    containers,
    steps: [...describePlan(plan), ...(stopped ? [restarted] : [])],
  };
}
