import type { Context } from '../app/context.js';
import { queryAll } from '../app/fan-out.js';
import { clusterAddress, type Machine } from '../machines/model/machine.js';
import { canReachManager } from './diagnose-join.js';
import { hasAddress, type Member, memberName } from './model/members.js';
import { hostOf } from './model/swarm-node.js';
import { networkOf } from './node-network.js';

/** A manager that advertises an address which its machine no longer has. */
export interface MovedManager {
  name: string;
  /** `host:port` */
  advertised: string;
  /** Its address now. */
  address: string;
  /** Another manager of the swarm. */
  other?: string;
}

/**
 * Queries only machines with another address than the one that their manager advertises. Behind NAT,
 * other nodes may reach an address that no machine has.
 */
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
  const strange = answers.flatMap(({ subject, value: addresses }) =>
    addresses.length === 0 || addresses.includes(hostOf(subject.advertised)) ? [] : [subject],
  );
  const reached = await Promise.all(strange.map((one) => isReached(one, members, context)));
  const moved = strange.filter((_, index) => !reached[index]);
  const isMoved = new Set(moved.map(({ machine }) => machine));
  const other = members.find(
    ({ node, machine }) => node.reachability === 'reachable' && !(machine && isMoved.has(machine)),
  );
  return moved.map(({ name, advertised, machine }) => ({
    name,
    advertised,
    address: clusterAddress(machine) ?? 'unknown',
    ...(other && { other: memberName(other) }),
  }));
}

/** From a few other nodes. */
async function isReached(
  { machine, advertised }: { machine: Machine; advertised: string },
  members: readonly Member[],
  context: Context,
): Promise<boolean> {
  const ready = members.filter(({ node }) => node.status === 'ready');
  const others = ready.flatMap((member) =>
    member.machine && member.machine !== machine ? [member.machine] : [],
  );
  const answers = await Promise.all(
    others.slice(0, 3).map((other) => canReachManager(other, advertised, context)),
  );
  return answers.includes(true);
}

export function movedText({ name, advertised, address }: MovedManager): string {
  return `${name} advertises ${hostOf(advertised)}, which is no longer one of its addresses (now ${address}), so other nodes cannot reach it`;
}

/** Rewrites the address of the only manager; one of several leaves and joins again. */
export const movedHint = 'belt swarm recover';

export function movedWarning(manager: MovedManager): string {
  return `${movedText(manager)}; to fix it: ${movedHint}`;
}
