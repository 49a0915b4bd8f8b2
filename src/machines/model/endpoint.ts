import { isOnlyUrl, type Machine, reachAddress } from './machine.js';

/** Where a Docker client finds a machine's engine, as DOCKER_HOST has it. */
export interface EngineEndpoint {
  /** `tls`: with the client certificate; `plain`: for everybody; `ssh`: the engine's socket, over SSH. */
  transport: 'tls' | 'plain' | 'ssh';
  url: string;
}

/**
 * From what is recorded. Whether an engine that is known by its URL alone has TLS, the record does not tell: it counts as `plain`.
 * @returns undefined while the machine has no address
 */
export function engineEndpoint(machine: Machine): EngineEndpoint | undefined {
  const { engine, driverData, ssh } = machine;
  const url = driverData['URL'];
  if (isOnlyUrl(machine) && typeof url === 'string') return { transport: 'plain', url };
  const address = reachAddress(machine);
  if (address === undefined) return undefined;
  const host = address.includes(':') ? `[${address}]` : address;
  if (!engine || engine.access === 'local') {
    const port = ssh.port === 22 ? '' : `:${ssh.port}`;
    return { transport: 'ssh', url: `ssh://${ssh.user}@${host}${port}` };
  }
  const transport = engine.access === 'secure' ? 'tls' : 'plain';
  return { transport, url: `tcp://${host}:${engine.port}` };
}
