import type { Readable, Writable } from 'node:stream';
import { reach } from '../../app/connect-ssh.js';
import type { Context } from '../../app/context.js';
import type { Step } from '../../app/reporter.js';
import { surveyMachine } from '../../engine/gather-facts.js';
import { provisionerFor } from '../../engine/provisioners/index.js';
import { toItsEnd } from '../../engine/run-script.js';
import type { Machine } from '../../machines/model/machine.js';

/** Work on the folder that an engine keeps its swarm in. */
export interface FolderScript {
  /** A script of templates/swarm. */
  script: 'backup' | 'inspect' | 'log' | 'recover' | 'restore';
  values?: Readonly<Record<string, string>>;
  step?: Step;
  data?: { input?: Readable; output?: Writable };
}

/** Large folders on slow disks, and slow links. The script's own limits are tighter. */
const timeoutMs = 90 * 60_000;

/**
 * Runs one of belt's scripts on the swarm's folder of a machine.
 * @returns what it answered, by word
 * @throws ExternalError with the cause; the engine runs again then, if it can; UserError,
 * AbortError
 */
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
  const { outputs } = await toItsEnd(
    connection,
    { template: 'swarm/folder.sh', values: { ...service, work }, step, timeoutMs, data },
    survey,
    context,
  );
  return outputs;
}

/** For the folder that is kept beside the one that belt changes. */
export function keptSuffix(why: string): string {
  return `${why}-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
}
