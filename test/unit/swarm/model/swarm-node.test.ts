import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NodeDocument } from '../../../../src/engine/model/api-documents.js';
import {
  alreadyMemberMessage,
  initializedMessage,
  joinedMessage,
} from '../../../../src/swarm/model/docker-messages.js';
import { type Role, readMembership, readNodes } from '../../../../src/swarm/model/swarm-node.js';

describe('readMembership', () => {
  test('readMembership reads a manager', () => {
    const info = {
      Containers: 3,
      LiveRestoreEnabled: true,
      Swarm: {
        NodeID: 'n1',
        NodeAddr: '10.0.0.1',
        LocalNodeState: 'active',
        ControlAvailable: true,
        Error: '',
        RemoteManagers: [
          { NodeID: 'n1', Addr: '10.0.0.1:2377' },
          { NodeID: 'n2', Addr: '10.0.0.2:2377' },
        ],
        Nodes: 3,
        Managers: 2,
        Cluster: { ID: 'c1', Version: { Index: 12 } },
      },
    };
    expect(readMembership(info)).toEqual({
      state: 'active',
      nodeId: 'n1',
      nodeAddress: '10.0.0.1',
      manager: true,
      swarmId: 'c1',
      managers: ['10.0.0.1:2377', '10.0.0.2:2377'],
      error: '',
      liveRestore: true,
    });
  });

  test('readMembership reads an engine outside a swarm, with null lists', () => {
    const info = {
      Swarm: {
        NodeID: '',
        NodeAddr: '',
        LocalNodeState: 'inactive',
        ControlAvailable: false,
        Error: '',
        RemoteManagers: null,
      },
    };
    expect(readMembership(info)).toEqual({
      state: 'inactive',
      nodeId: '',
      nodeAddress: '',
      manager: false,
      swarmId: '',
      managers: [],
      error: '',
      liveRestore: false,
    });
  });

  test('readMembership reads why a join failed', () => {
    expect(readMembership({ Swarm: { LocalNodeState: 'error', Error: 'no route' } })).toMatchObject({
      state: 'error',
      manager: false,
      error: 'no route',
    });
  });
});

describe('readNodes', () => {
  const node = (hostname: string, role: Role, more: Partial<NodeDocument> = {}): NodeDocument => ({
    ID: `id-${hostname}`,
    Version: { Index: 1 },
    Spec: { Role: role, Availability: 'drain', Labels: {} },
    Description: { Hostname: hostname, Engine: { EngineVersion: '28.1.0' } },
    Status: { State: 'ready', Addr: '10.0.0.7' },
    ...more,
  });
  const manager = (hostname: string, leader: boolean): NodeDocument =>
    node(hostname, 'manager', {
      ManagerStatus: { Reachability: 'reachable', Addr: 'a:2377', ...(leader && { Leader: true }) },
    });

  test('readNodes reads a worker and a manager', () => {
    expect(readNodes([node('node2', 'worker'), manager('node1', true)])).toEqual([
      {
        id: 'id-node1',
        hostname: 'node1',
        role: 'manager',
        status: 'ready',
        availability: 'drain',
        address: '10.0.0.7',
        engineVersion: '28.1.0',
        labels: {},
        reachability: 'reachable',
        managerAddress: 'a:2377',
        leader: true,
      },
      {
        id: 'id-node2',
        hostname: 'node2',
        role: 'worker',
        status: 'ready',
        availability: 'drain',
        address: '10.0.0.7',
        engineVersion: '28.1.0',
        labels: {},
        leader: false,
      },
    ]);
  });

  test('property: the leader comes first, then managers, then workers, each by natural host name', () => {
    const sorted = ['mg2', 'mg1', 'mg10', 'node1', 'node2', 'node10'];
    const nodes = sorted.map((name) =>
      name.startsWith('mg') ? manager(name, name === 'mg2') : node(name, 'worker'),
    );
    fc.assert(
      fc.property(fc.shuffledSubarray(nodes, { minLength: nodes.length }), (shuffled) => {
        expect(readNodes(shuffled).map(({ hostname }) => hostname)).toEqual(sorted);
      }),
    );
  });

  test('readNodes reads no nodes from an empty list', () => {
    expect(readNodes([])).toEqual([]);
  });
});

test('messages are those of docker', () => {
  expect([initializedMessage('n1'), joinedMessage('worker'), alreadyMemberMessage('manager')]).toEqual([
    'Swarm initialized: current node (n1) is now a manager.',
    'This node joined a swarm as a worker.',
    'This node is already part of the swarm as a manager.',
  ]);
});
