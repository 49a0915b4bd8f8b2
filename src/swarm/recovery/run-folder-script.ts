import type { Readable, Writable } from 'node:stream';
import { reach } from '../../app/connect-ssh.js';
import type { Context } from '../../app/context.js';
import type { Step } from '../../app/reporter.js';
import { surveyMachine } from '../../engine/gather-facts.js';
import { provisionerFor } from '../../engine/provisioners/index.js';
import { runScript } from '../../engine/run-script.js';
import type { Machine } from '../../machines/model/machine.js';

interface FolderScript {
  /** Name in templates/swarm. */
  script: 'append' | 'backup' | 'inspect' | 'log' | 'raft' | 'recover' | 'restore';
  values?: Readonly<Record<string, string>>;
  step?: Step;
  data?: { input?: Readable; output?: Writable };
}

/** For large folders; the script's own timeouts are shorter. */
const timeoutMs = 90 * 60_000;

/** Starts the engine again even after a failure. @throws ExternalError, UserError, AbortError */
export async function runFolderScript(
  machine: Machine,
  { script, values, step = () => {}, data = {} }: FolderScript,
  context: Context,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const connection = await reach(machine, context);
  const survey = await surveyMachine(connection, context);
  const { stop, start, isActive, journal } = provisionerFor(survey.facts).service.commands;
  const work = await context.templates.render(`swarm/${script}.sh`, values);
  const service = { stop, start, isActive, journal };
  const { outputs } = await runScript(
    connection,
    { template: 'swarm/folder.sh', values: { ...service, work }, step, timeoutMs, data },
    survey,
    context,
  );
  return outputs;
}

/** Such as `before-restore-20260102T030405Z`. */
export function keptSuffix(reason: string): string {
  return `${reason}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
}
