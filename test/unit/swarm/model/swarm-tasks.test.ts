import { describe, expect, test } from 'vitest';
import type { TaskDocument } from '../../../../src/engine/model/api-documents.js';
import {
  findInterruptedServices,
  hasEnded,
  readServices,
  readTasks,
  taskName,
} from '../../../../src/swarm/model/swarm-tasks.js';

const services = readServices([
  { ID: 's1', Spec: { Name: 'web', Mode: { Replicated: { Replicas: 2 } } } },
  { ID: 's2', Spec: { Name: 'agent', Mode: {} } },
]);

function task(service: string, node: string, state: string, slot?: number): TaskDocument {
  return {
    ID: `${service}-${slot}`,
    ServiceID: service,
    NodeID: node,
    Slot: slot,
    Status: { State: state },
    DesiredState: 'running',
  };
}

const tasks = readTasks([
  task('s1', 'n1', 'running', 1),
  task('s1', 'n2', 'failed', 2),
  task('s1', 'n2', 'starting', 2),
  task('s2', 'n1', 'running'),
  task('gone', 'n1', 'shutdown', 1),
]);

describe('tasks', () => {
  test('tasks are named as docker shows them', () => {
    expect(tasks.map((each) => taskName(each, services))).toEqual([
      'web.1',
      'web.2',
      'web.2',
      'agent.n1',
      'gone-1',
    ]);
  });

  test('hasEnded is true for terminal states', () => {
    expect(tasks.map(hasEnded)).toEqual([false, true, false, false, true]);
  });

  test('a service is interrupted when all its running tasks are on the nodes', () => {
    expect(findInterruptedServices(services, tasks, ['n1'])).toEqual([{ name: 'web', tasks: 1 }]);
    expect(findInterruptedServices(services, tasks, ['n2'])).toEqual([]);
    const both = [...tasks, ...readTasks([task('s1', 'n2', 'running', 3)])];
    expect(findInterruptedServices(services, both, ['n1'])).toEqual([]);
    expect(findInterruptedServices(services, both, ['n1', 'n2'])).toEqual([{ name: 'web', tasks: 2 }]);
  });
});
