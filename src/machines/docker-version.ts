import type { Context } from '../app/context.js';
import { ExternalError, explanationOf } from '../base/errors.js';
import { withTimeout } from '../base/with-timeout.js';
import { engineStatus } from '../engine/engine-status.js';
import { observe } from './list-machines.js';

const timeoutMs = 20_000;

/** @throws ExternalError, worded as in docker-machine, with the cause */
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
  const query = (signal: AbortSignal) => engineStatus(machine, context, signal);
  try {
    const { version } = await withTimeout(timeoutMs, context.signal, query);
    return { name, version };
  } catch (cause) {
    context.signal.throwIfAborted();
    throw new ExternalError(`Unable to query docker version: ${explanationOf(cause)}`, { cause });
  }
}
