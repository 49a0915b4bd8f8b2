import type { Plan } from '../../engine/plan.js';
import type { EngineFile, ServiceCommands } from '../../engine/provisioner.js';
import { ExternalError } from '../../errors.js';
import type { Connection } from '../../ssh/index.js';
import { quoteArgs } from '../../ssh/quote.js';
import type { Context } from '../context.js';
import { causeIn } from './cause.js';
import { newMark, type Survey } from './facts.js';
import { runAsRoot } from './root-shell.js';

export interface Applied {
  /** What the restarted engine answered; absent where it went on running. */
  version?: string;
  warnings: string[];
}

type Step = (text: string) => void;

/** A broken engine fails at once; this is for one that has thousands of containers to bring back. */
const restartSeconds = 90;
const installTimeoutMs = 30 * 60_000;

/**
 * Does what the plan says, in one round trip. What fails is put back as it was.
 * @throws ExternalError with the engine's own words; UserError, AbortError
 */
export async function applyPlan(
  connection: Connection,
  plan: Plan,
  survey: Survey,
  step: Step,
  context: Context,
): Promise<Applied> {
  const { commands } = plan.provisioner.service;
  const mark = newMark();
  const text = await context.templates.render('engine/apply.sh', {
    mark,
    ...serviceValues(commands),
    restartSeconds: String(restartSeconds),
    files: plan.files.map(stageLine).join('\n'),
    commands: plan.commands.map(({ run, why }) => quoteArgs(['optional', why, run])).join('\n'),
    finish:
      plan.restart === undefined
        ? ''
        : ['validate', `{ ${commands.reload}; } >&2`, 'restart_engine'].join('\n'),
  });
  const answers = await converse(connection, text, mark, survey, { step, timeoutMs: 150_000 }, context);
  const version = answers.get('version')?.at(-1);
  return { ...(version !== undefined && { version }), warnings: answers.get('warning') ?? [] };
}

/**
 * Runs a provisioner's lines that install or upgrade the engine; waits for cloud-init first.
 * @throws ExternalError with the last words of the package manager
 */
export async function runInstaller(
  connection: Connection,
  script: string,
  survey: Survey,
  step: Step,
  context: Context,
): Promise<void> {
  const mark = newMark();
  const text = await context.templates.render('engine/install.sh', { mark, script });
  await converse(connection, text, mark, survey, { step, timeoutMs: installTimeoutMs }, context);
}

/** Text goes over standard input, and `printf` is a part of the shell: keys are on no command line. */
function stageLine({ path, mode, content }: EngineFile): string {
  return quoteArgs([
    'stage',
    path,
    mode.toString(8).padStart(4, '0'),
    Buffer.from(content).toString('base64'),
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

async function converse(
  connection: Connection,
  text: string,
  mark: string,
  { facts, password }: Survey,
  { step, timeoutMs }: { step: Step; timeoutMs: number },
  { signal }: Context,
): Promise<Map<string, string[]>> {
  const answers = new Map<string, string[]>();
  const onLine = (line: string): void => {
    const [head, kind = '', encoded = ''] = line.split(' ');
    if (head !== mark) return;
    const said = Buffer.from(encoded, 'base64').toString('utf8');
    if (kind === 'step') step(said);
    answers.set(kind, [...(answers.get(kind) ?? []), said]);
  };
  const { stderr } = await runAsRoot(connection, {
    text,
    access: facts.access,
    ...(password !== undefined && { password }),
    timeoutMs,
    signal,
    onLine,
  });
  if (answers.has('done')) return answers;
  throw failure(connection, answers, stderr);
}

function failure({ target }: Connection, answers: Map<string, string[]>, stderr: string): ExternalError {
  const why = answers.get('failed')?.[0] ?? 'the script broke off';
  const log = answers.get('log')?.[0] ?? stderr;
  return new ExternalError([`${target.name}: ${why}`, causeIn(log)].filter((part) => part !== '').join(': '));
}
