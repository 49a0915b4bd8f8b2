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
import { type ClientEndpoint, clientEndpoint } from './client-access.js';
import { engineOf } from './connect-engine.js';
import { enginePorts } from './model/engine-settings.js';

/**
 * Connects as a Docker client would: TLS, plain TCP, or the socket over SSH. The first request
 * shows whether that works.
 * @throws UserError for missing certificates; ExternalError, AbortError as `Ssh.connect`
 */
async function reachEngine(machine: Machine, context: Context, signal: AbortSignal): Promise<EngineApi> {
  const endpoint = await clientEndpoint(machine, context.cluster);
  if (endpoint.transport !== 'ssh') return new EngineApi(await dialFor(machine, endpoint));
  const ssh = await context.ssh();
  return engineOf(await ssh.connect(sshTarget(machine), { signal }));
}

/** @throws UserError for an unsupported URL */
async function dialFor({ name }: Machine, { url, certificates }: ClientEndpoint): Promise<() => Duplex> {
  const protocol = URL.canParse(url) ? new URL(url).protocol : '';
  if (protocol === 'unix:') return () => connectTcp({ path: url.slice('unix://'.length) });
  if (!['tcp:', 'http:', 'https:'].includes(protocol))
    throw new UserError(`${name}: cannot reach an engine at "${url}"`);
  const address = hostAndPort(url, certificates ? enginePorts.secure : enginePorts.insecure);
  if (!certificates && protocol !== 'https:') return () => connectTcp(address);
  const servername = isIP(address.host) ? '' : address.host;
  const credentials = certificates && (await credentialsIn(certificates));
  return () => connectTls({ ...address, servername, ...credentials });
}

/** @param enginePort default port for `tcp://`, as in docker's client */
function hostAndPort(url: string, enginePort: number): { host: string; port: number } {
  const { protocol, hostname, port } = new URL(url);
  const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port) || (defaultPorts[protocol] ?? enginePort),
  };
}

interface EngineStatus {
  version: string;
  /** `manager`, `worker`, empty, or the engine's state: `pending`, `locked`, `error`. */
  swarm: string;
}

/** Works without a swarm leader. @throws as `reachEngine`, and when the engine does not respond */
export async function engineStatus(
  machine: Machine,
  context: Context,
  signal: AbortSignal,
): Promise<EngineStatus> {
  using api = await reachEngine(machine, context, signal);
  const version = await api.version({ signal });
  return { version, swarm: displayedState(await swarmStateOf(api, { signal })) };
}

/** Also responds without a quorum: `active/manager`, `active/worker`, or as in `Membership`. */
export async function swarmStateOf(api: EngineApi, limits?: RequestLimits): Promise<string> {
  const swarmState = await api.ping(limits);
  if (swarmState !== undefined) return swarmState;
  const { state, manager } = readMembership(await api.info(limits));
  return state === 'active' ? `active/${manager ? 'manager' : 'worker'}` : state;
}

export function hasEndpoint(machine: Machine): boolean {
  return engineEndpoint(machine) !== undefined;
}

function displayedState(state: string): string {
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
