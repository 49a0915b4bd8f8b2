import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import type { EngineWork } from '../app/rolling-restart.js';
import { whileClaimed } from '../app/with-claim.js';
import { type Machine, requireSsh } from '../machines/model/machine.js';
import { type EngineAccess, type EngineSettings, enginePorts } from './model/engine-settings.js';
import { engineSettingsOf, type Provisioned, provisionEngine } from './provision-engine.js';

export function provisionMachines(
  machines: readonly Machine[],
  { setHostname, force = false }: { setHostname: boolean; force?: boolean },
  context: Context,
): Promise<Outcome<Provisioned>[]> {
  return provisionEach(machines, engineSettingsOf, { setHostname, force }, context);
}

/** Each record is saved once its engine has the new access. */
export function changeAccess(
  access: EngineAccess,
  machines: readonly Machine[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<Provisioned>[]> {
  const settings = (machine: Machine): EngineSettings => {
    const before = engineSettingsOf(machine);
    return before.access === access ? before : { ...before, access, port: portFor(access, before) };
  };
  return changeSettings(settings, machines, { force }, context);
}

/** Each record is saved once its engine has the new settings. */
export function changeSettings(
  settingsOf: (machine: Machine) => EngineSettings,
  machines: readonly Machine[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<Provisioned>[]> {
  return provisionEach(machines, settingsOf, { setHostname: false, force }, context);
}

/** A default port follows the access; a custom port is kept. */
function portFor(access: EngineAccess, before: EngineSettings): number {
  return before.port === enginePorts[before.access] ? enginePorts[access] : before.port;
}

function provisionEach(
  machines: readonly Machine[],
  settingsOf: (machine: Machine) => EngineSettings,
  { setHostname, force }: { setHostname: boolean; force: boolean },
  context: Context,
): Promise<Outcome<Provisioned>[]> {
  const work: EngineWork<Provisioned>['work'] = async (machine, step, beforeRestart) => {
    requireSsh(machine);
    await (await context.abandonedManagers()).leaveOldSwarm(machine, step);
    const wanted: Machine = { ...machine, engine: settingsOf(machine) };
    const connection = await reach(machine, context);
    const options = { step, setHostname, beforeRestart };
    const provisioned = await provisionEngine(wanted, connection, options, context);
    await context.cluster.save(wanted);
    return provisioned;
  };
  const doneMessage = ({ changed }: Provisioned): string => (changed ? 'provisioned' : 'already up to date');
  return whileClaimed(machines, 'provisioned', context, async () => {
    const { restartEngines } = await context.rollingRestart();
    return restartEngines(machines, { work, doneMessage, force });
  });
}
