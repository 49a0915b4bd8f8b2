import { UserError } from '../base/errors.js';
import {
  type EngineEndpoint,
  engineEndpoint,
  hasNoSsh,
  type Machine,
  reachAddress,
} from '../machines/model/machine.js';
import { type ClientCertificates, certificatesIn, clientCertificates } from '../state/client-certificates.js';
import type { ClusterStore } from '../state/cluster-store.js';

export interface ClientAccess {
  name: string;
  url: string;
  /** Undefined for a local socket. */
  address?: string;
  /** Undefined for an engine without TLS. */
  certificates?: ClientCertificates;
}

/** @throws UserError when the machine has no address yet */
export function endpointOf(machine: Machine): EngineEndpoint {
  const endpoint = engineEndpoint(machine);
  if (endpoint) return endpoint;
  throw new UserError(`${machine.name} has no address yet because its creation did not finish`, {
    hint: `rerun the same "belt create" to finish it, or: belt rm ${machine.name}`,
  });
}

export interface ClientEndpoint extends EngineEndpoint {
  /** Always set with `tls`. */
  certificates?: ClientCertificates;
}

/**
 * How a Docker client connects to the machine's engine. An engine known by URL alone uses TLS when
 * its folder holds client certificates.
 * @throws UserError when the machine has no address or its certificates are missing
 */
export async function clientEndpoint(machine: Machine, cluster: ClusterStore): Promise<ClientEndpoint> {
  const endpoint = endpointOf(machine);
  const { name } = machine;
  if (hasNoSsh(machine)) {
    const certificates = await folderCertificates(endpoint, cluster.machineFolder(name));
    return certificates ? { ...endpoint, transport: 'tls', certificates } : endpoint;
  }
  if (endpoint.transport !== 'tls') return endpoint;
  const certificates = await clientCertificates(cluster, name);
  if (certificates) return { ...endpoint, certificates };
  throw new UserError(`there are no client certificates for ${name} in ${cluster.machineFolder(name)}`, {
    hint: `belt regenerate-certs --client-certs ${name}`,
  });
}

/** Local sockets and `http://` never use TLS. */
async function folderCertificates(
  { url }: EngineEndpoint,
  folder: string,
): Promise<ClientCertificates | undefined> {
  return /^(tcp|https):/i.test(url) ? certificatesIn(folder) : undefined;
}

/** @throws UserError for a machine with SSH access only, or without certificates */
export async function clientAccess(name: string, cluster: ClusterStore): Promise<ClientAccess> {
  const machine = await cluster.machine(name);
  const { transport, url, certificates } = await clientEndpoint(machine, cluster);
  if (transport === 'ssh') {
    throw new UserError(`the engine of ${name} listens only on its local socket`, {
      hint: `use "belt --host ${name} docker ...", open it with "belt engine secure ${name}", or: belt context create --ssh ${name}`,
    });
  }
  const address = reachAddress(machine);
  return { name, url, ...(address !== undefined && { address }), ...(certificates && { certificates }) };
}
