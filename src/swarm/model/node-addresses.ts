import { isIPv6 } from 'node:net';
import { clusterAddress, type Machine } from '../../machines/model/machine.js';
import { managerPort } from './swarm-node.js';

/** Where a node is found by the others: docker guesses each that is not given, and guesses wrong on machines with several addresses. */
export interface NodeAddresses {
  /** What the others are told. */
  advertise: string;
  /** `host:port` that its own engine listens on. */
  listen: string;
  /** Where containers' traffic between nodes goes. */
  dataPath: string;
}

/**
 * The addresses of a machine in a swarm, from what its provider says. A public address is often another's that hands the packets on: what
 * is on no interface cannot be listened on.
 * @param own the addresses on its interfaces
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

/** `host:port` to listen on at all addresses of the machine that are of this one's kind. */
export function wildcardAddress(address: string): string {
  return withManagerPort(isIPv6(address) ? '::' : '0.0.0.0');
}

/** `host:port` with the managers' port where there is none, as docker completes it (cli/command/swarm/opts.go). */
export function withManagerPort(address: string): string {
  if (isIPv6(address)) return `[${address}]:${managerPort}`;
  return /:\d+$/.test(address) ? address : `${address}:${managerPort}`;
}
