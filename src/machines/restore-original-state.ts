import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import type { Step } from '../app/reporter.js';
import { ExternalError, UserError } from '../base/errors.js';
import type { Connection } from '../ssh/index.js';
import type { Machine } from './model/machine.js';
import { readFound, restoreFound } from './original-state.js';

/**
 * Undoes on an adopted server what belt did there. For machines that belt made, and servers that it changed nothing on, there is
 * nothing to undo.
 * @throws UserError, ExternalError when the server cannot be reached, or not all could be put back
 */
export async function leaveAsFound(machine: Machine, step: Step, context: Context): Promise<void> {
  const found = await readFound(machine.name, context);
  if (!found) return;
  step('restoring the original configuration');
  await restoreFound(machine, found, await login(machine, context), step, context);
}

async function login(machine: Machine, context: Context): Promise<Connection> {
  const ssh = await context.ssh();
  try {
    return await ssh.connect(sshTarget(machine), { signal: context.signal });
  } catch (error) {
    if (!(error instanceof ExternalError)) throw error;
    throw new UserError(`could not remove belt's changes from the server: ${error.message}`, {
      hint: `try again when the server is back, or remove only the record: belt rm -f ${machine.name}`,
      cause: error,
    });
  }
}
