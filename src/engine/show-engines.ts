import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { fanOut, type Outcome } from '../app/fan-out.js';
import { engineEndpoint, type Machine, requireSsh } from '../machines/model/machine.js';
import { waitForEngine } from './connect-engine.js';
import { describePlan, isEmptyPlan } from './model/engine-plan.js';
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
