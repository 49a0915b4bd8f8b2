import { connect as connectTcp } from 'node:net';
import { addAbortSignal, type Duplex } from 'node:stream';
import { UserError } from '../base/errors.js';
import { readText } from '../base/files.js';
import { hasNoSsh, isDirectlyReachable, type Machine } from '../machines/model/machine.js';
import type { ClusterStore } from '../state/cluster-store.js';
import { type ClientEndpoint, clientEndpoint } from './client-access.js';

const pingTimeoutMs = 5_000;

/** Undefined when only SSH leads to the engine. */
export async function portEndpoint(
  machine: Machine,
  cluster: ClusterStore,
): Promise<ClientEndpoint | undefined> {
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

/** With TLS 1.3, an engine refuses a client's certificate only after the handshake. */
export async function pingEngine(endpoint: ClientEndpoint, signal: AbortSignal): Promise<boolean> {
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
