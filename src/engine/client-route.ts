import { connect as connectTcp } from 'node:net';
import { addAbortSignal, type Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { reach } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import { hasNoSsh, isDirectlyReachable, type Machine } from '../machines/model/machine.js';
import { type ClientEndpoint, clientEndpoint } from './client-access.js';
import type { ClientHost } from './model/client-variables.js';

/** How this computer's docker client connects to an engine. */
export interface ClientRoute extends ClientHost, AsyncDisposable {
  /** For --debug. */
  reason: string;
}

/** How long the engine's port may take before belt also connects over SSH. */
const headStartMs = 300;
const pingTimeoutMs = 5_000;

/**
 * The engine's own port if it answers, else a socket over belt's SSH connection.
 * @throws UserError, ExternalError as `reach`
 */
export async function openClientRoute(machine: Machine, context: Context): Promise<ClientRoute> {
  const endpoint = await networkEndpoint(machine, context);
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

/** Undefined when only SSH leads to the engine. */
async function networkEndpoint(machine: Machine, { cluster }: Context): Promise<ClientEndpoint | undefined> {
  if (!hasNoSsh(machine) && !isDirectlyReachable(machine)) return undefined;
  try {
    const endpoint = await clientEndpoint(machine, cluster);
    return endpoint.transport === 'ssh' ? undefined : endpoint;
  } catch (error) {
    // Without certificates, SSH still works.
    if (error instanceof UserError) return undefined;
    throw error;
  }
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

/** With TLS 1.3, an engine refuses a client's certificate only after the handshake. */
async function pingEngine(endpoint: ClientEndpoint, signal: AbortSignal): Promise<boolean> {
  try {
    const limits = AbortSignal.any([signal, AbortSignal.timeout(pingTimeoutMs)]);
    const stream = addAbortSignal(limits, await connectEngine(endpoint));
    stream.write('GET /_ping HTTP/1.0\r\n\r\n');
    for await (const chunk of stream) return /^HTTP\/1\.\d 200 /.test(String(chunk));
  } catch {
    // Refused, unreachable, or certificates that do not fit: SSH is left.
  }
  return false;
}

async function connectEngine({ url, certificates }: ClientEndpoint): Promise<Duplex> {
  const { hostname, port } = new URL(url);
  const address = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
  if (!certificates) return connectTcp(address);
  const [{ connect }, ca, cert, key] = await Promise.all([
    import('node:tls'),
    readText(certificates.authority),
    readText(certificates.certificate),
    readText(certificates.key),
  ]);
  return connect({ ...address, ca, cert, key });
}
