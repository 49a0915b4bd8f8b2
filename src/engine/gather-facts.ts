import { randomBytes } from 'node:crypto';
import type { Context } from '../app/context.js';
import { noShellError } from '../app/login-shell.js';
import { UserError } from '../base/errors.js';
import type { Connection } from '../ssh/index.js';
import { checkedPaths, readPaths } from './model/engine-paths.js';
import { type Facts, parseFacts } from './model/facts.js';
import { rootShellCommand, runAsRoot } from './root-shell.js';

export interface Survey {
  facts: Facts;
  /** For sudo. */
  password?: string;
  /** The local clock at the time of `facts.clock`, in seconds since 1970. */
  now: number;
}

const timeoutMs = 30_000;

/**
 * Needs two round trips if sudo asks for a password.
 * @throws ExternalError, UserError, AbortError
 */
export async function surveyMachine(
  connection: Connection,
  context: Context,
  known?: string,
): Promise<Survey> {
  const mark = newMark();
  const text = await context.templates.render('engine/facts.sh', {
    mark,
    read: readPaths.join(' '),
    checked: checkedPaths.join(' '),
  });
  const { signal } = context;
  const before = Date.now();
  const output = await connection.run(rootShellCommand, { stdin: text, timeoutMs, signal });
  const { stdout, stderr } = output;
  const now = (before + Date.now()) / 2000;
  if (!stdout.includes(`${mark} end`)) throw noShellError(connection, output);
  const facts = parseFacts(stdout, mark);
  if (facts.access !== 'password') return { facts, now };
  if (/must have a tty/.test(stderr)) throw requirettyError(connection);
  const password = known ?? (await context.sudoPassword());
  return { facts: await factsAsRoot(connection, text, mark, password, context), password, now };
}

async function factsAsRoot(
  connection: Connection,
  text: string,
  mark: string,
  password: string,
  { signal }: Context,
): Promise<Facts> {
  const lines: string[] = [];
  const { code, stderr } = await runAsRoot(connection, {
    text: `set -- password\n${text}`,
    access: 'password',
    password,
    timeoutMs,
    signal,
    onLine: (line) => lines.push(line),
  });
  if (!lines.some((line) => line.startsWith(`${mark} end`)))
    throw noShellError(connection, { code, stdout: '', stderr });
  return parseFacts(`${lines.join('\n')}\n`, mark);
}

/** @see sudoers(5) */
function requirettyError({ target: { name, user } }: Connection): UserError {
  return new UserError(`${name}: sudo refuses to run for ${user} without a terminal (requiretty)`, {
    hint: `add "Defaults:${user} !requiretty" to a file in /etc/sudoers.d on the machine`,
  });
}

/** Random, so that nothing a login prints can contain it. */
export function newMark(): string {
  return `belt-${randomBytes(12).toString('hex')}`;
}
