import { isIPv6 } from 'node:net';
import { clusterAddress, type Machine } from '../../machines/model/machine.js';
import { managerPort } from './swarm-node.js';

/** Docker guesses omitted addresses, wrongly on machines with several. */
export interface NodeAddresses {
  advertise: string;
  /** `host:port` that the engine listens on. */
  listen: string;
  /** For container traffic between nodes. */
  dataPath: string;
}

/**
 * A public address may be translated (NAT): the machine cannot listen on it.
 * @param own addresses on the machine's interfaces
 * @returns undefined while the machine has no address
 */
export function chooseNodeAddresses(
  machine: Pick<Machine, 'addresses'>,
  own: readonly string[],
): NodeAddresses | undefined {
  const advertise = clusterAddress(machine);
  if (!advertise) return undefined;
  const listen = own.includes(advertise) ? withManagerPort(advertise) : wildcardAddress(advertise);
  return { advertise, listen, dataPath: advertise };
}

/** Listens on all addresses of the same family. */
export function wildcardAddress(address: string): string {
  return withManagerPort(isIPv6(address) ? '::' : '0.0.0.0');
}

/** As docker does (cli/command/swarm/opts.go). */
export function withManagerPort(address: string): string {
  if (isIPv6(address)) return `[${address}]:${managerPort}`;
  return /:\d+$/.test(address) ? address : `${address}:${managerPort}`;
}
