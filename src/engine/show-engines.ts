import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { fanOut, type Outcome, queryAll } from '../app/fan-out.js';
import { withTimeout } from '../base/with-timeout.js';
import { engineEndpoint, hasNoSsh, type Machine, requireSsh } from '../machines/model/machine.js';
import { waitForEngine } from './connect-engine.js';
import { describePlan, isEmptyPlan, type Plan } from './model/engine-plan.js';
import type { EngineSettings } from './model/engine-settings.js';
import { engineSettingsOf, planProvisioning } from './provision-engine.js';

export interface EngineView {
  name: string;
  /** Such as `Debian GNU/Linux 13 (trixie)`. */
  system: string;
  provisioner: string;
  version: string;
  url: string;
  settings: EngineSettings;
  /** What `belt provision` would do. */
  pending: string[];
}

/** Changes nothing. */
export function showEngines(machines: readonly Machine[], context: Context): Promise<Outcome<EngineView>[]> {
  return fanOut(machines, (machine) => showEngine(machine, context), { signal: context.signal });
}

/** An engine whose files or running options differ from its record. */
export interface OutdatedEngine {
  name: string;
  /** What `belt provision` would do. */
  pending: string[];
}

/** Changes nothing. Omits machines that cannot be inspected within the timeout. */
export async function findOutdatedEngines(
  machines: readonly Machine[],
  timeoutMs: number,
  context: Context,
): Promise<OutdatedEngine[]> {
  const query = (machine: Machine): Promise<Plan> =>
    withTimeout(timeoutMs, context.signal, async (signal) => {
      const limited = { ...context, signal };
      const connection = await reach(machine, limited);
      return planProvisioning(machine, connection, { step: () => {} }, limited);
    });
  const withSsh = machines.filter((machine) => !hasNoSsh(machine));
  const { answers } = await queryAll(withSsh, query, context.signal);
  return answers.flatMap(({ subject: { name }, value }) =>
    isEmptyPlan(value) ? [] : [{ name, pending: describePlan(value) }],
  );
}

async function showEngine(machine: Machine, context: Context): Promise<EngineView> {
  requireSsh(machine);
  const connection = await reach(machine, context);
  const plan = await planProvisioning(machine, connection, { step: () => {} }, context);
  const missing = plan.install !== undefined;
  const { signal } = context;
  const version = missing ? '' : await waitForEngine(connection, { timeoutMs: 1_000, signal });
  return {
    name: machine.name,
    system: plan.system,
    provisioner: plan.provisioner.name,
    version,
    url: engineEndpoint(machine)?.url ?? '',
    settings: engineSettingsOf(machine),
    pending: isEmptyPlan(plan) ? [] : describePlan(plan),
  };
}
