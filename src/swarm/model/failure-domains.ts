import { groupBy } from '../../base/group-by.js';
import { byNaturalOrder } from '../../base/natural-order.js';
import type { Member, NamedMember } from './members.js';
import { quorumSize } from './quorum.js';

/**
 * Where a swarm's nodes are, and whether the loss of one place takes it its quorum
 * (https://docs.docker.com/engine/swarm/admin_guide/#distribute-manager-nodes).
 */

/** A zone, region or data centre that fails as one. */
export interface FailureDomain {
  name: string;
  managers: string[];
  workers: number;
}

/** Docker's guide, and the book, spread over so many. */
const recommendedDomains = 3;

/** How managers are best spread: as even as can be over three places. */
export function evenSpread(managers: number): number[] {
  const places = Math.min(recommendedDomains, Math.max(1, managers));
  return Array.from({ length: places }, (_, place) => Math.ceil((managers - place) / places));
}

/**
 * The place of a node: what its labels say, else what the provider is known to have said. A zone's name may come again in another region.
 */
export function failureDomainOf({ node, machine }: Member): string | undefined {
  const facts: Readonly<Record<string, unknown>> = { ...machine?.driverData, ...node.labels };
  const words = [facts['region'], facts['zone']].filter(
    (word): word is string => typeof word === 'string' && word !== '',
  );
  return words.length > 0 ? words.join('/') : undefined;
}

/** Places in the order of their names; nodes of which no place is known are in none. */
export function findFailureDomains(members: readonly NamedMember[]): FailureDomain[] {
  const known = members.flatMap((member) => {
    const place = failureDomainOf(member);
    return place === undefined ? [] : [{ ...member, place }];
  });
  return [...groupBy(known, ({ place }) => place)]
    .map(([name, inside]) => {
      const managers = inside.filter(({ node }) => node.role === 'manager').map((member) => member.name);
      return { name, managers, workers: inside.length - managers.length };
    })
    .toSorted((one, other) => byNaturalOrder(one.name, other.name));
}

/** What is to be said of where the managers are; nothing where no single place can take the swarm its quorum. */
export function spreadAdvice(managers: number, places: readonly FailureDomain[]): string[] {
  if (managers < recommendedDomains) return [];
  const placed = places.reduce((sum, place) => sum + place.managers.length, 0);
  if (placed === 0) return [];
  const spare = managers - quorumSize(managers);
  const advice = places
    .filter((place) => place.managers.length > spare)
    .map(
      ({ name, managers: inside }) =>
        `${name} holds ${inside.length} of ${managers} managers: its failure takes the swarm its quorum; ${recommendedSpread(managers)} over three zones bear it`,
    );
  if (placed < managers) advice.push(`the zone of ${managers - placed} of ${managers} managers is not known`);
  return advice;
}

/** Four are the number that cannot be spread over three places so that each may fail. */
function recommendedSpread(managers: number): string {
  const count = managers === 4 ? 3 : managers;
  return `${count} managers spread ${evenSpread(count).join('+')}`;
}
