import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { UserError } from '../base/errors.js';
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

interface UpgradeSteps {
  step: Step;
  /** Throws when the engine must not restart now. */
  beforeRestart?: () => Promise<void>;
}

/** @throws UserError when the engine is part of the operating system; ExternalError */
export async function upgradeEngine(
  machine: Machine,
  { step, beforeRestart = async () => {} }: UpgradeSteps,
  context: Context,
): Promise<Upgraded> {
  const { signal } = context;
  const { connection, survey, upgrade: script } = await requireUpgradable(machine, context);
  const from = await waitForEngine(connection, { timeoutMs: 10_000, signal });
  await beforeRestart();
  await runInstaller(connection, `${script}\n${restartIfStale}`, survey, step, context);
  await provisionEngine(machine, connection, { step }, context);
  return { from, to: await versionOf(connection, signal) };
}

/** Whether the package repositories have a newer engine. @throws as `upgradeEngine` */
export async function hasNewerEngine(machine: Machine, step: Step, context: Context): Promise<boolean> {
  const { connection, survey, looksForNewer } = await requireUpgradable(machine, context);
  const outputs = await runInstaller(connection, looksForNewer, survey, step, context);
  return outputs.has('newer');
}

async function requireUpgradable(
  machine: Machine,
  context: Context,
): Promise<{ connection: Connection; survey: Survey; upgrade: string; looksForNewer: string }> {
  requireSsh(machine);
  const connection = await reach(machine, context);
  const survey = await surveyMachine(connection, context);
  const { upgrade, looksForNewer = 'tell newer yes', name: provisioner } = provisionerFor(survey.facts);
  if (upgrade !== undefined) return { connection, survey, upgrade, looksForNewer };
  throw new UserError(
    `${machine.name}: on ${survey.facts.os.prettyName} the engine is part of the operating system`,
    {
      hint: `upgrade ${provisioner} to get a newer engine`,
    },
  );
}

/** Most packages restart the engine themselves. */
const restartIfStale = `running=$(docker --host unix:///var/run/docker.sock version --format '{{.Server.Version}}' 2>/dev/null)
case $(dockerd --version) in
*" $running,"*) ;;
*) step 'restarting the engine'
  if command -v systemctl >/dev/null; then systemctl daemon-reload; systemctl restart docker.service; else rc-service docker restart; fi >&2 || exit 1 ;;
esac`;

function versionOf(connection: Connection, signal: AbortSignal): Promise<string> {
  return waitForEngine(connection, { timeoutMs: 10_000, signal });
}
