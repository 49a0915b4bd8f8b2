import { describe, expect, test } from 'vitest';
import {
  findStaleNodes,
  type RaftState,
  rankByLog,
  rankForBackup,
} from '../../../../src/swarm/model/manager-ranking.js';
import type { Member } from '../../../../src/swarm/model/members.js';
import type { SwarmNode } from '../../../../src/swarm/model/swarm-node.js';
import { isOlderVersion } from '../../../../src/swarm/recovery/restore-swarm.js';

describe('rankByLog', () => {
  const trace = (name: string, change: Partial<RaftState>): RaftState => ({
    name,
    swarmId: 's1',
    nodeId: name,
    manager: true,
    locked: false,
    ...change,
  });

  test('managers are ranked by committed entries, without workers and managers without a log', () => {
    const traces = [
      trace('behind', { position: { commit: 10, term: 2, index: 90 } }),
      trace('worker', { manager: false, position: { commit: 99, term: 9, index: 99 } }),
      trace('ahead', { position: { commit: 12, term: 2, index: 12 } }),
      trace('empty', {}),
    ];
    expect(rankByLog(traces).map(({ name }) => name)).toEqual(['ahead', 'behind']);
  });
});

describe('rankForBackup', () => {
  const manager = (name: string, change = {}) => ({
    name,
    leader: false,
    reachable: true,
    availability: 'active',
    tasks: 3,
    ...change,
  });
  const order = (...managers: ReturnType<typeof manager>[]): string[] =>
    rankForBackup(managers).map(({ name }) => name);

  test('a backup prefers a reachable manager that does not lead, is drained and runs few tasks', () => {
    const leader = manager('leader', { leader: true, availability: 'drain', tasks: 0 });
    const drained = manager('drained', { availability: 'drain', tasks: 9 });
    const idle = manager('idle', { tasks: 0 });
    const lost = manager('lost', { reachable: false, tasks: 0 });
    expect(order(leader, manager('busy'), idle, lost, drained)).toEqual([
      'drained',
      'idle',
      'busy',
      'leader',
    ]);
  });

  test('a backup uses the leader when there is no other manager', () => {
    expect(order(manager('only', { leader: true }))).toEqual(['only']);
  });
});

describe('findStaleNodes', () => {
  const member = (name: string, change: Partial<SwarmNode>, id = name): Member => ({
    node: {
      id,
      hostname: name,
      role: 'worker',
      status: 'ready',
      availability: 'active',
      address: '',
      engineVersion: '',
      labels: {},
      leader: false,
      ...change,
    },
  });
  const machine = (name: string, { node }: Member): Member => ({
    node,
    machine: {
      name,
      driver: 'memory',
      phase: 'ready',
      addresses: {},
      ssh: { user: 'root', port: 22 },
      driverData: {},
      createdAt: '2026-01-01T00:00:00.000Z',
    },
  });
  const gone =
    (...names: string[]) =>
    (of: Member): boolean =>
      names.includes(of.node.hostname);
  const ids = (members: Member[], ...names: string[]): string[] =>
    findStaleNodes(members, gone(...names)).map(({ node }) => node.id);

  test('former managers, missing machines and superseded entries are stale', () => {
    const members = [
      member('mg1', { role: 'manager', reachability: 'reachable', leader: true }),
      member('mg2', { role: 'manager', status: 'unknown' }),
      machine('node1', member('node1', { address: '10.0.0.2' }, 'new')),
      member('node1', { status: 'down', address: '10.0.0.1' }, 'old'),
      member('node2', { status: 'down' }),
      member('node3', { status: 'down' }),
    ];
    expect(ids(members, 'node3')).toEqual(['mg2', 'old', 'node3']);
  });

  test('an unreachable worker with the host name of another machine is not stale', () => {
    const members = [
      member('debian', { address: '10.0.0.7' }, 'there'),
      member('debian', { address: '10.0.0.8', status: 'unknown' }, 'slow'),
      member('debian', { address: '10.0.0.7', status: 'unknown' }, 'superseded'),
    ];
    expect(ids(members)).toEqual(['superseded']);
  });

  test('ready nodes are not stale', () => {
    expect(ids([member('mg1', { role: 'manager' }), member('node1', {})], 'mg1', 'node1')).toEqual([]);
  });
});

test.each([
  ['20.10.24+dfsg1', '26.1.5+dfsg1', true],
  ['26.1.5+dfsg1', '26.1.10', true],
  ['26.1.5+dfsg1', '26.1.5', false],
  ['28.0', '26.1.10', false],
])('engine version %s is older than %s: %s', (version, other, older) => {
  expect(isOlderVersion(version, other)).toBe(older);
});
