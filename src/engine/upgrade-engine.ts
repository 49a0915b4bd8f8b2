import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Outcome } from '../app/fan-out.js';
import { whileClaimed } from '../app/with-claim.js';
import { UserError } from '../base/errors.js';
import { startMachines } from '../machines/lifecycle.js';
import { observe } from '../machines/list-machines.js';
import type { Machine } from '../machines/model/machine.js';
import type { Connection } from '../ssh/index.js';
import { type EngineWork, restartEngines } from '../swarm/rolling-restart.js';
import { runInstaller } from './apply-plan.js';
import { waitForEngine } from './connect-engine.js';
import { type Survey, surveyMachine } from './gather-facts.js';
import { provisionEngine } from './provision-engine.js';
import { refuseOnlyUrl } from './provision-machines.js';
import { provisionerFor } from './provisioners/index.js';

/** An engine's version before and after. */
export interface Upgraded {
  from: string;
  to: string;
}

/**
 * Brings the engines up to date with what their package repositories have. Stopped machines are started first, as docker-machine
 * does, and stay up. Managers of a swarm go one after the other.
 */
export async function upgradeMachines(
  machines: readonly Machine[],
  { force }: { force: boolean },
  context: Context,
): Promise<Outcome<Upgraded>[]> {
  const started = await startStopped(machines, context);
  const failed = new Map<string, Outcome<never>>();
  const running = new Map<string, Machine>();
  for (const outcome of started) {
    if (outcome.status === 'ok') running.set(outcome.name, outcome.value);
    else failed.set(outcome.name, outcome);
  }
  const ready = machines
    .filter(({ name }) => !failed.has(name))
    .map((machine) => running.get(machine.name) ?? machine);
  const doneText = ({ from, to }: Upgraded): string =>
    from === to ? `${to} is the newest already` : `upgraded from ${from} to ${to}`;
  const work: EngineWork<Upgraded>['work'] = (machine, step, mayRestart) =>
    upgradeEngine(machine, { step, mayRestart }, context);
  const names = ready.map(({ name }) => name);
  const upgraded = await whileClaimed(names, 'upgraded', context, () =>
    restartEngines(ready, { work, doneText, force }, context),
  );
  const byName = new Map(upgraded.map((outcome) => [outcome.name, outcome]));
  return machines.flatMap(({ name }) => byName.get(name) ?? failed.get(name) ?? []);
}

async function startStopped(machines: readonly Machine[], context: Context): Promise<Outcome<Machine>[]> {
  const rows = await observe(machines, context);
  const stopped = rows.filter(({ state }) => state === 'stopped').map(({ machine }) => machine);
  if (stopped.length === 0) return [];
  for (const { name } of stopped)
    context.reporter.note(`${name}: Starting machine so machine can be upgraded...`);
  return startMachines(stopped, context);
}

export interface UpgradeSteps {
  step: (text: string) => void;
  /** Throws where the engine must not be restarted now. */
  mayRestart?: () => Promise<void>;
}

/** Brings one machine's engine up to date. @throws UserError where the engine is a part of the system; ExternalError */
export async function upgradeEngine(
  machine: Machine,
  { step, mayRestart = async () => {} }: UpgradeSteps,
  context: Context,
): Promise<Upgraded> {
  const { signal } = context;
  const { connection, survey, upgrade: script } = await upgradable(machine, context);
  const from = await waitForEngine(connection, { timeoutMs: 10_000, signal });
  await mayRestart();
  await runInstaller(connection, `${script}\n${restartIfStale}`, survey, step, context);
  await provisionEngine(machine, connection, { step }, context);
  return { from, to: await versionOf(connection, signal) };
}

/** Whether the package repositories have another engine than the machine. @throws as `upgradeEngine` */
export async function hasNewerEngine(
  machine: Machine,
  step: (text: string) => void,
  context: Context,
): Promise<boolean> {
  const { connection, survey, looksForNewer } = await upgradable(machine, context);
  const told = await runInstaller(connection, looksForNewer, survey, step, context);
  return told.has('newer');
}

async function upgradable(
  machine: Machine,
  context: Context,
): Promise<{ connection: Connection; survey: Survey; upgrade: string; looksForNewer: string }> {
  refuseOnlyUrl(machine);
  const connection = await reach(machine, context);
  const survey = await surveyMachine(connection, context);
  const { upgrade, looksForNewer = 'tell newer yes', name: provisioner } = provisionerFor(survey.facts);
  if (upgrade !== undefined) return { connection, survey, upgrade, looksForNewer };
  throw new UserError(
    `${machine.name}: on ${survey.facts.os.prettyName} the engine is a part of the system`,
    {
      hint: `a newer ${provisioner} brings a newer engine`,
    },
  );
}

/** Packages restart the engine themselves, most of them. */
const restartIfStale = `running=$(docker --host unix:///var/run/docker.sock version --format '{{.Server.Version}}' 2>/dev/null)
case $(dockerd --version) in
*" $running,"*) ;;
*) step 'restarting the engine'
  if command -v systemctl >/dev/null; then systemctl daemon-reload; systemctl restart docker.service; else rc-service docker restart; fi >&2 || exit 1 ;;
esac`;

function versionOf(connection: Connection, signal: AbortSignal): Promise<string> {
  return waitForEngine(connection, { timeoutMs: 10_000, signal });
}
