import type { Readable, Writable } from 'node:stream';
import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { ExternalError } from '../base/errors.js';
import type { Connection } from '../ssh/index.js';
import { newMark, type Survey } from './gather-facts.js';
import { runAsRoot } from './root-shell.js';

/** A template that begins with `{{prelude}}`, and its values. */
interface ScriptTemplate {
  template: string;
  values: Readonly<Record<string, string>>;
  step: Step;
  timeoutMs: number;
  /** Data streams; the script then reports on standard error. */
  data?: { input?: Readable; output?: Writable };
}

export interface ScriptOutput {
  /** Values by key, in order; `done` is set when the script finished. */
  outputs: ReadonlyMap<string, readonly string[]>;
  /** The end of standard error. */
  stderr: string;
}

/** Shows the script's steps and warnings. @throws UserError, ExternalError, AbortError */
export async function runScriptUnchecked(
  connection: Connection,
  { template, values, step, timeoutMs, data }: ScriptTemplate,
  { facts, password }: Pick<Survey, 'facts' | 'password'>,
  { templates, reporter, signal }: Context,
): Promise<ScriptOutput> {
  const mark = newMark();
  const prelude = await templates.render('engine/prelude.sh', { mark });
  const outputs = new Map<string, string[]>();
  const onLine = (line: string): void => {
    const [head, key = '', encoded = ''] = line.split(' ');
    if (head !== mark) return;
    const text = Buffer.from(encoded, 'base64').toString('utf8');
    outputs.set(key, [...(outputs.get(key) ?? []), text]);
    if (key === 'step') step(text);
    if (key === 'warning') reporter.warn(`${connection.target.name}: ${text}`);
  };
  const { stderr } = await runAsRoot(connection, {
    text: await templates.render(template, { prelude, ...values }),
    access: facts.access,
    ...(password !== undefined && { password }),
    timeoutMs,
    signal,
    onLine,
    ...(data && { data }),
  });
  return { outputs, stderr: withoutMarks(stderr, mark) };
}

/** As `runScriptUnchecked`. @throws ExternalError with the cause when the script did not finish */
export async function runScript(
  connection: Connection,
  script: ScriptTemplate,
  survey: Pick<Survey, 'facts' | 'password'>,
  context: Context,
): Promise<ScriptOutput> {
  const output = await runScriptUnchecked(connection, script, survey, context);
  if (output.outputs.has('done')) return output;
  throw scriptError(connection, output);
}

function scriptError({ target }: Connection, { outputs, stderr }: ScriptOutput): ExternalError {
  const why = outputs.get('failed')?.[0] ?? 'the script stopped early';
  const log = outputs.get('log')?.[0] ?? stderr;
  return new ExternalError([`${target.name}: ${why}`, causeIn(log)].filter((part) => part !== '').join(': '));
}

/** Removes the script's own reports from standard error. */
function withoutMarks(text: string, mark: string): string {
  return text
    .split('\n')
    .filter((line) => !line.startsWith(mark))
    .join('\n');
}

const maxLines = 8;

/** The log lines most likely to explain a failure: the engine's errors, else the last lines. */
export function causeIn(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !isSystemdMessage(line));
  const relevant = lines.filter((line) => !/level=(info|debug)/.test(line));
  const engineErrors = lines.filter((line) =>
    /level=(error|fatal)|unable to configure|failed to start|^E: |error:/i.test(line),
  );
  const chosen = [engineErrors, relevant, lines].find((some) => some.length > 0) ?? [];
  return [...new Set(chosen)].slice(-maxLines).join('\n');
}

function isSystemdMessage(line: string): boolean {
  return /^(docker\.(service|socket)|systemd)\b|^(Starting|Started|Stopping|Stopped|Listening|Closed) |^Failed to start docker|^Job for docker|^See "systemctl/.test(
    line,
  );
}
