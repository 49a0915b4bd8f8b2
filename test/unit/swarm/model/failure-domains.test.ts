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

/** Managers in the zones `a`, `b`, ... */
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

test('evenly spread managers keep the quorum without any one domain, except four managers', () => {
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

describe('failureDomainOf', () => {
  test('a failure domain comes from the labels, as region/zone', () => {
    expect(failureDomainOf({ node: node({ zone: 'a' }) })).toBe('a');
    expect(failureDomainOf({ node: node({ zone: 'a', region: 'eu' }) })).toBe('eu/a');
    expect(failureDomainOf({ node: node({ rack: '7' }) })).toBeUndefined();
  });

  test('a failure domain comes from the provider where no label sets it', () => {
    expect(failureDomainOf({ node: node({}), machine })).toBe('sgp1');
    expect(failureDomainOf({ node: node({ region: 'eu' }), machine })).toBe('eu');
  });

  test('a failure domain lists its managers and counts its workers', () => {
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

describe('spreadAdvice', () => {
  test('the advice names the domain whose loss costs the quorum, and the recommended spread', () => {
    expect(spreadAdvice(3, spread(2, 1))).toEqual([
      'a holds 2 of 3 managers: if it fails, the swarm loses its quorum; spread 3 managers 1+1+1 over three zones',
    ]);
    expect(spreadAdvice(5, spread(3, 1, 1))).toEqual([
      expect.stringContaining('spread 5 managers 2+2+1 over three zones'),
    ]);
    expect(spreadAdvice(4, spread(2, 1, 1))).toEqual([expect.stringContaining('spread 3 managers 1+1+1')]);
  });

  test('the advice counts managers whose zone is unknown, when others are known', () => {
    expect(spreadAdvice(3, spread(1, 1))).toEqual(['the zone of 1 of 3 managers is unknown']);
    expect(spreadAdvice(3, [])).toEqual([]);
  });

  test('property: there is advice exactly when the loss of one domain costs the quorum', () => {
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
