import { expect, test } from 'vitest';
import type { Machine } from '../../../../src/machines/model/machine.js';
import {
  ambiguousMachines,
  displayNames,
  matchMembers,
  memberName,
  named,
} from '../../../../src/swarm/model/members.js';
import type { SwarmNode } from '../../../../src/swarm/model/swarm-node.js';

function node(id: string, hostname: string, address: string, status = 'ready'): SwarmNode {
  return {
    id,
    hostname,
    address,
    status,
    role: 'worker',
    availability: 'active',
    engineVersion: '28.1.0',
    labels: {},
    leader: false,
  };
}

function machine(name: string, addresses: Machine['addresses']): Machine {
  return {
    name,
    driver: 'memory',
    phase: 'ready',
    addresses,
    ssh: { user: 'root', port: 22 },
    driverData: {},
    createdAt: '2026-01-01T00:00:00.000Z',
  };
}

function matches(nodes: SwarmNode[], machines: Machine[]): string[] {
  return matchMembers(nodes, machines).map(
    ({ node: { id }, machine: found }) => `${id} ${found?.name ?? '-'}`,
  );
}

test('a machine matches the node with its address, whatever its host name', () => {
  const nodes = [node('a', 'ip-10-0-0-1', '10.0.0.1'), node('b', 'elsewhere', '192.168.0.2')];
  const machines = [
    machine('node1', { public: '10.0.0.1' }),
    machine('node2', { public: '10.0.0.2', private: '192.168.0.2' }),
  ];
  expect(matches(nodes, machines)).toEqual(['a node1', 'b node2']);
});

test('a machine matches the node with its name when no address matches', () => {
  expect(matches([node('a', 'node1', '172.16.0.1')], [machine('node1', { public: '10.0.0.1' })])).toEqual([
    'a node1',
  ]);
});

test('an address match wins over a name match', () => {
  const nodes = [node('a', 'node2', '10.0.0.1'), node('b', 'node1', '10.0.0.2')];
  const machines = [machine('node1', { public: '10.0.0.1' }), machine('node2', { public: '10.0.0.2' })];
  expect(matches(nodes, machines)).toEqual(['a node1', 'b node2']);
});

test('a machine matches its ready node rather than stale entries', () => {
  const nodes = [node('old', 'node1', '10.0.0.1', 'down'), node('new', 'node1', '10.0.0.1')];
  expect(matches(nodes, [machine('node1', { public: '10.0.0.1' })])).toEqual(['old -', 'new node1']);
});

test('nodes without a machine are named by host name or id', () => {
  const [first, second] = matchMembers([node('a', 'stranger', '10.9.9.9'), node('b', '', '')], []);
  expect([first && memberName(first), second && memberName(second)]).toEqual(['stranger', 'b']);
});

test('the ID that a machine reports decides between two entries that look alive', () => {
  const nodes = [node('old', 'node1', '10.0.0.1'), node('new', 'node1', '10.0.0.1')];
  const machines = [machine('node1', { public: '10.0.0.1' })];
  expect(ambiguousMachines(nodes, machines)).toEqual(machines);
  const members = matchMembers(nodes, machines, new Map([['node1', 'new']]));
  expect(members.map(({ machine: found }) => found?.name)).toEqual([undefined, 'node1']);
});

test('one live entry per machine is not ambiguous', () => {
  const nodes = [node('old', 'node1', '10.0.0.1', 'down'), node('new', 'node1', '10.0.0.1')];
  expect(ambiguousMachines(nodes, [machine('node1', { public: '10.0.0.1' })])).toEqual([]);
});

test('displayed names include a different host name, and the ID where names repeat', () => {
  const nodes = [node('a', 'ip-10-0-0-1', '10.0.0.1'), node('b', 'db', ''), node('c', 'db', '')];
  const members = named(matchMembers(nodes, [machine('node1', { public: '10.0.0.1' })]));
  expect(displayNames(members)).toEqual(['node1 (ip-10-0-0-1)', 'db (b)', 'db (c)']);
});
