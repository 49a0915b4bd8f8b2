import { groupBy } from '../../base/group-by.js';
import { byNaturalOrder } from '../../base/natural-order.js';
import type { Member, NamedMember } from './members.js';
import { quorumSize } from './quorum.js';

/** A zone, region or data center (docker's admin guide, "Distribute manager nodes"). */
export interface FailureDomain {
  name: string;
  managers: string[];
  workers: number;
}

/** Recommended by Docker's admin guide. */
const recommendedDomains = 3;

/** As evenly as possible. */
export function evenSpread(managers: number): number[] {
  const domains = Math.min(recommendedDomains, Math.max(1, managers));
  return Array.from({ length: domains }, (_, domain) => Math.ceil((managers - domain) / domains));
}

/** From labels, else the provider. The region comes first, since zone names repeat. */
export function failureDomainOf({ node, machine }: Member): string | undefined {
  const facts: Readonly<Record<string, unknown>> = { ...machine?.driverData, ...node.labels };
  const words = [facts['region'], facts['zone']].filter(
    (word): word is string => typeof word === 'string' && word !== '',
  );
  return words.length > 0 ? words.join('/') : undefined;
}

/** Sorted by name; omits nodes without a known failure domain. */
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

export function spreadAdvice(managers: number, places: readonly FailureDomain[]): string[] {
  if (managers < recommendedDomains) return [];
  const located = places.reduce((sum, place) => sum + place.managers.length, 0);
  if (located === 0) return [];
  const spare = managers - quorumSize(managers);
  const advice = places
    .filter((place) => place.managers.length > spare)
    .map(
      ({ name, managers: inside }) =>
        `${name} holds ${inside.length} of ${managers} managers: if it fails, the swarm loses its quorum; spread ${recommendedSpread(managers)} over three zones`,
    );
  if (located < managers) advice.push(`the zone of ${managers - located} of ${managers} managers is unknown`);
  return advice;
}

/** Four managers cannot survive the loss of any of three domains. */
function recommendedSpread(managers: number): string {
  const count = managers === 4 ? 3 : managers;
  return `${count} managers ${evenSpread(count).join('+')}`;
}
