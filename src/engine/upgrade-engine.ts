import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Task } from '../app/run-tasks.js';
import { UserError } from '../base/errors.js';
import type { Template } from '../base/templates.js';
import { type Machine, requireSsh } from '../machines/model/machine.js';
import type { Connection } from '../ssh/index.js';
import { runInstaller } from './apply-plan.js';
import { waitForEngine } from './connect-engine.js';
import { type Survey, surveyMachine } from './gather-facts.js';
import { provisionEngine } from './provision-engine.js';
import { provisionerFor } from './provisioners/index.js';

export interface Upgraded {
  from: string;
  to: string;
}

/**
 * @param beforeRestart throws when the engine must not restart now
 * @throws UserError when the engine is part of the operating system; ExternalError
 */
export async function upgradeEngine(
  task: Task,
  beforeRestart: () => Promise<void> = async () => {},
): Promise<Upgraded> {
  const { subject: machine, step, context } = task;
  const { connection, survey, upgrade } = await requireUpgradable(machine, context);
  const from = await versionOf(connection, context);
  await beforeRestart();
  const script = await context.templates.render(upgrade.name, upgrade.values);
  await runInstaller(connection, `${script}\nrestart_if_stale`, survey, task);
  await provisionEngine(machine, connection, { step }, context);
  return { from, to: await versionOf(connection, context) };
}

/** Whether the package repositories have a newer engine. @throws as `upgradeEngine` */
export async function hasNewerEngine(machine: Machine, context: Context): Promise<boolean> {
  const { connection, survey, looksForNewer } = await requireUpgradable(machine, context);
  if (looksForNewer === undefined) return true;
  const script = await context.templates.render(looksForNewer.name, looksForNewer.values);
  const outputs = await runInstaller(connection, script, survey, {
    subject: machine,
    step: () => {},
    context,
  });
  return outputs.has('newer');
}

interface Upgradable {
  connection: Connection;
  survey: Survey;
  upgrade: Template;
  looksForNewer: Template | undefined;
}

async function requireUpgradable(machine: Machine, context: Context): Promise<Upgradable> {
  requireSsh(machine);
  const connection = await reach(machine, context);
  const survey = await surveyMachine(connection, context);
  const { upgrade, looksForNewer, name: provisioner } = provisionerFor(survey.facts);
  if (upgrade !== undefined && survey.facts.image === undefined)
    return { connection, survey, upgrade, looksForNewer };
  throw new UserError(
    `${machine.name}: on ${survey.facts.os.prettyName} the engine is part of the operating system`,
    { hint: `upgrade ${provisioner} to get a newer engine` },
  );
}

function versionOf(connection: Connection, { signal }: Context): Promise<string> {
  return waitForEngine(connection, { timeoutMs: 10_000, signal });
}
