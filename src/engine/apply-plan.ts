import type { Task } from '../app/run-tasks.js';
import { quoteArgs } from '../base/quote-args.js';
import type { Connection } from '../ssh/index.js';
import type { Survey } from './gather-facts.js';
import { proxyVariables } from './model/daemon-options.js';
import type { Plan } from './model/engine-plan.js';
import { defaultEngineSettings } from './model/engine-settings.js';
import type { EngineFile, ServiceCommands } from './model/provisioner.js';
import { runScript, type ScriptOutput } from './run-script.js';

/** A broken engine fails at once; this allows for restarting thousands of containers. */
const restartSeconds = 90;
/** Enough for a restart, a rollback and the start of the containers. */
const applyTimeoutMs = 300_000;
const installTimeoutMs = 30 * 60_000;

/**
 * Applies a plan in one round trip; restores the previous files on failure.
 * @returns the version of the restarted engine; undefined when no restart was needed
 * @throws ExternalError with the engine's own message; UserError, AbortError
 */
export async function applyPlan(
  connection: Connection,
  plan: Plan,
  survey: Survey,
  { step, context }: Task,
): Promise<string | undefined> {
  const { commands } = plan.provisioner.service;
  const values = {
    ...serviceValues(commands),
    restartSeconds: String(restartSeconds),
    files: plan.files.map(stageLine).join('\n'),
    changes: [
      ...(plan.restart === undefined ? [] : ['engine']),
      ...(plan.commands.length > 0 ? ['commands'] : []),
    ].join(' '),
    commands: plan.commands.map(({ run, why }) => quoteArgs(['optional', why, run])).join('\n'),
    finish:
      plan.restart === undefined
        ? ''
        : ['validate', `{ ${commands.reload}; } >&2`, 'restart_engine'].join('\n'),
  };
  const script = { template: 'engine/apply.sh', values, step, timeoutMs: applyTimeoutMs };
  const { outputs } = await runScript(connection, script, survey, context);
  return outputs.get('version')?.at(-1);
}

/**
 * Waits for cloud-init first. Package managers use the engine's proxies.
 * @throws ExternalError with the package manager's last output
 */
export async function runInstaller(
  connection: Connection,
  script: string,
  survey: Survey,
  { subject, step, context }: Task,
): Promise<ScriptOutput['outputs']> {
  const proxies = proxyVariables(subject.engine ?? defaultEngineSettings);
  const exports = proxies.map((assignment) => quoteArgs(['export', assignment]));
  const values = { script: [...exports, script].join('\n') };
  const { outputs } = await runScript(
    connection,
    { template: 'engine/install.sh', values, step, timeoutMs: installTimeoutMs },
    survey,
    context,
  );
  return outputs;
}

/** `printf` is a shell builtin, so keys appear on no command line. */
function stageLine({ path, mode, content, shared }: EngineFile): string {
  return quoteArgs([
    'stage',
    path,
    mode.toString(8).padStart(4, '0'),
    Buffer.from(content).toString('base64'),
    ...(shared ? ['shared'] : []),
  ]);
}

function serviceValues({
  reload,
  enable,
  restart,
  stop,
  isActive,
  journal,
}: ServiceCommands): Record<string, string> {
  return { reload, enable, restart, stop, isActive, journal };
}
