import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import type { Task } from '../app/run-tasks.js';
import { machinePaths, readPair } from '../certs/certificate-files.js';
import { readClusterCertificates } from '../certs/cluster-certificates.js';
import type { ServerCertificate } from '../certs/model/certificate-terms.js';
import {
  type InstallCertificate,
  recordInstalled,
  serverCertificateFor,
} from '../certs/server-certificate.js';
import { isDirectlyReachable, type Machine } from '../machines/model/machine.js';
import type { Connection } from '../ssh/index.js';
import { applyPlan, runInstaller } from './apply-plan.js';
import { waitForEngine } from './connect-engine.js';
import { type Survey, surveyMachine } from './gather-facts.js';
import { isEmptyPlan, type Plan, type PlanInput, planEngine } from './model/engine-plan.js';
import { defaultEngineSettings, type EngineSettings } from './model/engine-settings.js';
import { refuseOtherEngines } from './model/other-engines.js';
import { refuseObstacles } from './model/preflight.js';
import { probeTls } from './probe-tls.js';
import { provisionerFor } from './provisioners/index.js';
import { requirePortsClosed } from './require-ports-closed.js';

interface ProvisionOptions {
  step: Step;
  /** Sets the machine's name as host name. */
  setHostname?: boolean;
  /** Called before the engine restarts; throwing prevents the change. */
  beforeRestart?: () => Promise<void>;
  /** Default: the result of `serverCertificateFor`. */
  certificate?: ServerCertificate;
}

export interface Provisioned {
  version: string;
  /** Whether anything was written, installed or restarted. */
  changed: boolean;
}

export function engineSettingsOf({ engine }: Pick<Machine, 'engine'>): EngineSettings {
  return engine ?? defaultEngineSettings;
}

/**
 * Brings the machine's engine in line with its record: installs it if missing, writes what differs
 * and restarts it only then. Two round trips over one connection, one when nothing differs.
 * @throws UserError for an obstacle; ExternalError with the engine's message after a rollback;
 * AbortError
 */
export async function provisionEngine(
  machine: Machine,
  connection: Connection,
  options: ProvisionOptions,
  context: Context,
): Promise<Provisioned> {
  const { step } = options;
  const task: Task = { subject: machine, step, context };
  step('inspecting the machine');
  const [input, first] = await Promise.all([
    planInput(machine, options, context),
    surveyBooted(connection, task),
  ]);
  let survey = first;
  let plan = createPlan(machine, survey, input);
  const { install } = plan;
  if (install || plan.restart !== undefined) await options.beforeRestart?.();
  if (install) {
    await installEngine(connection, install, survey, task);
    survey = await surveyMachine(connection, context, survey.password);
    plan = createPlan(machine, survey, input);
  }
  const changed = install !== undefined || !isEmptyPlan(plan);
  const version = isEmptyPlan(plan) ? undefined : await applyPlan(connection, plan, survey, task);
  if (input.certificate) await recordInstalled(machine.name, input.certificate, context);
  step('querying the engine');
  const engine = version ?? (await versionOverSsh(connection, context));
  await Promise.all([
    warnIfUnreachable(machine, input.settings, context),
    ...(version === undefined ? [] : [requirePortsClosed(machine, input.settings, connection, context)]),
  ]);
  return { version: engine, changed };
}

/** For `--dry-run`. @throws as `provisionEngine` */
export async function planProvisioning(
  machine: Machine,
  connection: Connection,
  options: ProvisionOptions,
  context: Context,
): Promise<Plan> {
  const survey = await surveyMachine(connection, context);
  const certificate = await existingCertificate(machine, context);
  return createPlan(machine, survey, { ...(await baseInput(machine, options, context)), certificate });
}

/** An empty certificate, which no machine has, stands for one not issued yet. */
async function existingCertificate({ name }: Machine, { cluster }: Context): Promise<ServerCertificate> {
  const [trust, pair] = await Promise.all([
    readClusterCertificates(cluster),
    readPair(machinePaths(cluster, name).server),
  ]);
  return { ca: trust?.trusted ?? '', certificate: pair.certificate ?? '', key: pair.key ?? '' };
}

async function planInput(machine: Machine, options: ProvisionOptions, context: Context): Promise<PlanInput> {
  const input = await baseInput(machine, options, context);
  if (input.settings.access !== 'secure') return input;
  return { ...input, certificate: options.certificate ?? (await serverCertificateFor(machine, context)) };
}

async function baseInput(
  machine: Machine,
  { setHostname }: ProvisionOptions,
  { templates }: Context,
): Promise<PlanInput> {
  const settings = engineSettingsOf(machine);
  return {
    settings,
    ...(setHostname && { hostname: machine.name }),
    ...(settings.tuneSwarm && { sysctl: await templates.render('engine/sysctl.conf') }),
  };
}

function createPlan({ name }: Machine, { facts, now }: Survey, input: PlanInput): Plan {
  refuseObstacles(name, facts, input.settings, now);
  refuseOtherEngines(name, facts, input.settings);
  return planEngine(provisionerFor(facts), facts, input);
}

/** Lets the first boot finish an installation in progress. */
async function surveyBooted(connection: Connection, task: Task): Promise<Survey> {
  const { context } = task;
  const survey = await surveyMachine(connection, context);
  const { dockerd, cloudInit, packageLockHolder } = survey.facts;
  const isBeingInstalled =
    dockerd !== undefined && cloudInit === 'running' && packageLockHolder !== undefined;
  if (!isBeingInstalled) return survey;
  await runInstaller(connection, ':', survey, task);
  return surveyMachine(connection, context, survey.password);
}

export async function installEngine(
  connection: Connection,
  { script: { name, values } }: NonNullable<Plan['install']>,
  survey: Survey,
  task: Task,
): Promise<void> {
  reportPackageLock(survey, task.step);
  const { templates } = task.context;
  const script = await templates.render(name, values);
  await runInstaller(connection, await templates.render('engine/install-new.sh', { script }), survey, task);
}

function reportPackageLock({ facts }: Survey, step: Step): void {
  if (facts.packageLockHolder !== undefined)
    step(`waiting for ${facts.packageLockHolder} to finish installing packages`);
}

/** The engine is known to run here: a client that cannot connect is blocked in between. */
async function warnIfUnreachable(
  machine: Machine,
  { access, port }: EngineSettings,
  context: Context,
): Promise<void> {
  if (access !== 'secure' || !isDirectlyReachable(machine)) return;
  const probe = await probeTls(machine, port, context);
  if (probe.reached) return;
  const advice = `open that port in its firewall, or: belt engine local ${machine.name}`;
  context.reporter.warn(
    `${machine.name}: its engine runs but cannot be reached from this computer (${probe.reason}); ${advice}`,
  );
}

function versionOverSsh(connection: Connection, { signal }: Context): Promise<string> {
  return waitForEngine(connection, { timeoutMs: 10_000, signal });
}

export function installOverSsh(context: Context): InstallCertificate {
  return async (machine, certificate, step) => {
    const connection = await reach(machine, context);
    await provisionEngine(machine, connection, { step, certificate }, context);
  };
}

/** An engine behind a jump host cannot be reached directly. */
export function verifyOverTls(context: Context): (machine: Machine) => Promise<void> {
  return async (machine) => {
    if (isDirectlyReachable(machine)) await probeTls(machine, engineSettingsOf(machine).port, context);
  };
}
