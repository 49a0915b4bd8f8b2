import { type ErrorDetails, ExternalError } from '../base/errors.js';
import type { SshTarget } from './connection-types.js';

export type ConnectProblem =
  | 'refused'
  | 'no answer'
  | 'no route'
  | 'no such host'
  | 'not permitted'
  | 'closed before banner'
  | 'no banner'
  | 'not SSH'
  | 'reset'
  | 'no common algorithm'
  | 'login not finished'
  | 'closed during login'
  | 'authentication'
  | 'another factor'
  | 'other';

/** `detail` is the message without the machine's name. */
export class ConnectError extends ExternalError {
  readonly problem: ConnectProblem;
  readonly detail: string;

  constructor(target: SshTarget, obstacle: ConnectProblem, detail: string, details: ErrorDetails = {}) {
    const errorCode = ['authentication', 'another factor'].includes(obstacle)
      ? 'ssh-login'
      : 'ssh-unreachable';
    super(`${target.name}: ${detail}`, { errorCode, ...details });
    this.name = 'ConnectError';
    this.problem = obstacle;
    this.detail = detail;
  }
}

/** @param said what the server said before, for the end of the message */
export function socketError(target: SshTarget, error: Error, said = ''): ConnectError {
  const where = `${target.host} port ${target.port}`;
  const code = 'code' in error ? error.code : undefined;
  const fail = (obstacle: ConnectProblem, detail: string) =>
    new ConnectError(target, obstacle, detail, { cause: error });
  switch (code) {
    case 'ECONNREFUSED':
      return fail('refused', `refused by ${where}`);
    case 'ETIMEDOUT':
      return fail('no answer', `no answer from ${where}`);
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EHOSTDOWN':
    case 'ENETDOWN':
      return fail('no route', `no route to ${target.host}`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConnectError(target, 'no such host', `no such host: ${target.host}`, {
        cause: error,
        hint: 'check the name: it is in neither DNS nor ~/.ssh/config',
      });
    case 'EACCES':
    case 'EPERM':
      return fail('not permitted', `this computer does not permit connections to ${where}`);
    case 'ECONNRESET':
    case 'EPIPE':
      return fail('reset', `reset by ${where}${said}`);
    default:
      return fail('other', `cannot connect to ${where}: ${error.message}`);
  }
}

/** What a server said, without rulers and empty lines. */
export function spokenLines(text: string): string[] {
  return text
    .split(/[\r\n]+/)
    .map((line) => line.trim().slice(0, 300))
    .filter((line) => /[\p{L}\p{N}]/u.test(line));
}
