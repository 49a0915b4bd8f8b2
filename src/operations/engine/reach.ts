import { readFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { clientCertificates } from '../../config/certificates.js';
import { type EngineApi, engineApi, type RequestLimits } from '../../engine/api.js';
import { UserError } from '../../errors.js';
import { engineEndpoint } from '../../machines/endpoint.js';
import type { Machine } from '../../machines/machine.js';
import { readMembership } from '../../swarm/node.js';
import type { Context } from '../context.js';
import { endpointOf } from '../machines/client-access.js';
import { sshTarget } from '../machines/reach.js';
import { engineOf } from './connect.js';

/**
 * The engine's API the way that a Docker client goes: TLS, plain TCP, or the socket over SSH. The first answer shows whether
 * the way is open.
 * @throws UserError for missing certificates; ExternalError, AbortError as `Ssh.connect`
 */
export async function reachEngine(
  machine: Machine,
  context: Context,
  signal: AbortSignal,
): Promise<EngineApi> {
  const { transport, url } = endpointOf(machine);
  if (transport === 'ssh') {
    const ssh = await context.ssh();
    return engineOf(await ssh.connect(sshTarget(machine), { signal }));
  }
  if (!URL.canParse(url)) throw new UserError(`${machine.name}: "${url}" is no URL of an engine`);
  const { hostname, port } = new URL(url);
  const place = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
  if (transport === 'plain') return engineApi(() => connectTcp(place));
  const credentials = await clientCredentials(machine.name, context);
  return engineApi(() => connectTls({ ...place, ...credentials }));
}

export interface EngineStatus {
  /** As `26.1.5`. */
  version: string;
  /** `manager`, `worker`; empty outside of any swarm; else the state that the engine gives: `pending`, `locked`, `error`. */
  swarm: string;
}

/**
 * Asks only what an engine knows by itself: it answers also where its swarm has no leader.
 * @throws as `reachEngine`, and when the engine gives no answer
 */
export async function engineStatus(
  machine: Machine,
  context: Context,
  signal: AbortSignal,
): Promise<EngineStatus> {
  const api = await reachEngine(machine, context, signal);
  try {
    const { Version: version } = (await api.get('/version', { signal })) as { Version: string };
    return { version, swarm: swarmWord(await swarmStateOf(api, { signal })) };
  } finally {
    api.close();
  }
}

/**
 * The engine's own word for its place in a swarm, which it gives whether the managers have a quorum or not: `active/manager`,
 * `active/worker`, or the state alone as in `Membership`. Before Docker 20.10 it is part of the answer that can take long.
 */
export async function swarmStateOf(api: EngineApi, limits?: RequestLimits): Promise<string> {
  const said = await api.ping(limits);
  if (said !== undefined) return said;
  const { state, manager } = readMembership(await api.get('/info', limits));
  return state === 'active' ? `active/${manager ? 'manager' : 'worker'}` : state;
}

/** Whether there is an address to ask at. */
export function canBeAsked(machine: Machine): boolean {
  return engineEndpoint(machine) !== undefined;
}

function swarmWord(state: string): string {
  if (state === 'inactive') return '';
  return state.replace(/^active\//, '');
}

async function clientCredentials(
  name: string,
  { cluster }: Context,
): Promise<{ ca: Buffer; cert: Buffer; key: Buffer }> {
  const files = await clientCertificates(cluster, name);
  if (!files) throw new UserError(`there are no client certificates for ${name}`);
  const [ca, cert, key] = await Promise.all(
    [files.authority, files.certificate, files.key].map((path) => readFile(path)),
  );
  return { ca, cert, key } as { ca: Buffer; cert: Buffer; key: Buffer };
}
