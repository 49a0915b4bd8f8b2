import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { sshTarget } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { UserError } from '../base/errors.js';
import { engineEndpoint, type Machine } from '../machines/model/machine.js';
import type { ClientCertificates } from '../state/client-certificates.js';
import { readMembership } from '../swarm/model/swarm-node.js';
import { EngineApi, type RequestLimits } from './api.js';
import { type ClientWay, clientWay } from './client-access.js';
import { engineOf } from './connect-engine.js';
import { enginePorts } from './model/engine-settings.js';

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
  const way = await clientWay(machine, context.cluster);
  if (way.transport !== 'ssh') return new EngineApi(await dialFor(machine, way));
  const ssh = await context.ssh();
  return engineOf(await ssh.connect(sshTarget(machine), { signal }));
}

/** Opens a stream to the engine. @throws UserError for a URL that no engine has */
async function dialFor({ name }: Machine, { url, certificates }: ClientWay): Promise<() => Duplex> {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol === 'unix:') return () => connectTcp({ path: url.slice('unix://'.length) });
  if (!['tcp:', 'http:', 'https:'].includes(protocol))
    throw new UserError(`${name}: cannot reach an engine at "${url}"`);
  const place = placeIn(url, certificates ? enginePorts.secure : enginePorts.insecure);
  if (!certificates && protocol !== 'https:') return () => connectTcp(place);
  const servername = isIP(place.host) ? '' : place.host;
  const credentials = certificates && (await credentialsIn(certificates));
  return () => connectTls({ ...place, servername, ...credentials });
}

/** @param enginePort where `tcp://` names none, as for docker's client */
function placeIn(url: string, enginePort: number): { host: string; port: number } {
  const { protocol, hostname, port } = new URL(url);
  const usual: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port) || (usual[protocol] ?? enginePort),
  };
}

export interface EngineStatus {
  /** As `26.1.5`. */
  version: string;
  /** `manager`, `worker`; empty outside of any swarm; else the state that the engine gives: `pending`, `locked`, `error`. */
  swarm: string;
}

/**
 * Asks only what an engine knows by itself: it answers also where its swarm has no leader.
 * @throws as `reachEngine`, and when the engine does not respond
 */
export async function engineStatus(
  machine: Machine,
  context: Context,
  signal: AbortSignal,
): Promise<EngineStatus> {
  const api = await reachEngine(machine, context, signal);
  try {
    const version = await api.version({ signal });
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
  const { state, manager } = readMembership(await api.info(limits));
  return state === 'active' ? `active/${manager ? 'manager' : 'worker'}` : state;
}

/** Whether there is an address to ask at. */
export function hasEndpoint(machine: Machine): boolean {
  return engineEndpoint(machine) !== undefined;
}

function swarmWord(state: string): string {
  if (state === 'inactive') return '';
  return state.replace(/^active\//, '');
}

async function credentialsIn({
  authority,
  certificate,
  key,
}: ClientCertificates): Promise<{ ca: Buffer; cert: Buffer; key: Buffer }> {
  const [ca, cert, keyText] = await Promise.all([readFile(authority), readFile(certificate), readFile(key)]);
  return { ca, cert, key: keyText };
}
