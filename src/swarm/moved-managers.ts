import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { clusterAddress, type Machine } from '../machines/model/machine.js';
import { hasAddress, type Member } from './model/members.js';
import { hostOf } from './model/swarm-node.js';
import { networkOf } from './node-network.js';

/** A manager that advertises an address which its machine no longer has. */
export interface MovedManager {
  name: string;
  /** `host:port` */
  advertised: string;
  /** Its address now. */
  address: string;
}

/** Queries only machines with another address than the one that their manager advertises. */
export async function findMovedManagers(
  members: readonly Member[],
  context: Context,
): Promise<MovedManager[]> {
  const suspects = members.flatMap(({ node: { managerAddress: advertised = '' }, machine }) =>
    machine && advertised !== '' && !hasAddress(machine, hostOf(advertised)) ? [{ machine, advertised }] : [],
  );
  const subjects = suspects.map((suspect) => ({ ...suspect, name: suspect.machine.name }));
  const query = ({ machine }: { machine: Machine }): Promise<string[]> =>
    networkOf(machine, context).then(({ addresses }) => addresses);
  const { answers } = await queryAll(subjects, query, context.signal);
  return answers.flatMap(({ subject: { name, advertised, machine }, value: addresses }) => {
    if (addresses.length === 0 || addresses.includes(hostOf(advertised))) return [];
    return [{ name, advertised, address: clusterAddress(machine) ?? 'unknown' }];
  });
}

export function movedText({ name, advertised, address }: MovedManager): string {
  return `${name} advertises ${hostOf(advertised)}, which is no longer one of its addresses (now ${address}), so other nodes cannot reach it`;
}

/** @param managers how many the swarm has */
export function movedHint({ name }: MovedManager, managers: number): string {
  return managers > 1
    ? `belt swarm leave ${name}, then belt swarm join --manager MANAGER ${name}`
    : `belt swarm backup --force FILE, then belt swarm restore --force FILE ${name} --rejoin NODES`;
}
