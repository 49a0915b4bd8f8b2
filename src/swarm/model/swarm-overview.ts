import { groupBy } from '../../base/group-by.js';
import { plural } from '../../base/plural.js';
import { quoteArgs } from '../../base/quote-args.js';
import { foldNames } from '../../machines/model/fold-names.js';
import type { MachineState } from '../../machines/model/machine.js';
import { type FailureDomain, failureDomainOf, findFailureDomains, spreadAdvice } from './failure-domains.js';
import type { NamedMember } from './members.js';
import { failureTolerance, hasQuorum, managerCountAdvice, quorumSize, type Tally } from './quorum.js';
import type { Role, SwarmNode } from './swarm-node.js';

interface ManagerCounts {
  total: number;
  reachable: number;
  /** Managers needed for a quorum. */
  needed: number;
  /** Managers that may still fail. */
  tolerance: number;
}

interface ManagerRow {
  name: string;
  status: string;
  availability: string;
  reachability: string;
  leader: boolean;
  place?: string;
}

interface NodeGroup {
  role: Role;
  status: string;
  availability: string;
  names: string[];
}

export interface SwarmOverview {
  quorum: boolean;
  managers: ManagerCounts & { leader?: string; nodes: ManagerRow[] };
  /** Healthy groups last. */
  groups: NodeGroup[];
  places: FailureDomain[];
  warnings: string[];
}

/** @param present ids of managers that respond, since the leader notices failures late */
export function createOverview(members: readonly NamedMember[], present: ReadonlySet<string>): SwarmOverview {
  const managers = members.filter(({ node }) => node.role === 'manager');
  const tally = {
    managers: managers.length,
    reachable: managers.filter(({ node }) => present.has(node.id)).length,
  };
  const leader = managers.find(({ node }) => node.leader)?.name;
  const places = findFailureDomains(members);
  return {
    quorum: hasQuorum(tally),
    managers: {
      ...managerCounts(tally),
      ...(leader !== undefined && { leader }),
      nodes: managers.map((member) => managerRow(member, present)),
    },
    groups: groupNodes(members),
    places,
    warnings: [
      ...reachabilityWarnings(tally),
      ...managerCountAdvice(managers.length),
      ...spreadAdvice(managers.length, places),
    ],
  };
}

export function managerCounts(tally: Tally): ManagerCounts {
  return {
    total: tally.managers,
    reachable: tally.reachable,
    needed: quorumSize(tally.managers),
    tolerance: Math.max(0, failureTolerance(tally)),
  };
}

function managerRow(member: NamedMember, present: ReadonlySet<string>): ManagerRow {
  const { name, node } = member;
  const place = failureDomainOf(member);
  const reported = node.reachability ?? 'unknown';
  return {
    name,
    status: node.status,
    availability: node.availability,
    reachability: reported === 'reachable' && !present.has(node.id) ? 'unreachable' : reported,
    leader: node.leader,
    ...(place !== undefined && { place }),
  };
}

function groupNodes(members: readonly NamedMember[]): NodeGroup[] {
  const groups = groupBy(members, ({ node }) => [node.role, node.status, node.availability].join(' '));
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      if (!first) return [];
      const { role, status, availability } = first.node;
      return [{ role, status, availability, names: group.map(({ name }) => name) }];
    })
    .toSorted((one, other) => healthRank(one) - healthRank(other));
}

/** The sort is stable, so managers stay before workers. */
function healthRank({ status, availability }: Pick<SwarmNode, 'status' | 'availability'>): number {
  return (status === 'ready' ? 1 : 0) + (status === 'ready' && availability === 'active' ? 1 : 0);
}

function reachabilityWarnings(tally: Tally): string[] {
  const { managers, reachable } = tally;
  if (!hasQuorum(tally)) return [noQuorumWarning];
  if (reachable === managers) return [];
  const missing = managers - reachable;
  const tolerated = toleranceText(failureTolerance(tally));
  return [
    `${missing} of ${managers} managers ${missing === 1 ? 'is' : 'are'} unreachable: the swarm ${tolerated}`,
  ];
}

export function toleranceText(failures: number): string {
  return failures === 0 ? 'tolerates no more failures' : `tolerates ${plural(failures, 'more failure')}`;
}

export const noQuorumWarning =
  'without a quorum the swarm cannot be changed, but running tasks continue; start the other managers: belt start NODES; if they are lost: belt swarm recover';

/** A node that is down; the state of its machine is that of the provider. */
interface DownNode {
  name: string;
  since?: string | undefined;
  /** Undefined for a node that is not a machine of the cluster. */
  state?: MachineState | undefined;
}

/** One warning per remedy: thousands of nodes may be down. */
export function downWarnings(down: readonly DownNode[]): string[] {
  return [...groupBy(down, remedyOf)].map(([remedy, nodes]) => {
    const names = foldNames(nodes.map(({ name }) => name)).join(',');
    const first = nodes.flatMap(({ since }) => since ?? []).toSorted()[0];
    const time = first && ` since ${first.slice(0, 16).replace('T', ' ')} UTC`;
    const subject = nodes.length === 1 ? `${names} is down` : `${plural(nodes.length, 'node')} are down`;
    return `${subject}${time ?? ''}; ${remedy} ${quoteArgs([names])}`;
  });
}

function remedyOf({ state }: DownNode): string {
  if (state === undefined) return 'it is not a machine of this cluster; to remove its entry: belt swarm rm';
  if (state === 'missing') return 'its machine no longer exists; to remove its entry: belt swarm rm';
  if (state === 'running') return 'its machine runs; to see why: belt engine show';
  return 'to start: belt start';
}

/** @param leaving names of the machines that have to leave, so that one swarm remains */
export function splitWarnings(
  split: readonly { name: string; hasLeader: boolean }[],
  leaving: readonly string[],
): string[] {
  if (split.length === 0) return [];
  const names = foldNames(split.map(({ name }) => name)).join(', ');
  const problem = split.some(({ hasLeader }) => hasLeader)
    ? `a second swarm with the same ID runs on ${names}, and both accept changes`
    : `${names} still ${split.length === 1 ? 'runs as a manager' : 'run as managers'} with the ID of this swarm, which does not list ${split.length === 1 ? 'it' : 'them'}`;
  return [
    `${problem}; to end that: belt swarm leave --force ${foldNames(leaving).join(' ')}, then join again with belt swarm join`,
  ];
}

/** @param names of managers that need the unlock key */
export function lockedWarnings(names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const nodes = foldNames(names).join(' ');
  return [`${nodes} ${names.length === 1 ? 'is' : 'are'} locked; to unlock: belt swarm unlock ${nodes}`];
}

/** Certificates renew only while the engine runs. */
export interface NodeCertificates {
  validDays: number;
  /** The first to expire. */
  soonest?: { name: string; expires: string; daysLeft: number };
  /** ISO 8601. */
  authorityExpires?: string;
  unanswered: string[];
}

/** Docker renews after 50 to 80 % of the lifetime (swarmkit, ca/renewer.go). */
export function certificateWarnings({ soonest, validDays }: NodeCertificates): string[] {
  if (!soonest || soonest.daysLeft >= validDays * 0.15) return [];
  const { name, daysLeft } = soonest;
  const end =
    daysLeft < 0 ? `expired ${plural(-daysLeft, 'day')} ago` : `expires in ${plural(daysLeft, 'day')}`;
  return [`the swarm certificate of ${name} ${end}: it renews only while ${name} runs`];
}
