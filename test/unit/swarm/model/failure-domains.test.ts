import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Machine } from '../../../../src/machines/model/machine.js';
import {
  evenSpread,
  failureDomainOf,
  findFailureDomains,
  spreadAdvice,
} from '../../../../src/swarm/model/failure-domains.js';
import { hasQuorum } from '../../../../src/swarm/model/quorum.js';
import type { Role, SwarmNode } from '../../../../src/swarm/model/swarm-node.js';

function node(labels: Record<string, string>, role: Role = 'manager'): SwarmNode {
  return {
    id: 'n',
    hostname: 'n',
    role,
    status: 'ready',
    availability: 'active',
    address: '10.0.0.1',
    engineVersion: '28.1.0',
    labels,
    leader: false,
  };
}

const machine: Machine = {
  name: 'mg1',
  driver: 'memory',
  phase: 'ready',
  addresses: {},
  ssh: { user: 'root', port: 22 },
  driverData: { region: 'sgp1' },
  createdAt: '2026-01-01T00:00:00.000Z',
};

/** Managers in so many places, `a`, `b`, ... */
function spread(...counts: number[]) {
  const members = counts.flatMap((count, place) =>
    Array.from({ length: count }, (_, index) => ({
      node: node({ zone: String.fromCharCode(97 + place) }),
      name: `mg${place}${index}`,
    })),
  );
  return findFailureDomains(members);
}

test.each([
  [1, '1'],
  [3, '1+1+1'],
  [4, '2+1+1'],
  [5, '2+2+1'],
  [7, '3+2+2'],
  [9, '3+3+3'],
])('%i managers are best spread %s', (managers, text) => {
  expect(evenSpread(managers).join('+')).toBe(text);
});

test('no place of an ideal spread is needed for the quorum, from three managers on but for four', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), (managers) => {
      const counts = evenSpread(managers);
      expect(counts.reduce((sum, count) => sum + count, 0)).toBe(managers);
      if (managers < 3 || managers === 4) return;
      for (const count of counts) expect(hasQuorum({ managers, reachable: managers - count })).toBe(true);
      expect(spreadAdvice(managers, spread(...counts))).toEqual([]);
    }),
  );
});

describe('a place', () => {
  test('is what labels say, the zone within its region', () => {
    expect(failureDomainOf({ node: node({ zone: 'a' }) })).toBe('a');
    expect(failureDomainOf({ node: node({ zone: 'a', region: 'eu' }) })).toBe('eu/a');
    expect(failureDomainOf({ node: node({ rack: '7' }) })).toBeUndefined();
  });

  test('is else what the provider said, and labels win', () => {
    expect(failureDomainOf({ node: node({}), machine })).toBe('sgp1');
    expect(failureDomainOf({ node: node({ region: 'eu' }), machine })).toBe('eu');
  });

  test('holds managers by name and counts workers', () => {
    const members = [
      { node: node({ zone: 'b' }), name: 'mg2' },
      { node: node({ zone: 'a' }), name: 'mg1' },
      { node: node({ zone: 'a' }, 'worker'), name: 'node1' },
      { node: node({}, 'worker'), name: 'node2' },
    ];
    expect(findFailureDomains(members)).toEqual([
      { name: 'a', managers: ['mg1'], workers: 1 },
      { name: 'b', managers: ['mg2'], workers: 0 },
    ]);
  });
});

describe('advice', () => {
  test('names the place that takes the quorum with it, and the spread to have', () => {
    expect(spreadAdvice(3, spread(2, 1))).toEqual([
      'a holds 2 of 3 managers: its failure takes the swarm its quorum; 3 managers spread 1+1+1 over three zones bear it',
    ]);
    expect(spreadAdvice(5, spread(3, 1, 1))).toEqual([
      expect.stringContaining('5 managers spread 2+2+1 over three zones bear it'),
    ]);
    expect(spreadAdvice(4, spread(2, 1, 1))).toEqual([expect.stringContaining('3 managers spread 1+1+1')]);
  });

  test('says of how many managers no place is known, where any is', () => {
    expect(spreadAdvice(3, spread(1, 1))).toEqual(['the zone of 1 of 3 managers is not known']);
    expect(spreadAdvice(3, [])).toEqual([]);
  });

  test('speaks up exactly where the loss of one place takes the quorum', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(4), { minLength: 1, maxLength: 6 }), (counts) => {
        const managers = counts.reduce((sum, count) => sum + count, 0);
        fc.pre(managers >= 3);
        const fatal = counts.filter((count) => !hasQuorum({ managers, reachable: managers - count }));
        expect(spreadAdvice(managers, spread(...counts))).toHaveLength(fatal.length);
      }),
    );
  });
});
