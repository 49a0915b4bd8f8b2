import { expect, test } from 'vitest';
import { presentOf } from '../../../../src/clusters/model/current-state.js';
import type { Machine, MachineState } from '../../../../src/machines/model/machine.js';
import { matchMembers } from '../../../../src/swarm/model/members.js';
import type { SwarmNode } from '../../../../src/swarm/model/swarm-node.js';

function machine(name: string, address: string, more: Partial<Machine> = {}): Machine {
  return {
    name,
    driver: 'memory',
    phase: 'ready',
    addresses: { public: address },
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: '',
    ...more,
  };
}

function node(hostname: string, address: string, more: Partial<SwarmNode> = {}): SwarmNode {
  return {
    id: `id-${hostname}-${address}`,
    hostname,
    role: 'worker',
    status: 'ready',
    availability: 'active',
    address,
    engineVersion: '',
    labels: {},
    leader: false,
    ...more,
  };
}

/** Summarizes what exists for each name in one line. */
function present(seen: [Machine, MachineState][], nodes: SwarmNode[]): string[] {
  const machines = seen.map(([each]) => each);
  const members = matchMembers(nodes, machines);
  return presentOf(
    seen.map(([each, state]) => ({ machine: each, state })),
    members,
  ).map((each) => {
    const parts = [each.name, each.machine?.state ?? 'no machine'];
    if (each.node) parts.push(`${each.node.role}${each.node.ready ? '' : ' not ready'}`);
    return [...parts, ...each.stale.map(({ id }) => `stale ${id}`)].join(', ');
  });
}

test('machines are combined with their nodes', () => {
  expect(
    present(
      [
        [machine('a', '1'), 'running'],
        [machine('b', '2'), 'stopped'],
        [machine('c', '3'), 'running'],
        [machine('d', '4'), 'running'],
      ],
      [
        node('a', '1', { role: 'manager', reachability: 'reachable' }),
        node('b', '2', { status: 'down' }),
        node('c', '3', { role: 'manager', reachability: 'unreachable' }),
      ],
    ),
  ).toEqual([
    'a, running, manager',
    'b, stopped, worker not ready',
    'c, running, manager not ready',
    'd, running',
  ]);
});

test('the node of a missing machine is stale', () => {
  expect(present([[machine('a', '1'), 'missing']], [node('a', '1', { status: 'down' })])).toEqual([
    'a, missing, stale id-a-1',
  ]);
  expect(present([], [node('a', '1', { status: 'down' })])).toEqual(['a, no machine, stale id-a-1']);
});

test('a machine recreated at the same address is the existing node', () => {
  expect(
    present(
      [[machine('a', '1'), 'running']],
      [node('a', '1', { status: 'down', id: 'old' }), node('a', '1', { id: 'new' })],
    ),
  ).toEqual(['a, running, worker, stale old']);
});

test('a machine that its provider has lost but that still responds is not stale', () => {
  expect(present([[machine('a', '1'), 'missing']], [node('a', '1')])).toEqual(['a, missing, worker']);
});

test('nodes without a machine are listed by host name, or by ID if the name is taken', () => {
  expect(present([[machine('a', '1'), 'running']], [node('a', '1'), node('a', '9'), node('z', '8')])).toEqual(
    ['a, running, worker', 'id-a-9, no machine, worker', 'z, no machine, worker'],
  );
});
