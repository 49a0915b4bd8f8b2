import type { Context } from '../app/context.js';
import { AbortError, ExternalError, explanationOf, isAbort } from '../base/errors.js';
import { engineStatus } from '../engine/engine-status.js';
import { observe } from './list-machines.js';

const timeoutMs = 20_000;

/** The version of a machine's engine. @throws ExternalError, in docker-machine's words, with the cause */
export async function queryDockerVersion(
  name: string,
  context: Context,
): Promise<{ name: string; version: string }> {
  const machine = await context.cluster.machine(name);
  const [row] = await observe([machine], context);
  if (row && ['stopped', 'saved', 'paused', 'missing'].includes(row.state)) {
    throw new ExternalError(`Unable to query docker version: Host is not running (${name} is ${row.state})`, {
      hint: `belt start ${name}`,
    });
  }
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const { version } = await engineStatus(machine, context, AbortSignal.any([context.signal, limit]));
    return { name, version };
  } catch (cause) {
    if (isAbort(cause) && context.signal.aborted) throw new AbortError();
    const reason = limit.aborted ? `no response within ${timeoutMs / 1000} s` : explanationOf(cause);
    throw new ExternalError(`Unable to query docker version: ${reason}`, { cause });
  }
}
