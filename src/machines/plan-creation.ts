import type { Context } from '../app/context.js';
import { fanOut, type Outcome } from '../app/fan-out.js';
import type { Step } from '../app/reporter.js';
import { explanationOf } from '../base/errors.js';
import { plural } from '../base/plural.js';
import type { CreationPlan } from '../drivers/driver.js';
import { describePlan, type Plan } from '../engine/model/engine-plan.js';
import { planProvisioning } from '../engine/provision-engine.js';
import { firstLogin } from './adopt-servers.js';
import { type CreateInput, checkCreation, specOf } from './create-machines.js';
import { hasNoSsh, type Machine, reachAddress } from './model/machine.js';
import { formatMemory, formatPrice, sameSize } from './model/sizes.js';
import { captureOriginalState } from './original-state.js';

export interface MachinePlan extends CreationPlan {
  /** Empty for a machine that does not exist yet, as `system`. */
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

/** Changes nothing. @throws UserError for what cannot be created */
export async function planMachines(input: CreateInput, context: Context): Promise<Outcome<MachinePlan>[]> {
  const { driver, adoptions, toCreate } = await checkCreation(input, context);
  if (adoptions) return planAdoptions(toCreate, input, context);
  const plans = (await driver.plan?.(toCreate.map(specOf), context.signal)) ?? [];
  const planned = new Map(plans.map((plan) => [plan.name, plan]));
  return toCreate.map((machine) => {
    const { name, size } = machine;
    const plan = planned.get(name) ?? { name, ...(size !== undefined && { size }) };
    return {
      name,
      status: 'ok',
      value: { ...emptyPlan(name), ...plan, steps: creationSteps(plan, machine) },
    };
  });
}

function creationSteps(plan: CreationPlan, { driver, id }: Machine): string[] {
  const { size = '', memory, image, region, monthlyPrice } = plan;
  const amount = memory === undefined || sameSize(size, `${memory}`) ? '' : ` (${formatMemory(memory)})`;
  const details = [
    `driver ${driver}`,
    size && `size ${size}${amount}`,
    image && `image ${image}`,
    region && `region ${region}`,
    monthlyPrice !== undefined && formatPrice(monthlyPrice),
  ];
  return [
    `${id === undefined ? 'create' : 'finish creating'} it: ${details.filter(Boolean).join(', ')}`,
    'set up Docker Engine, and install it unless the image has it',
  ];
}

async function planAdoptions(
  machines: readonly Machine[],
  input: CreateInput,
  context: Context,
): Promise<Outcome<MachinePlan>[]> {
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
  const unchanged = { ...emptyPlan(name), address };
  if (hasNoSsh(machine)) return unchanged;
  const { connection, machine: loggedIn } = await firstLogin(machine, { timeoutMs, step }, context);
  step('inspecting the machine');
  const plan = await planProvisioning(loggedIn, connection, { step }, context);
  const { containers } = await captureOriginalState(machine.name, connection, context);
  return { ...unchanged, ...summarizePlan(plan, containers.length) };
}

function emptyPlan(name: string): MachinePlan {
  return {
    name,
    address: '',
    system: '',
    files: [],
    commands: [],
    containers: 0,
    steps: ['nothing to do'],
  };
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
