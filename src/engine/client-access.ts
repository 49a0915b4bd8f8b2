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

/** How a Docker client reaches a machine's engine without belt. */
export interface ClientAccess {
  name: string;
  url: string;
  /** Undefined for an engine behind a local socket's URL. */
  address?: string;
  /** Absent for an engine that takes everybody. */
  certificates?: ClientCertificates;
}

/** Where the engine is; from the record alone. @throws UserError when the machine has no address yet */
export function endpointOf(machine: Machine): EngineEndpoint {
  const endpoint = engineEndpoint(machine);
  if (endpoint) return endpoint;
  throw new UserError(`${machine.name} has no address yet because its creation did not finish`, {
    hint: `rerun the same "belt create" to finish it, or: belt rm ${machine.name}`,
  });
}

export interface ClientWay extends EngineEndpoint {
  /** With `tls` always. */
  certificates?: ClientCertificates;
}

/**
 * How a Docker client gets in to the machine's engine. One that is known by its URL alone has TLS where the machine's folder holds
 * a client's certificates: who shares an engine hands them over so.
 * @throws UserError when the machine has no address yet, or its certificates are missing
 */
export async function clientWay(machine: Machine, cluster: ClusterStore): Promise<ClientWay> {
  const endpoint = endpointOf(machine);
  const { name } = machine;
  if (hasNoSsh(machine)) {
    const certificates = await givenCertificates(endpoint, cluster.machineFolder(name));
    return certificates ? { ...endpoint, transport: 'tls', certificates } : endpoint;
  }
  if (endpoint.transport !== 'tls') return endpoint;
  const certificates = await clientCertificates(cluster, name);
  if (certificates) return { ...endpoint, certificates };
  throw new UserError(`there are no client certificates for ${name} in ${cluster.machineFolder(name)}`, {
    hint: `belt regenerate-certs --client-certs ${name}`,
  });
}

/** A local socket and `http://` have no TLS, whatever lies in the folder. */
async function givenCertificates(
  { url }: EngineEndpoint,
  folder: string,
): Promise<ClientCertificates | undefined> {
  return /^(tcp|https):/i.test(url) ? certificatesIn(folder) : undefined;
}

/**
 * What `env` and `config` print, from the record and the certificate files; makes no network requests.
 * @throws UserError for a machine that only SSH leads to, and for one whose certificates are missing
 */
export async function clientAccess(name: string, cluster: ClusterStore): Promise<ClientAccess> {
  const machine = await cluster.machine(name);
  const { transport, url, certificates } = await clientWay(machine, cluster);
  if (transport === 'ssh') {
    throw new UserError(`the engine of ${name} listens only on its local socket`, {
      hint: `use "belt --host ${name} docker ...", open it with "belt engine secure ${name}", or: belt context create --ssh ${name}`,
    });
  }
  const address = reachAddress(machine);
  return { name, url, ...(address !== undefined && { address }), ...(certificates && { certificates }) };
}
