import { groupBy } from '../../base/group-by.js';
import { type FailureDomain, failureDomainOf, findFailureDomains, spreadAdvice } from './failure-domains.js';
import type { NamedMember } from './members.js';
import { failureTolerance, hasQuorum, managerCountAdvice, quorumSize, type Tally } from './quorum.js';
import type { Role, SwarmNode } from './swarm-node.js';

/** How the managers stand: as many as `needed` must be `reachable`, or nothing can be changed. */
export interface ManagerCounts {
  total: number;
  reachable: number;
  /** For a decision. */
  needed: number;
  /** How many may still fail. */
  tolerance: number;
}

export interface ManagerRow {
  name: string;
  status: string;
  availability: string;
  /** `reachable`, `unreachable`, `unknown`. */
  reachability: string;
  leader: boolean;
  place?: string;
}

/** Nodes that are in one state. */
export interface NodeGroup {
  role: Role;
  status: string;
  availability: string;
  names: string[];
}

/** What the managers say of a swarm that has a quorum. */
export interface SwarmOverview {
  quorum: boolean;
  managers: ManagerCounts & { leader?: string; nodes: ManagerRow[] };
  /** All nodes, managers too; those that are as they should be come last. */
  groups: NodeGroup[];
  places: FailureDomain[];
  /** What should be put right, or be known. */
  warnings: string[];
}

/** @param present which managers answer, by their ids: the leader notices late */
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
  const said = node.reachability ?? 'unknown';
  return {
    name,
    status: node.status,
    availability: node.availability,
    reachability: said === 'reachable' && !present.has(node.id) ? 'unreachable' : said,
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

/** Stable: managers come before workers as the nodes do. */
function healthRank({ status, availability }: Pick<SwarmNode, 'status' | 'availability'>): number {
  return (status === 'ready' ? 1 : 0) + (status === 'ready' && availability === 'active' ? 1 : 0);
}

function reachabilityWarnings(tally: Tally): string[] {
  const { managers, reachable } = tally;
  if (!hasQuorum(tally)) return [noQuorumWarning];
  if (reachable === managers) return [];
  const may = failureTolerance(tally);
  const left = may === 0 ? 'none of the others may fail' : `${may} more may fail`;
  return [`${managers - reachable} of ${managers} managers cannot be reached: ${left}`];
}

export const noQuorumWarning =
  'without a quorum nothing can be changed, and what runs goes on; start the others: belt start NODES; if they are lost: belt swarm recover';

/** When nodes' certificates end: they renew themselves, but only while their engines run. */
export interface NodeCertificates {
  /** How long new ones are good for, days. */
  validDays: number;
  /** The first that ends, of the nodes that were asked and answered. */
  soonest?: { name: string; expires: string; daysLeft: number };
  /** The authority's own end, ISO 8601. */
  authorityExpires?: string;
  /** Asked for theirs, without an answer. */
  unanswered: string[];
}

/** The fewest days that are nothing to speak of: Docker renews after half of a certificate's time (swarmkit, ca/renewer.go: 50 to 80 %). */
export function certificateWarnings({ soonest, validDays }: NodeCertificates): string[] {
  if (!soonest || soonest.daysLeft >= validDays * 0.15) return [];
  const { name, daysLeft } = soonest;
  const end = daysLeft < 0 ? `ended ${-daysLeft} days ago` : `ends in ${daysLeft} days`;
  return [`the swarm certificate of ${name} ${end}: nodes renew theirs while they run, so see to ${name}`];
}
