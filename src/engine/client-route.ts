import { setTimeout as sleep } from 'node:timers/promises';
import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { hasNoSsh, type Machine } from '../machines/model/machine.js';
import type { ClientEndpoint } from './client-access.js';
import { pingEngine, portEndpoint } from './engine-port.js';
import type { ClientHost } from './model/client-variables.js';

/** How this computer's docker client connects to an engine. */
export interface ClientRoute extends ClientHost, AsyncDisposable {
  /** For --debug. */
  reason: string;
}

/** How long the engine's port may take before belt also connects over SSH. */
const headStartMs = 300;

/**
 * The engine's own port if it answers, else a socket over belt's SSH connection.
 * @throws UserError, ExternalError as `reach`
 */
export async function openClientRoute(machine: Machine, context: Context): Promise<ClientRoute> {
  const endpoint = await portEndpoint(machine, context.cluster);
  if (endpoint && hasNoSsh(machine)) return portRoute(endpoint, 'it is known only by its URL');
  if (!endpoint) return socketRoute(machine, context, 'its engine has no port that belt may use');
  const stop = new AbortController();
  try {
    const ping = pingEngine(endpoint, stop.signal);
    const login = sleep(headStartMs, undefined, { signal: stop.signal }).then(() => reach(machine, context));
    const isAnswered = await Promise.race([ping, login.then(() => false).catch(() => ping)]);
    if (isAnswered) return portRoute(endpoint, 'its port answers');
  } finally {
    stop.abort();
  }
  return socketRoute(machine, context, `${endpoint.url} does not answer`);
}

function portRoute({ url, certificates }: ClientEndpoint, reason: string): ClientRoute {
  return {
    url,
    ...(certificates && { certificates: certificates.folder }),
    reason: `${url}: ${reason}`,
    async [Symbol.asyncDispose]() {},
  };
}

async function socketRoute(machine: Machine, context: Context, reason: string): Promise<ClientRoute> {
  const { openEngineSocket } = await import('./engine-socket.js');
  const socket = await openEngineSocket(machine, context);
  return {
    url: `unix://${socket.path}`,
    reason: `SSH: ${reason}`,
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  };
}
