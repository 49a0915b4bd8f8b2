import { connect } from 'node:net';
import { addressOf } from '../app/connect-ssh.js';
import type { Context } from '../app/context.js';
import { ExternalError, rethrowAbort } from '../base/errors.js';
import { isDirectlyReachable, type Machine } from '../machines/model/machine.js';
import type { Connection } from '../ssh/index.js';
import { EngineApi } from './api.js';
import { engineOf } from './connect-engine.js';
import { type EngineSettings, forbiddenPorts } from './model/engine-settings.js';

const timeoutMs = 1_000;

/**
 * Connects from this computer, as anyone could. A response counts if it comes from the machine's own
 * engine: behind NAT, the address is also that of others.
 * @throws ExternalError when the engine responds without TLS on a port of another access
 */
export async function requirePortsClosed(
  machine: Machine,
  settings: EngineSettings,
  connection: Connection,
  context: Context,
): Promise<void> {
  if (!isDirectlyReachable(machine)) return;
  const ports = forbiddenPorts(settings);
  const found = await Promise.all(ports.map((port) => engineIdAt(addressOf(machine), port, context)));
  const at = found.findIndex((id) => id !== undefined);
  if (at === -1) return;
  using own = engineOf(connection);
  if ((await own.info({ signal: context.signal })).ID !== found[at]) return;
  throw new ExternalError(
    `${machine.name}: its engine still responds without TLS on ${addressOf(machine)} port ${ports[at]}`,
    { hint: `belt ssh ${machine.name} systemctl cat docker.socket docker.service, to find what opens it` },
  );
}

async function engineIdAt(host: string, port: number, { signal }: Context): Promise<string | undefined> {
  using api = new EngineApi(() => connect({ host, port }));
  return (await api.info({ timeoutMs, signal }).catch(rethrowAbort))?.ID;
}
